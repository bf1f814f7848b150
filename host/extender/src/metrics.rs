//! What this door says of itself on `/metrics`; answers are counted where they are made, by scoring.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Counts what is refused.
#[derive(Debug)]
pub struct ExtenderMetrics {
    bad_requests: Counter,
}

impl ExtenderMetrics {
    /// All at zero, and exposed by `registry`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let bad_requests = Counter::default();
        registry.register("prioritize_bad_requests", "Requests refused with a 4xx", bad_requests.clone());
        Self { bad_requests }
    }

    pub(crate) fn refused(&self) {
        self.bad_requests.inc();
    }
}
