//! From shares to what kube-scheduler takes: integers from 0 to `top`.
//!
//! Policies never see it: they return any finite numbers, and the operator chooses here how
//! much resolution the small shares keep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How steeply [`ScoreMap::Logarithmic`] favours small shares: 1% of the best gets a seventh of the top.
const LOGARITHM_STEEPNESS: f64 = 99.0;

/// The map from a candidate's share (0 to 1) to a share of the top.
///
/// Shares 1.0, 0.5, 0.1 and 0.01 become, with a top of 10:
///
/// | map         |  1.0 | 0.5 | 0.1 | 0.01 |
/// |-------------|------|-----|-----|------|
/// | linear      |   10 |   5 |   1 |    0 |
/// | square-root |   10 |   7 |   3 |    1 |
/// | logarithmic |   10 |   9 |   5 |    1 |
/// | rank        |   10 |   8 |   5 |    3 |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreMap {
    /// Proportional: half the bytes, half the score.
    #[default]
    Linear,
    /// The square root: small shares stay visible.
    SquareRoot,
    /// The logarithm: orders of magnitude become steps.
    Logarithmic,
    /// Only the order counts: distinct positive scores are spread evenly over 1 to the top.
    Rank,
}

/// Turns shares (see [`crate::combine`]) into `(candidate, score)` for every candidate whose score is positive, in
/// candidate order.
///
/// A share of 1 gets `top * confidence`, rounded (`confidence` is 0 to 1, below 1 while the metrics are going stale).
#[must_use]
pub fn compose(shares: &[f64], map: ScoreMap, top: u32, confidence: f64) -> Vec<(u32, u32)> {
    let scale = f64::from(top) * confidence.clamp(0.0, 1.0);
    let ranks = if map == ScoreMap::Rank { distinct_positive(shares) } else { Vec::new() };
    let mapped = |share: f64| -> f64 {
        match map {
            ScoreMap::Linear => share,
            ScoreMap::SquareRoot => share.sqrt(),
            ScoreMap::Logarithmic => (share * LOGARITHM_STEEPNESS).ln_1p() / LOGARITHM_STEEPNESS.ln_1p(),
            ScoreMap::Rank => rank_share(&ranks, share),
        }
    };
    (0u32..)
        .zip(shares)
        .filter(|(_, share)| **share > 0.0)
        .filter_map(|(candidate, share)| {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to `top`, which fits: a share is at most 1 and not negative"
            )]
            let score = (mapped(share.min(1.0)) * scale).round() as u32;
            (score > 0).then_some((candidate, score))
        })
        .collect()
}

/// Leaves the `most` hosts with the largest shares, and those that tie with the last of them, so that which of them is named
/// never hangs on the order of the candidates. `scores` are what [`compose`] made of `shares`.
pub fn keep_best(scores: &mut Vec<(u32, u32)>, shares: &[f64], most: usize) {
    if scores.len() <= most {
        return;
    }
    let share = |candidate: u32| shares.get(candidate as usize).copied().unwrap_or(0.0);
    let mut named: Vec<f64> = scores.iter().map(|(candidate, _)| share(*candidate)).collect();
    let last = most.saturating_sub(1);
    let (_, cut, _) = named.select_nth_unstable_by(last, |left, right| right.total_cmp(left));
    let cut = *cut;
    scores.retain(|(candidate, _)| share(*candidate) >= cut);
}

fn distinct_positive(shares: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> = shares.iter().copied().filter(|share| *share > 0.0).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    values
}

