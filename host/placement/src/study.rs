//! Repetitions of several arms beside one another: means, intervals, and the difference to the first arm.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::{Figure, Figures};
use crate::interval::Interval;

/// One run of one arm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repetition {
    pub figures: Figures,
    /// Decisions for which a policy failed.
    pub faults: u64,
    /// Decisions asked for.
    pub decisions: u64,
}

/// What was found of one figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FigureReport {
    #[serde(flatten)]
    pub estimate: Interval,
    /// To the first arm, repetition by repetition; none for the first arm itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Interval>,
}

/// What was found of one arm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmReport {
    pub name: String,
    /// How many repetitions finished.
    pub repetitions: usize,
    pub figures: BTreeMap<Figure, FigureReport>,
    /// Decisions for which a policy failed, in all repetitions.
    pub faults: u64,
    pub decisions: u64,
}

/// Several arms on the same repetitions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Study {
    pub arms: Vec<ArmReport>,
}

impl Study {
    /// From each arm's name and repetitions. The n-th repetition of every arm began alike (same seed, same order), so that
    /// differences are taken between pairs; one that did not finish is `None`.
    #[must_use]
    pub fn new(arms: &[(String, Vec<Option<Repetition>>)]) -> Self {
        let first = arms.first().map(|(_, repetitions)| repetitions.as_slice()).unwrap_or_default();
        let report = |(index, (name, repetitions)): (usize, &(String, Vec<Option<Repetition>>))| {
            let compared = (index > 0).then_some(first);
            arm(name, repetitions, compared)
        };
        Self { arms: arms.iter().enumerate().map(report).collect() }
    }
}

fn arm(name: &str, repetitions: &[Option<Repetition>], first: Option<&[Option<Repetition>]>) -> ArmReport {
    let finished = || repetitions.iter().flatten();
    let mut values = BTreeMap::<Figure, (Vec<f64>, Vec<f64>)>::new();
    for (index, repetition) in repetitions.iter().enumerate() {
        let pair = first.and_then(|first| first.get(index)?.as_ref());
        for (figure, value) in repetition.iter().flat_map(|repetition| &repetition.figures) {
            let (all, differences) = values.entry(*figure).or_default();
            all.push(*value);
            differences.extend(pair.and_then(|pair| pair.figures.get(figure)).map(|other| value - other));
        }
    }
    let report = |(figure, (all, differences)): (Figure, (Vec<f64>, Vec<f64>))| {
        let difference = (!differences.is_empty()).then(|| Interval::of(&differences));
        (figure, FigureReport { estimate: Interval::of(&all), difference })
    };
    ArmReport {
        name: name.to_owned(),
        repetitions: finished().count(),
        figures: values.into_iter().map(report).collect(),
        faults: finished().map(|repetition| repetition.faults).sum(),
        decisions: finished().map(|repetition| repetition.decisions).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_between_pairs_and_unfinished_repetitions_do_not_count() {
        let of = |value: f64| {
            let figures = Figures::from([(Figure::BytesWithinNode, value)]);
            Some(Repetition { figures, faults: 1, decisions: 10 })
        };
        let study = Study::new(&[
            ("default".into(), vec![of(0.1), of(0.5), of(0.9)]),
            ("netmarks".into(), vec![of(0.2), of(0.6), None]),
        ]);
        let [first, second] = study.arms.as_slice() else { panic!() };
        assert_eq!((first.repetitions, second.repetitions, second.faults, second.decisions), (3, 2, 2, 20));
        let figure = &second.figures[&Figure::BytesWithinNode];
        assert!((figure.estimate.mean - 0.4).abs() < 1e-12);
        let difference = figure.difference.unwrap();
        assert!(
            (difference.mean - 0.1).abs() < 1e-12 && difference.half_width < 1e-9,
            "the pairs differ alike"
        );
        assert!(first.figures[&Figure::BytesWithinNode].difference.is_none());
    }
}
