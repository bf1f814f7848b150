//! From increments to one number: the three means an operator can choose from.
//!
//! Each mean is a small formula, tested on its own.

use std::collections::VecDeque;

use garde::{Path, Report, Validate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Increment;
use crate::rules::above_zero;

/// Most intervals a windowed mean remembers: finer ones are merged, which bounds an estimate to about 1.5 KiB
/// whatever the window and the polling interval are.
const WINDOW_BUCKETS: f64 = 60.0;

/// How the bytes of the past become one flow in bytes per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// The mean since the start of collection: equation (2) of the NetMARKS paper. Old traffic never fades.
    Lifetime,
    /// The mean over the last so many seconds.
    Window {
        /// Length of the window.
        #[schemars(extend("exclusiveMinimum" = 0))]
        seconds: f64,
    },
    /// A mean whose weights halve every so many seconds.
    Decay {
        /// Age at which traffic counts half.
        #[schemars(extend("exclusiveMinimum" = 0))]
        half_life_seconds: f64,
    },
}

/// By hand, because a derived one leaves the variant's name out of the key.
impl Validate for Estimator {
    type Context = ();

    fn validate_into(&self, context: &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        let (variant, key, seconds) = match self {
            Self::Lifetime => return,
            Self::Window { seconds } => ("window", "seconds", seconds),
            Self::Decay { half_life_seconds } => ("decay", "half_life_seconds", half_life_seconds),
        };
        if let Err(error) = above_zero(seconds, context) {
            report.append(parent().join(variant).join(key), error);
        }
    }
}

impl Estimator {
    /// An estimate that has seen nothing yet.
    #[must_use]
    pub fn start(self) -> Estimate {
        match self {
            Self::Lifetime => Estimate::Lifetime { seconds: 0.0, mean: 0.0 },
            Self::Window { seconds } => Estimate::Window { seconds, past: VecDeque::new() },
            Self::Decay { half_life_seconds } => {
                Estimate::Decay { half_life: half_life_seconds, sum: 0.0, weight: 0.0 }
            }
        }
    }
}

/// The running mean of one flow, by the [`Estimator`] of the same name.
#[derive(Clone, Debug)]
pub enum Estimate {
    Lifetime {
        /// Covered so far.
        seconds: f64,
        /// Bytes per second over that time.
        mean: f64,
    },
    Window {
        /// Length of the window.
        seconds: f64,
        /// What the window holds, oldest first.
        past: VecDeque<Increment>,
    },
    Decay {
        /// Seconds after which traffic counts half.
        half_life: f64,
        /// Weighted sum of rates, bytes per second.
        sum: f64,
        /// Sum of the weights, at most 1.
        weight: f64,
    },
}

impl Estimate {
    /// Takes the next increment. Increments must arrive in order; time that no increment covers does not count.
    pub fn add(&mut self, increment: Increment) {
        let seconds_added = increment.seconds();
        match self {
            // F(ti) = F(ti-1) * (ti-1 - t0)/(ti - t0) + bytes/(ti - t0), with the covered time for ti - t0.
            Self::Lifetime { seconds, mean } => {
                let total = *seconds + seconds_added;
                *mean = *mean * (*seconds / total) + increment.bytes / total;
                *seconds = total;
            }
            Self::Window { seconds, past } => {
                let bucket = *seconds / WINDOW_BUCKETS;
                match past.back_mut() {
                    Some(last) if last.to == increment.from && last.seconds() + seconds_added <= bucket => {
                        last.to = increment.to;
                        last.bytes += increment.bytes;
                    }
                    _ => past.push_back(increment),
                }
                let start = increment.to - *seconds;
                while past.front().is_some_and(|oldest| oldest.to <= start) {
                    past.pop_front();
                }
            }
            Self::Decay { half_life, sum, weight } => {
                let kept = (-seconds_added / *half_life).exp2();
                *sum = *sum * kept + increment.bytes / seconds_added * (1.0 - kept);
                *weight = *weight * kept + (1.0 - kept);
            }
        }
    }

    /// The flow in bytes per second; `None` until a first increment, since an unknown flow is absent, not zero.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<f64> {
        let mean = match self {
            Self::Lifetime { seconds, mean } => (*seconds > 0.0).then_some(*mean),
            Self::Window { seconds, past } => {
                let start = past.back()?.to - *seconds;
                let (mut bytes, mut covered) = (0.0, 0.0);
                for increment in past {
                    // The oldest may begin before the window: only its share inside counts.
                    let inside = increment.to - increment.from.max(start);
                    bytes += increment.bytes * (inside / increment.seconds());
                    covered += inside;
                }
                (covered > 0.0).then(|| bytes / covered)
            }
            Self::Decay { sum, weight, .. } => (*weight > 0.0).then(|| *sum / *weight),
        };
        mean.filter(|mean| mean.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::super::counter::Counter;
    use super::*;
    use proptest::prelude::*;

    const ALL: [Estimator; 3] = [
        Estimator::Lifetime,
        Estimator::Window { seconds: 300.0 },
        Estimator::Decay { half_life_seconds: 120.0 },
    ];

    /// Sample times with gaps from milliseconds to hours, and bytes for each interval.
    fn intervals() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((0.001f64..10_000.0, 0.0f64..1e12), 1..60)
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() <= 1e-9 * left.abs().max(right.abs()).max(1e-9)
    }

