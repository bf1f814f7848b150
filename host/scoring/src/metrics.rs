//! What scoring says of itself on `/metrics`, named by Prometheus' conventions: the names are an interface, on which dashboards
//! and alerts are built.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use netmarks_core::clock::unix_now;
use netmarks_engine::PolicyError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::empty::Empty;

/// Policies that are gone whose series are removed a second time.
const MOST_GONE: usize = 64;

/// Native buckets of one histogram, as many as Prometheus' own clients take.
const MOST_BUCKETS: usize = 160;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AnswerLabels {
    /// `scored`, or why not.
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FaultLabels {
    policy: String,
    stage: &'static str,
    cause: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PolicyLabel {
    policy: String,
}

/// Counts answers and the calls of policies.
#[derive(Debug)]
pub struct ScoringMetrics {
    answers: Family<AnswerLabels, Counter>,
    seconds: Histogram,
    last_request: Gauge<f64, AtomicU64>,
    policy_seconds: Family<PolicyLabel, Histogram>,
    faults: Family<FaultLabels, Counter>,
    shadow_skipped: Counter,
    /// Labels of series about policies, to remove them by.
    kept: Mutex<KeptLabels>,
}

/// Labels that have been in use.
#[derive(Debug, Default)]
struct KeptLabels {
    policies: BTreeSet<String>,
    faults: HashSet<FaultLabels>,
}

/// Classic buckets from 50 microseconds to 1.6 seconds, each twice the one before; native ones, each at most a tenth wider than the
/// one before, which are wider where there would be too many.
#[must_use]
pub fn latencies() -> Histogram {
    let native = NativeHistogramConfig::new(1.1).max_buckets(MOST_BUCKETS);
    Histogram::new_classic_and_native(exponential_buckets(50e-6, 2.0, 16), native)
}

impl ScoringMetrics {
    /// All at zero, and exposed by `registry`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            answers: Family::default(),
            seconds: latencies(),
            last_request: Gauge::default(),
            policy_seconds: Family::new_with_constructor(latencies),
            faults: Family::default(),
            shadow_skipped: Counter::default(),
            kept: Mutex::default(),
        };
        let Self { answers, seconds, last_request, policy_seconds, faults, shadow_skipped, kept: _ } =
            &metrics;
        registry.register("prioritize_answers", "Answers to kube-scheduler by outcome", answers.clone());
        registry.register_with_unit(
            "prioritize_duration",
            "From a decoded request to its answer",
            Unit::Seconds,
            seconds.clone(),
        );
        registry.register_with_unit(
            "prioritize_last_request_timestamp",
            "When the last request of a scheduler was answered, since the Unix epoch; 0 before the first",
            Unit::Seconds,
            last_request.clone(),
        );
        registry.register_with_unit(
            "policy_call_duration",
            "One call of a policy, instantiation included",
            Unit::Seconds,
            policy_seconds.clone(),
        );
        registry.register("policy_faults", "Calls that a policy failed, by stage and cause", faults.clone());
        registry.register(
            "shadow_skipped",
            "Requests that no shadow scored, because they did not keep up",
            shadow_skipped.clone(),
        );
        metrics
    }

    /// Removes the series of policies that are not among `policies` any more. A request that is still under way can bring one back, until
    /// the next call.
    pub fn keep_only(&self, policies: impl IntoIterator<Item = String>) {
        let wanted: BTreeSet<String> = policies.into_iter().collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in kept.policies.difference(&wanted) {
            self.policy_seconds.remove(&PolicyLabel { policy: gone.clone() });
        }
        kept.faults.retain(|labels| {
            let stays = wanted.contains(&labels.policy);
            if !stays {
                self.faults.remove(labels);
            }
            stays
        });
        // Those of the last change once more with the next: requests that held them have ended by then.
        let gone: BTreeSet<String> = kept.policies.difference(&wanted).take(MOST_GONE).cloned().collect();
        kept.policies = wanted;
        kept.policies.extend(gone);
    }

    pub(crate) fn answered(&self, empty: Option<Empty>, took: Duration) {
        let outcome = empty.map_or("scored", Into::into);
        self.answers.get_or_create(&AnswerLabels { outcome }).inc();
        self.seconds.observe(took.as_secs_f64());
        self.last_request.set(unix_now());
    }

    pub(crate) fn policy_called(&self, policy: &str, took: Duration) {
        let labels = PolicyLabel { policy: policy.to_owned() };
        self.policy_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(crate) fn shadow_skipped(&self) {
        self.shadow_skipped.inc();
    }

    pub(crate) fn fault(&self, fault: &PolicyError) {
        let labels = FaultLabels {
            policy: fault.policy.clone(),
            stage: fault.stage.as_str(),
            cause: fault.cause.kind(),
        };
        self.faults.get_or_create(&labels).inc();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).faults.insert(labels);
    }
}
