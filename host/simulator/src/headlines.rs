//! What a report says first: for each arm what it keeps local, and what that costs.

use netmarks_placement::{ArmReport, Figure};

use crate::labels::{LABELS, Label, Unit};
use crate::report::SimulationReport;

/// What a gain is paid with, each with the words that a sentence gives it.
const PRICE: [(Figure, &str); 4] = [
    (Figure::ResponseP99Ms, "the response p99"),
    (Figure::CpuMost, "the CPU requested on the fullest node"),
    (Figure::LargestShareOnNode, "the largest share of an application on one node"),
    (Figure::PodsWithoutNode, "the number of pods without a node"),
];

impl SimulationReport {
    /// A sentence or two for each arm after the first, or for the first if there is no other; then what the snapshot had.
    /// Names in them are as they came: whoever shows them escapes them.
    #[must_use]
    pub fn headlines(&self) -> Vec<String> {
        let mut headlines = match self.study.arms.as_slice() {
            [] => Vec::new(),
            [first] => vec![kept(first)],
            [first, others @ ..] => others.iter().map(|arm| headline(first, arm)).collect(),
        };
        headlines.extend(self.as_found());
        headlines
    }

    fn as_found(&self) -> Option<String> {
        let found = self.as_found.as_ref()?;
        let share = |figure| {
            let share = found.get(&figure).copied();
            share.map_or_else(|| "-".to_owned(), |share| Unit::Percent.number(share))
        };
        Some(format!(
            "As found in the snapshot, before anything is placed again: {} of the bytes within a node, {} across zones, gained affinity {}.",
            share(Figure::BytesWithinNode),
            share(Figure::BytesAcrossZones),
            share(Figure::GainedAffinity),
        ))
    }
}

fn kept(arm: &ArmReport) -> String {
    match arm.figures.get(&Figure::BytesWithinNode) {
        Some(found) => {
            format!(
                "{} keeps {} of the bytes within a node.",
                arm.name,
                Unit::Percent.number(found.estimate.mean)
            )
        }
        None => format!("{} was not measured: there is no traffic between placed pods.", arm.name),
    }
}

fn headline(first: &ArmReport, arm: &ArmReport) -> String {
    let found = arm.figures.get(&Figure::BytesWithinNode);
    let Some(difference) = found.and_then(|found| found.difference) else {
        return format!("{} cannot be compared with {}.", arm.name, first.name);
    };
    let kept = kept(arm);
    if !difference.is_clear() {
        return format!("{kept} That is not clearly different from {}. {}", first.name, price(arm));
    }
    let more = if difference.mean > 0.0 { "more" } else { "less" };
    format!(
        "{kept} That is {:.1} percentage points (±{:.1}) {more} than {}. {}",
        difference.mean.abs() * 100.0,
        difference.half_width * 100.0,
        first.name,
        price(arm)
    )
}

/// What clearly becomes larger than in the first arm.
fn price(arm: &ArmReport) -> String {
    let larger = PRICE.iter().filter_map(|(figure, words)| {
        let label = LABELS.iter().find(|label| label.figure == *figure)?;
        larger(arm, label).map(|amounts| format!("{words} {amounts}"))
    });
    let larger: Vec<String> = larger.collect();
    match larger.as_slice() {
        [] => "Response times, the fullest node, concentration and pods without a node do not rise clearly."
            .to_owned(),
        [only] => format!("Its price: {only}."),
        [most @ .., last] => format!("Its price: {}, and {last}.", most.join(", ")),
    }
}

fn larger(arm: &ArmReport, label: &Label) -> Option<String> {
    let found = arm.figures.get(&label.figure)?;
    let difference = found.difference.filter(|difference| difference.is_clear() && difference.mean > 0.0)?;
    let number = |value| label.unit.number(value);
    Some(format!(
        "rises from {} to {}",
        number(found.estimate.mean - difference.mean),
        number(found.estimate.mean)
    ))
}

#[cfg(test)]
mod tests {
    use netmarks_placement::{Figures, Repetition, Study};

    use super::*;

    fn arm(name: &str, figures: [(Figure, f64); 4]) -> (String, Vec<Option<Repetition>>) {
        let repetition = Repetition { figures: Figures::from(figures), ..Repetition::default() };
        (name.to_owned(), vec![Some(repetition.clone()), Some(repetition)])
    }

    fn figures(bytes: f64, cpu: f64, p99: f64, without: f64) -> [(Figure, f64); 4] {
        [
            (Figure::BytesWithinNode, bytes),
            (Figure::CpuMost, cpu),
            (Figure::ResponseP99Ms, p99),
            (Figure::PodsWithoutNode, without),
        ]
    }

    #[test]
    fn a_gain_is_said_with_its_price() {
        let study = Study::new(&[
            arm("default", figures(0.1, 0.5, 10.0, 0.0)),
            arm("netmarks", figures(0.6, 0.9, 12.5, 0.0)),
            arm("cheap", figures(0.3, 0.5, 9.0, 0.0)),
            arm("worse", figures(0.05, 0.5, 10.0, 3.0)),
        ]);
        let [default, netmarks, cheap, worse] = study.arms.as_slice() else { panic!() };
        assert_eq!(
            headline(default, netmarks),
            "netmarks keeps 60.0% of the bytes within a node. That is 50.0 percentage points (±0.0) more than default. Its price: \
             the response p99 rises from 10.00 ms to 12.50 ms, and the CPU requested on the fullest node rises from 50.0% to 90.0%."
        );
        assert!(headline(default, cheap).ends_with(
            "Response times, the fullest node, concentration and pods without a node do not rise clearly."
        ));
        assert!(headline(default, worse).contains("5.0 percentage points (±0.0) less than default. Its price: the number of pods without a node rises from 0.0 to 3.0."));
        assert!(headline(default, default).contains("cannot be compared"));
    }
}
