//! From the raw scores of several policies to one share per candidate.
//!
//! Policies that count bytes, prices or pods are brought to one scale and added up; [`crate::compose`] turns the shares into the
//! scheduler's integers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a policy's raw scores become shares from 0 to 1.
///
/// | normalisation | raw 30, 20, 10 | raw -10, 0, 10 | all equal, 7 |
/// |---------------|----------------|----------------|--------------|
/// | max           | 1, 0.67, 0.33  | 0, 0.5, 1      | 1            |
/// | min-max       | 1, 0.5, 0      | 0, 0.5, 1      | 0            |
/// | rank          | 1, 0.5, 0      | 0, 0.5, 1      | 0            |
/// | none          | 1, 1, 1        | 0, 0, 1        | 1            |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// The share of the best: twice the bytes, twice the share. Zero is zero, or the lowest score if that is
    /// negative.
    #[default]
    Max,
    /// From the worst candidate, 0, to the best, 1: small differences become as large as large ones.
    MinMax,
    /// Only the order: distinct scores are spread evenly over 0 to 1.
    Rank,
    /// As it is: the policy returns shares itself. What is outside 0 to 1 is cut off.
    None,
}

/// What happens to the others when a policy fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFault {
    /// It is left out and the weights of the others make up the whole: scores keep their scale.
    #[default]
    Skip,
    /// It counts as no preference: its weight stays in the sum, so that all scores are smaller while it fails and
    /// the scheduler's other plugins get more of a say.
    Neutral,
}

/// What one policy contributes.
#[derive(Clone, Copy, Debug)]
pub struct Contribution<'a> {
    /// Its weight, above 0.
    pub weight: f64,
    /// Its shares per candidate, or what its fault means for the others.
    pub shares: Result<&'a [f64], OnFault>,
}

/// The share of each candidate; `raw` must be finite.
#[must_use]
pub fn normalise(raw: &[f64], how: Normalisation) -> Vec<f64> {
    let lowest = raw.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let stretched = |zero: f64, best: f64| {
        let range = best - zero;
        // `range` can overflow to infinity for absurd but finite scores: then nothing can be said.
        if range > 0.0 && range.is_finite() {
            raw.iter().map(|value| ((value - zero) / range).clamp(0.0, 1.0)).collect()
        } else {
            vec![0.0; raw.len()]
        }
    };
    match how {
        Normalisation::Max => stretched(lowest.min(0.0), highest),
        Normalisation::MinMax => stretched(lowest, highest),
        Normalisation::Rank => {
            let mut distinct = raw.to_vec();
            distinct.sort_unstable_by(f64::total_cmp);
            distinct.dedup();
            let steps = distinct.len().saturating_sub(1).max(1);
            #[allow(clippy::cast_precision_loss, reason = "counts of nodes are far below 2^52")]
            let share = |value: &f64| distinct.partition_point(|other| other < value) as f64 / steps as f64;
            raw.iter().map(share).collect()
        }
        Normalisation::None => raw.iter().map(|value| value.clamp(0.0, 1.0)).collect(),
    }
}

/// The weighted mean of all contributions per candidate, from 0 to 1; `None` if every policy failed.
#[must_use]
pub fn combine(contributions: &[Contribution<'_>]) -> Option<Vec<f64>> {
    let counts = |contribution: &&Contribution<'_>| contribution.shares != Err(OnFault::Skip);
    let total: f64 = contributions.iter().filter(counts).map(|contribution| contribution.weight).sum();
    let mut sum: Option<Vec<f64>> = None;
    for contribution in contributions {
        let Ok(shares) = contribution.shares else { continue };
        let part = contribution.weight / total;
        match &mut sum {
            None => sum = Some(shares.iter().map(|share| share * part).collect()),
            Some(sum) => sum.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share * part),
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Normalisation; 4] =
        [Normalisation::Max, Normalisation::MinMax, Normalisation::Rank, Normalisation::None];

    #[test]
    fn the_table_in_the_documentation_is_what_the_code_does() {
        let third = 1.0 / 3.0;
        let expected: [(Normalisation, [[f64; 3]; 3]); 4] = [
            (Normalisation::Max, [[1.0, 2.0 * third, third], [0.0, 0.5, 1.0], [1.0; 3]]),
            (Normalisation::MinMax, [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0], [0.0; 3]]),
            (Normalisation::Rank, [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0], [0.0; 3]]),
            (Normalisation::None, [[1.0; 3], [0.0, 0.0, 1.0], [1.0; 3]]),
        ];
        for (how, rows) in expected {
            for (raw, row) in [[30.0, 20.0, 10.0], [-10.0, 0.0, 10.0], [7.0; 3]].iter().zip(rows) {
                let shares = normalise(raw, how);
                assert!(
                    shares.iter().zip(row).all(|(share, row)| (share - row).abs() < 1e-12),
                    "{how:?} {shares:?}"
                );
            }
        }
    }

    #[test]
    fn a_fault_is_skipped_or_counts_as_no_preference() {
        let (bytes, pods) = ([1.0, 0.5], [0.0, 1.0]);
        let with = |shares| {
            [Contribution { weight: 3.0, shares: Ok(&bytes[..]) }, Contribution { weight: 1.0, shares }]
        };
        assert_eq!(combine(&with(Ok(&pods))).unwrap(), [0.75, 0.625]);
        assert_eq!(combine(&with(Err(OnFault::Skip))).unwrap(), [1.0, 0.5]);
        assert_eq!(combine(&with(Err(OnFault::Neutral))).unwrap(), [0.75, 0.375]);
        assert_eq!(combine(&[Contribution { weight: 1.0, shares: Err(OnFault::Neutral) }]), None);
        assert_eq!(combine(&[]), None);
    }

    proptest! {
        #[test]
        fn shares_keep_the_order_and_stay_within_0_and_1(raw in prop::collection::vec(-1e300f64..1e300, 1..50)) {
            for how in ALL {
                let shares = normalise(&raw, how);
                prop_assert_eq!(shares.len(), raw.len());
                prop_assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
                for (a, left) in raw.iter().zip(&shares) {
                    for (b, right) in raw.iter().zip(&shares) {
                        prop_assert!(a > b || left <= right, "{how:?}");
                    }
                }
            }
        }

        /// Whatever the weights, the sum of shares is a share.
        #[test]
        fn a_combination_is_a_share(
            first in prop::collection::vec(0.0f64..=1.0, 3), second in prop::collection::vec(0.0f64..=1.0, 3),
            weights in (1e-3f64..1e3, 1e-3f64..1e3)
        ) {
            let sum = combine(&[
                Contribution { weight: weights.0, shares: Ok(&first) },
                Contribution { weight: weights.1, shares: Ok(&second) },
            ]);
            prop_assert!(sum.unwrap().into_iter().all(|share| (0.0..=1.0 + 1e-9).contains(&share)));
        }
    }
}
