//! What the extender says of itself on `/metrics`, named by Prometheus' conventions.
//!
//! Apart because the names are an interface: dashboards and alerts are built on them.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use netmarks_engine::PolicyError;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::scoring::{Empty, Live};

/// From 50 microseconds to 1.6 seconds, each twice the one before.
fn buckets() -> impl Iterator<Item = f64> {
    prometheus_client::metrics::histogram::exponential_buckets(50e-6, 2.0, 16)
}

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
struct PolicyLabels {
    policy: String,
    version: String,
    digest: String,
}

type GaugeF64 = Gauge<f64, AtomicU64>;

/// Holds every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    answers: Family<AnswerLabels, Counter>,
    bad_requests: Counter,
    seconds: Histogram,
    policy_seconds: Histogram,
    faults: Family<FaultLabels, Counter>,
    policy: Family<PolicyLabels, Gauge>,
    generation: Gauge,
    reload_failures: Counter,
    /// Set when `/metrics` is read.
    pub(crate) cluster: ClusterGauges,
}

/// The size and age of what is scored by; read off the state at each scrape.
#[derive(Debug, Default)]
pub(crate) struct ClusterGauges {
    pub(crate) nodes: Gauge,
    pub(crate) pods: Gauge,
    pub(crate) applications: Gauge,
    pub(crate) flows: Gauge,
    pub(crate) flows_age: GaugeF64,
    pub(crate) ready: Gauge,
    pub(crate) watch_events: Counter,
    pub(crate) watch_errors: Counter,
    pub(crate) refreshes: Counter,
    pub(crate) refresh_failures: Counter,
    pub(crate) dropped_flows: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("netmarks");
        let metrics = Self {
            answers: Family::default(),
            bad_requests: Counter::default(),
            seconds: Histogram::new(buckets()),
            policy_seconds: Histogram::new(buckets()),
            faults: Family::default(),
            policy: Family::default(),
            generation: Gauge::default(),
            reload_failures: Counter::default(),
            cluster: ClusterGauges::default(),
            registry: Registry::default(),
        };
        registry.register(
            "prioritize_answers",
            "Answers to kube-scheduler by outcome",
            metrics.answers.clone(),
        );
        registry.register(
            "prioritize_bad_requests",
            "Requests refused with a 4xx",
            metrics.bad_requests.clone(),
        );
        registry.register_with_unit(
            "prioritize_duration",
            "From a decoded request to its answer",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register_with_unit(
            "policy_call_duration",
            "One call of the live policy, instantiation included",
            Unit::Seconds,
            metrics.policy_seconds.clone(),
        );
        registry.register(
            "policy_faults",
            "Calls that a policy failed, by stage and cause",
            metrics.faults.clone(),
        );
        registry.register("policy_live", "1 for the policy that is live", metrics.policy.clone());
        registry.register("policy_generation", "Generation of what is live", metrics.generation.clone());
        registry.register(
            "configuration_reload_failures",
            "Changes of the configuration file that could not be taken over",
            metrics.reload_failures.clone(),
        );
        let gauges = &metrics.cluster;
        for (name, help, gauge) in [
            ("nodes", "Nodes known", &gauges.nodes),
            ("pods", "Pods known: running, starting and pending", &gauges.pods),
            ("applications", "Applications with pods or flows", &gauges.applications),
            ("flows", "Directed flows between applications", &gauges.flows),
            ("ready", "1 when ready", &gauges.ready),
            ("flows_dropped", "Flows beyond the limit in the last refresh", &gauges.dropped_flows),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, counter) in [
            ("watch_events", "Kubernetes watch events", &gauges.watch_events),
            ("watch_errors", "Kubernetes requests and watches that failed", &gauges.watch_errors),
            ("flow_refreshes", "Refreshes of the flows that succeeded", &gauges.refreshes),
            ("flow_refresh_failures", "Refreshes of the flows that failed", &gauges.refresh_failures),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register_with_unit(
            "flows_age",
            "Age of the flows; absent metrics count as -1",
            Unit::Seconds,
            metrics.cluster.flows_age.clone(),
        );
        Self { registry, ..metrics }
    }

    /// A request was answered with status 200 after `took`.
    pub fn answered(&self, empty: Option<Empty>, took: Duration) {
        self.answers.get_or_create(&AnswerLabels { outcome: empty.map_or("scored", Empty::as_str) }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// A request was answered with a 4xx.
    pub fn refused(&self) {
        self.bad_requests.inc();
    }

    /// The configuration file changed and could not be taken over.
    pub fn reload_failed(&self) {
        self.reload_failures.inc();
    }

    /// How often a request was answered, whatever with.
    #[must_use]
    pub fn answers(&self) -> u64 {
        let outcomes = [
            "scored",
            Empty::NoPreference.as_str(),
            Empty::NoMetrics.as_str(),
            Empty::StaleMetrics.as_str(),
            Empty::PolicyFault.as_str(),
            Empty::Overloaded.as_str(),
            Empty::Deadline.as_str(),
        ];
        outcomes.into_iter().map(|outcome| self.answers.get_or_create(&AnswerLabels { outcome }).get()).sum()
    }

    pub(crate) fn policy_called(&self, took: Duration) {
        self.policy_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn fault(&self, fault: &PolicyError) {
        let labels = FaultLabels {
            policy: fault.policy.clone(),
            stage: fault.stage.as_str(),
            cause: fault.cause.kind(),
        };
        self.faults.get_or_create(&labels).inc();
    }

    pub(crate) fn live(&self, live: &Live) {
        self.policy.clear();
        let labels = PolicyLabels {
            policy: live.policy.name().to_owned(),
            version: live.policy.description().version.clone(),
            digest: live.policy.digest().to_owned(),
        };
        self.policy.get_or_create(&labels).set(1);
        self.generation.set(i64::try_from(live.generation).unwrap_or(i64::MAX));
    }

    /// Everything in the OpenMetrics text format.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