    #[test]
    fn absent_until_the_second_sample() {
        for estimator in ALL {
            let (mut counter, mut estimate) = (Counter::default(), estimator.start());
            assert!(counter.observe(0.0, 1_000.0).is_none());
            assert_eq!(estimate.bytes_per_second(), None);
            estimate.add(counter.observe(10.0, 1_500.0).unwrap());
            assert_eq!(estimate.bytes_per_second(), Some(50.0), "{estimator:?}");
        }
    }

    #[test]
    fn a_window_forgets_and_a_decay_fades_where_the_lifetime_mean_remembers() {
        let spike = Increment::new(0.0, 100.0, 1e6).unwrap();
        let flow_after_silence = |estimator: Estimator, silence: f64| {
            let mut estimate = estimator.start();
            estimate.add(spike);
            estimate.add(Increment::new(100.0, 100.0 + silence, 0.0).unwrap());
            estimate.bytes_per_second().unwrap()
        };
        assert_eq!(flow_after_silence(Estimator::Lifetime, 900.0), 1_000.0);
        assert_eq!(flow_after_silence(Estimator::Window { seconds: 300.0 }, 900.0), 0.0);
        // Half the window is spike: half of 200 s is covered by it.
        assert_eq!(flow_after_silence(Estimator::Window { seconds: 200.0 }, 100.0), 5_000.0);
        let decay = Estimator::Decay { half_life_seconds: 100.0 };
        assert!(close(flow_after_silence(decay, 100.0), 1e4 * 0.25 / 0.75));
    }

    proptest! {
        /// Equation (2) telescopes to the direct lifetime mean, equation (1) from the first to the last sample.
        #[test]
        fn lifetime_equals_the_direct_mean(intervals in intervals()) {
            let mut estimate = Estimator::Lifetime.start();
            let (mut at, mut total) = (0.0, 0.0);
            for (seconds, bytes) in intervals {
                let increment = Increment::new(at, at + seconds, bytes).unwrap();
                at += seconds;
                total += bytes;
                estimate.add(increment);
                prop_assert!(close(estimate.bytes_per_second().unwrap(), total / at));
            }
        }

        /// A mean of rates lies between the smallest and the largest of them: never negative, never inflated.
        #[test]
        fn every_mean_lies_within_what_was_seen(intervals in intervals()) {
            for estimator in ALL {
                let mut estimate = estimator.start();
                let (mut at, mut lowest, mut highest) = (0.0, f64::INFINITY, 0.0f64);
                for &(seconds, bytes) in &intervals {
                    let increment = Increment::new(at, at + seconds, bytes).unwrap();
                    at = increment.to;
                    let rate = bytes / increment.seconds();
                    lowest = lowest.min(rate);
                    highest = highest.max(rate);
                    estimate.add(increment);
                    let mean = estimate.bytes_per_second().unwrap();
                    prop_assert!(mean >= lowest * (1.0 - 1e-9), "{estimator:?}: {mean} < {lowest}");
                    prop_assert!(mean <= highest * (1.0 + 1e-9), "{estimator:?}: {mean} > {highest}");
                }
            }
        }

        /// Resets, restarts, gaps, duplicates and reordering never yield more than the fastest true rate.
        #[test]
        fn broken_counters_never_inflate(
            steps in prop::collection::vec((0.1f64..600.0, 0.0f64..1e6, 0u8..10), 2..80)
        ) {
            for estimator in ALL {
                let (mut counter, mut estimate) = (Counter::default(), estimator.start());
                let (mut at, mut value, mut fastest) = (0.0, 0.0, 0.0f64);
                for &(seconds, rate, event) in &steps {
                    at += seconds;
                    fastest = fastest.max(rate);
                    let halfway = (at - seconds * 0.5, value + rate * seconds * 0.5);
                    value += rate * seconds;
                    let mut samples = vec![(at, value)];
                    match event {
                        // The proxy restarted within the interval: the counter shows only what came after.
                        0 => {
                            value = rate * seconds * 0.5;
                            samples = vec![(at, value)];
                        }
                        1 => {
                            value = 0.0;
                            samples = vec![(at, value)];
                        }
                        2 => samples.clear(),
                        3 => samples.push(halfway),
                        4 => samples.push((at, value)),
                        _ => {}
                    }
                    for (at, value) in samples {
                        if let Some(increment) = counter.observe(at, value) {
                            estimate.add(increment);
                        }
                    }
                    if let Some(mean) = estimate.bytes_per_second() {
                        prop_assert!((0.0..=fastest * (1.0 + 1e-6)).contains(&mean), "{estimator:?}: {mean}");
                    }
                }
            }
        }
    }
}
