//! Medians, and how sure they are: without an assumption about how measurements are spread.

/// How sure an interval of a median is at least. Of five rounds, the lowest and the highest are it.
const SURE_OF_MEDIAN: f64 = 0.93;

/// How sure an interval of a ratio is at least.
const SURE_OF_RATIO: f64 = 0.95;

/// Where a value lies, in all likelihood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) high: f64,
}

pub(super) fn median(samples: &[f64]) -> Option<f64> {
    let sorted = sorted(samples);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
    } else {
        sorted.get(middle).copied()
    }
}

/// The median of whatever the samples were drawn from lies in it, by their order alone; `None` if there are too few.
pub(super) fn interval(samples: &[f64]) -> Option<Interval> {
    let sorted = sorted(samples);
    // Each sample is below the median or not, like a coin.
    let ways = |count: usize| {
        let mut ways = 1.0;
        for one in 0..count {
            ways *= (sorted.len() - one) as f64 / (one + 1) as f64;
        }
        ways
    };
    let all = 2f64.powi(i32::try_from(sorted.len()).ok()?);
    let mut outside = 0.0;
    let mut cut = 0;
    while cut < sorted.len() / 2 {
        outside += 2.0 * ways(cut) / all;
        if outside > 1.0 - SURE_OF_MEDIAN {
            break;
        }
        cut += 1;
    }
    ends(&sorted, cut)
}

/// How many times as large the new samples are: the ratios of every pair, cut at both ends as the Wilcoxon-Mann-Whitney test says; `None`
/// if there are too few to say anything.
pub(super) fn ratio(old: &[f64], new: &[f64]) -> Option<Interval> {
    let pairs = old.iter().flat_map(|old| new.iter().map(move |new| new / old));
    let sorted = sorted(&pairs.collect::<Vec<_>>());
    let counts = orders(old.len(), new.len());
    let all: f64 = counts.iter().sum();
    let mut outside = 0.0;
    let mut cut = 0;
    for count in counts {
        outside += 2.0 * count / all;
        if outside > 1.0 - SURE_OF_RATIO {
            break;
        }
        cut += 1;
    }
    ends(&sorted, cut)
}

/// In how many orders of two samples so many pairs have the second first, for 0 and more pairs.
fn orders(first: usize, second: usize) -> Vec<f64> {
    // By the last of an order: it is of the first sample, and behind all of the second, or of the second.
    let mut by_second = vec![vec![1.0]; second + 1];
    for one in 1..=first {
        let mut next = vec![vec![1.0]];
        for other in 1..=second {
            let mut counts = vec![0.0; one * other + 1];
            let with_first = by_second.get(other).map_or(&[][..], Vec::as_slice);
            let with_second = next.last().map_or(&[][..], Vec::as_slice);
            for (to, count) in counts.iter_mut().skip(other).zip(with_first) {
                *to += count;
            }
            for (to, count) in counts.iter_mut().zip(with_second) {
                *to += count;
            }
            next.push(counts);
        }
        by_second = next;
    }
    by_second.pop().unwrap_or_default()
}

/// From the `cut`-th lowest to the `cut`-th highest of sorted values, counted from 1; `None` where not even the outermost are sure enough.
fn ends(sorted: &[f64], cut: usize) -> Option<Interval> {
    let low = *sorted.get(cut.checked_sub(1)?)?;
    let high = *sorted.get(sorted.len().checked_sub(cut)?)?;
    Some(Interval { low, high })
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to(count: u32) -> Vec<f64> {
        (1..=count).rev().map(f64::from).collect()
    }

    #[test]
    fn a_median_is_the_middle_or_between_the_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    /// Tables of the sign test: 5 of 5 at 93.8%, the second of 9 at 96.1%.
    #[test]
    fn an_interval_of_a_median_needs_five_rounds() {
        assert_eq!(interval(&up_to(4)), None);
        assert_eq!(interval(&up_to(5)), Some(Interval { low: 1.0, high: 5.0 }));
        assert_eq!(interval(&up_to(9)), Some(Interval { low: 2.0, high: 8.0 }));
    }

    /// Tables of the test: at most 2 of 25 pairs of five and five for 5%, none of 16, and of 9 not even none.
    #[test]
    fn a_ratio_is_cut_as_the_tables_say() {
        let orders: Vec<f64> = orders(3, 2);
        assert_eq!(orders, [1.0, 1.0, 2.0, 2.0, 2.0, 1.0, 1.0]);
        assert_eq!(ratio(&up_to(3), &up_to(3)), None);
        let four = ratio(&up_to(4), &up_to(4)).unwrap();
        assert_eq!(four, Interval { low: 0.25, high: 4.0 });
        let five = ratio(&up_to(5), &up_to(5)).unwrap();
        // The third lowest of 1/5, 1/4, 1/3, 2/5, ..., and its reciprocal.
        assert!((five.low - 1.0 / 3.0).abs() < 1e-9 && (five.high - 3.0).abs() < 1e-9, "{five:?}");
    }

    #[test]
    fn the_same_twice_as_large_is_seen() {
        let old = [10.0, 10.2, 9.9, 10.1, 10.3];
        let found = ratio(&old, &old.map(|sample| 2.0 * sample)).unwrap();
        assert!(found.low > 1.9 && found.high < 2.1, "{found:?}");
    }
}
