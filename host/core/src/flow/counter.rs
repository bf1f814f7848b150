//! One growing counter, made safe against everything that real counters do.
//!
//! The rule for resets is the one place where a wrong guess inflates a flow by orders of magnitude.

use super::Increment;

/// Holds the last sample of one counter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    last: Option<(f64, f64)>,
}

impl Counter {
    /// Takes the counter's value (bytes since some start) at `at` (seconds since the Unix epoch) and returns what
    /// was counted since the sample before.
    ///
    /// There is nothing to return for a first sample, for one that is not newer than the last, for a value that is
    /// not a finite number of at least zero, and for a value below the last one. The last is a reset, or a replica
    /// of the metrics store that lags: what was counted in between is unknown, and to guess "everything since
    /// zero", as PromQL's `rate` does, would make a lagging replica look like terabytes. So the interval is left
    /// out of the mean and counting goes on from the new value.
    pub fn observe(&mut self, at: f64, value: f64) -> Option<Increment> {
        if !at.is_finite() || !value.is_finite() || value < 0.0 {
            return None;
        }
        match self.last {
            Some((last_at, _)) if at <= last_at => None,
            Some((last_at, last_value)) => {
                self.last = Some((at, value));
                Increment::new(last_at, at, value - last_value)
            }
            None => {
                self.last = Some((at, value));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_between_samples_and_never_across_a_reset() {
        let mut counter = Counter::default();
        assert_eq!(counter.observe(10.0, 500.0), None, "a first sample is only a baseline");
        assert_eq!(counter.observe(20.0, 700.0), Increment::new(10.0, 20.0, 200.0));
        assert_eq!(counter.observe(20.0, 900.0), None, "a duplicate instant");
        assert_eq!(counter.observe(15.0, 900.0), None, "an older sample");
        assert_eq!(counter.observe(30.0, 50.0), None, "a reset");
        assert_eq!(counter.observe(40.0, 80.0), Increment::new(30.0, 40.0, 30.0));
        assert_eq!(counter.observe(50.0, f64::NAN), None);
        assert_eq!(counter.observe(60.0, 100.0), Increment::new(40.0, 60.0, 20.0));
    }

    proptest! {
        /// Whatever arrives, an increment is sane and no larger than what the counter itself showed.
        #[test]
        fn no_sample_ever_yields_a_negative_infinite_or_inflated_increment(
            samples in prop::collection::vec((any::<f64>(), any::<f64>()), 0..50)
        ) {
            let mut counter = Counter::default();
            for (at, value) in samples {
                if let Some(increment) = counter.observe(at, value) {
                    prop_assert!(increment.bytes.is_finite() && increment.bytes >= 0.0);
                    prop_assert!(increment.bytes <= value);
                    prop_assert!(increment.from < increment.to);
                }
            }
        }
    }
}
