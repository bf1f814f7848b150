//! What this door says of itself on `/metrics`.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use netmarks_scoring::latencies;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::outcome::Outcome;

const PREFERRED: &str = "preferred";
const ELSEWHERE: &str = "elsewhere";
const BEST: &str = "best";
const LANDED: &str = "landed";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReviewLabels {
    /// What came of it.
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NodeLabels {
    /// Which one.
    node: &'static str,
}

/// Counts reviews, and what became of the pods.
#[derive(Debug)]
pub struct AdmissionMetrics {
    reviews: Family<ReviewLabels, Counter>,
    seconds: Histogram,
    assumed: Gauge,
    landed: Family<NodeLabels, Counter>,
    traffic: Family<NodeLabels, Counter<f64, AtomicU64>>,
}

impl AdmissionMetrics {
    /// All at zero, and exposed by `registry`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            reviews: Family::default(),
            seconds: latencies(),
            assumed: Gauge::default(),
            landed: Family::default(),
            traffic: Family::default(),
        };
        let Self { reviews, seconds, assumed, landed, traffic } = &metrics;
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
        for node in [PREFERRED, ELSEWHERE] {
            drop(landed.get_or_create(&NodeLabels { node }));
        }
        registry.register(
            "admission_landed_pods",
            "Pods that prefer nodes, or would in a preview, and were seen bound: to a node as good as the best for their traffic, or elsewhere",
            landed.clone(),
        );
        for node in [BEST, LANDED] {
            drop(traffic.get_or_create(&NodeLabels { node }));
        }
        registry.register(
            "admission_landed_bytes_per_second",
            "What these pods exchange with the pods of other applications on their best node, and on the node where they landed, added up",
            traffic.clone(),
        );
        metrics
    }

    /// A pod was seen bound; with its traffic on the best node and where it is, in bytes per second.
    pub(crate) fn landed(&self, preferred: bool, best: f64, here: f64) {
        let node = if preferred { PREFERRED } else { ELSEWHERE };
        self.landed.get_or_create(&NodeLabels { node }).inc();
        for (node, bytes) in [(BEST, best), (LANDED, here)] {
            self.traffic.get_or_create(&NodeLabels { node }).inc_by(bytes);
        }
    }

    pub(crate) fn answered(&self, outcome: Outcome, took: Duration) {
        self.reviews.get_or_create(&ReviewLabels { outcome: outcome.as_str() }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn assumed(&self, pods: usize) {
        self.assumed.set(i64::try_from(pods).unwrap_or(i64::MAX));
    }
}
