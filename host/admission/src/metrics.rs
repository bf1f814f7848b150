//! What this door says of itself on `/metrics`.

use std::time::Duration;

use netmarks_scoring::latencies;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::outcome::Outcome;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReviewLabels {
    /// What came of it.
    outcome: &'static str,
}

/// Counts reviews.
#[derive(Debug)]
pub struct AdmissionMetrics {
    reviews: Family<ReviewLabels, Counter>,
    seconds: Histogram,
    assumed: Gauge,
}

impl AdmissionMetrics {
    /// All at zero, and exposed by `registry`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self { reviews: Family::default(), seconds: latencies(), assumed: Gauge::default() };
        let Self { reviews, seconds, assumed } = &metrics;
        // There from the beginning, so that a rate begins with the first.
        drop(reviews.get_or_create(&ReviewLabels { outcome: Outcome::Patched.as_str() }));
        registry.register("admission_reviews", "Reviews of the API server by outcome", reviews.clone());
        registry.register_with_unit(
            "admission_duration",
            "From the first byte of a review to its answer",
            Unit::Seconds,
            seconds.clone(),
        );
        registry.register(
            "admission_assumed_pods",
            "Pods that were answered and not yet seen bound, gone or expired",
            assumed.clone(),
        );
        metrics
    }

    pub(crate) fn answered(&self, outcome: Outcome, took: Duration) {
        self.reviews.get_or_create(&ReviewLabels { outcome: outcome.as_str() }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn assumed(&self, pods: usize) {
        self.assumed.set(i64::try_from(pods).unwrap_or(i64::MAX));
    }
}
