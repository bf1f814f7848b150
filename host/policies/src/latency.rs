//! How long calls took, in a fixed amount of memory.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Holds times from a microsecond to a minute, each to within 1%.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// Made with the first time. Its bounds are constants that are valid, so it is always there after that.
    histogram: Option<Histogram<u64>>,
}

impl Latency {
    pub(crate) fn record(&mut self, took: Duration) {
        const MINUTE: u64 = 60_000_000;
        if self.histogram.is_none() {
            self.histogram = Histogram::new_with_bounds(1, MINUTE, 2).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(MINUTE));
        }
    }

    /// In microseconds; 0 before the first call.
    pub(crate) fn quantile(&self, quantile: f64) -> u64 {
        self.histogram.as_ref().map_or(0, |histogram| histogram.value_at_quantile(quantile))
    }
}