#[allow(clippy::cast_precision_loss, reason = "counts of nodes are far below 2^52")]
fn rank_share(ranks: &[f64], share: f64) -> f64 {
    let position = ranks.partition_point(|rank| *rank < share);
    (position + 1) as f64 / ranks.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAPS: [ScoreMap; 4] =
        [ScoreMap::Linear, ScoreMap::SquareRoot, ScoreMap::Logarithmic, ScoreMap::Rank];

    #[test]
    fn the_table_in_the_documentation_is_what_the_code_does() {
        let shares = [1.0, 0.5, 0.1, 0.01, 0.0];
        let expected: [(ScoreMap, &[(u32, u32)]); 4] = [
            (ScoreMap::Linear, &[(0, 10), (1, 5), (2, 1)]),
            (ScoreMap::SquareRoot, &[(0, 10), (1, 7), (2, 3), (3, 1)]),
            (ScoreMap::Logarithmic, &[(0, 10), (1, 9), (2, 5), (3, 1)]),
            (ScoreMap::Rank, &[(0, 10), (1, 8), (2, 5), (3, 3)]),
        ];
        for (map, scores) in expected {
            assert_eq!(compose(&shares, map, 10, 1.0), scores, "{map:?}");
        }
    }

    #[test]
    fn no_preference_is_an_empty_answer() {
        for map in MAPS {
            assert!(compose(&[0.0, 0.0], map, 10, 1.0).is_empty());
            assert!(compose(&[1.0], map, 10, 0.0).is_empty());
            assert!(compose(&[], map, 10, 1.0).is_empty());
        }
        for raw in [&[0.0, 0.0][..], &[-3.0, -3.0], &[f64::MAX, f64::MIN], &[]] {
            let shares = crate::combine::normalise(raw, crate::combine::Normalisation::Max);
            assert!(compose(&shares, ScoreMap::Linear, 10, 1.0).is_empty(), "{raw:?}");
        }
    }

    #[test]
    fn penalties_start_the_scale_below_zero() {
        let shares = crate::combine::normalise(&[-10.0, -5.0, 0.0], crate::combine::Normalisation::Max);
        assert_eq!(compose(&shares, ScoreMap::Linear, 10, 1.0), [(1, 5), (2, 10)]);
    }

    #[test]
    fn the_best_are_kept_with_those_that_tie() {
        let shares = [0.2, 0.5, 1.0, 0.5, 0.0, 0.4];
        for (most, kept) in [
            (1, &[2][..]),
            (2, &[1, 2, 3]),
            (3, &[1, 2, 3]),
            (4, &[1, 2, 3, 5]),
            (5, &[0, 1, 2, 3, 5]),
            (100, &[0, 1, 2, 3, 5]),
        ] {
            let mut scores = compose(&shares, ScoreMap::Linear, 10, 1.0);
            keep_best(&mut scores, &shares, most);
            assert_eq!(scores.iter().map(|(candidate, _)| *candidate).collect::<Vec<_>>(), kept, "{most}");
        }
    }

    proptest! {
        /// What is left out is worse than all that is kept, and scores stay as they were.
        #[test]
        fn nothing_better_is_left_out(shares in prop::collection::vec(0.0f64..=1.0, 1..200), most in 1usize..50) {
            let all = compose(&shares, ScoreMap::Linear, 10, 1.0);
            let mut kept = all.clone();
            keep_best(&mut kept, &shares, most);
            prop_assert!(kept.len() >= most.min(all.len()));
            let share = |(candidate, _): &(u32, u32)| shares[*candidate as usize];
            let worst = kept.iter().map(share).fold(1.0, f64::min);
            for one in &all {
                prop_assert_eq!(kept.contains(one), share(one) >= worst);
            }
        }

        /// Order is kept, nothing leaves 0 to the top, and a share of 1 gets the top.
        #[test]
        fn every_map_keeps_the_order(
            mut raw in prop::collection::vec(0.0f64..1.0, 1..200), top in 1u32..1_000
        ) {
            raw[0] = 1.0;
            for map in MAPS {
                let scores = compose(&raw, map, top, 1.0);
                let mut dense = vec![0; raw.len()];
                for (candidate, score) in scores {
                    prop_assert!((1..=top).contains(&score));
                    dense[candidate as usize] = score;
                }
                for i in 1..raw.len() {
                    let same_way = match raw[i - 1].total_cmp(&raw[i]) {
                        std::cmp::Ordering::Less => dense[i - 1] <= dense[i],
                        std::cmp::Ordering::Greater => dense[i - 1] >= dense[i],
                        std::cmp::Ordering::Equal => dense[i - 1] == dense[i],
                    };
                    prop_assert!(same_way, "{map:?}");
                }
                prop_assert_eq!(dense[0], top);
            }
        }
    }
}
