//! What the extender says of itself on `/metrics`, named by Prometheus' conventions.
//!
//! Apart because the names are an interface: dashboards and alerts are built on them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use netmarks_engine::PolicyError;
use netmarks_policies::{NoticeKind, Report, ShadowReport};
use netmarks_sources::unix_now;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::scoring::Empty;

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
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PolicyLabel {
    policy: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ChangeLabels {
    change: &'static str,
}

/// How each shadow compares; written at each scrape.
#[derive(Debug, Default)]
struct ShadowGauges {
    requests: Family<PolicyLabel, Counter>,
    other_node: Family<PolicyLabel, Counter>,
    faults: Family<PolicyLabel, Counter>,
}

type GaugeF64 = Gauge<f64, AtomicU64>;

/// Holds every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    answers: Family<AnswerLabels, Counter>,
    bad_requests: Counter,
    seconds: Histogram,
    last_request: GaugeF64,
    started: GaugeF64,
    policy_seconds: Family<PolicyLabel, Histogram>,
    faults: Family<FaultLabels, Counter>,
    policy: Family<PolicyLabels, Gauge>,
    degraded: Family<PolicyLabel, Gauge>,
    generation: Gauge,
    changes: Family<ChangeLabels, Counter>,
    shadows: ShadowGauges,
    shadow_skipped: Counter,
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
            last_request: GaugeF64::default(),
            started: GaugeF64::default(),
            policy_seconds: Family::new_with_constructor(|| Histogram::new(buckets())),
            faults: Family::default(),
            policy: Family::default(),
            degraded: Family::default(),
            generation: Gauge::default(),
            changes: Family::default(),
            shadows: ShadowGauges::default(),
            shadow_skipped: Counter::default(),
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
            "prioritize_last_request_timestamp",
            "When the last request of a scheduler was answered, since the Unix epoch; 0 before the first",
            Unit::Seconds,
            metrics.last_request.clone(),
        );
        registry.register_with_unit(
            "start_time",
            "When the extender started, since the Unix epoch",
            Unit::Seconds,
            metrics.started.clone(),
        );
        metrics.started.set(unix_now());
        registry.register_with_unit(
            "policy_call_duration",
            "One call of a policy, instantiation included",
            Unit::Seconds,
            metrics.policy_seconds.clone(),
        );
        registry.register(
            "policy_faults",
            "Calls that a policy failed, by stage and cause",
            metrics.faults.clone(),
        );
        registry.register(
            "policy_live",
            "1 for every policy that is loaded, by the mode it is in",
            metrics.policy.clone(),
        );
        registry.register("policy_degraded", "1 for a policy that broke a rule", metrics.degraded.clone());
        registry.register("policy_generation", "Generation of the policies", metrics.generation.clone());
        registry.register("policy_changes", "Changes of the policies, by kind", metrics.changes.clone());
        for (name, help, family) in [
            ("shadow_requests", "Requests that a shadow scored, too", &metrics.shadows.requests),
            ("shadow_other_node", "Requests for which it chose another node", &metrics.shadows.other_node),
            ("shadow_faults", "Requests on which it failed", &metrics.shadows.faults),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "shadow_skipped",
            "Requests that no shadow scored, because they did not keep up",
            metrics.shadow_skipped.clone(),
        );
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
        self.last_request.set(unix_now());
    }

    /// A request was answered with a 4xx.
    pub fn refused(&self) {
        self.bad_requests.inc();
    }

    /// The configuration file changed and could not be taken over.
    pub fn reload_failed(&self) {
        self.reload_failures.inc();
    }

    pub(crate) fn policy_called(&self, policy: &str, took: Duration) {
        let labels = PolicyLabel { policy: policy.to_owned() };
        self.policy_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(crate) fn shadow_skipped(&self) {
        self.shadow_skipped.inc();
    }

    pub(crate) fn policies_changed(&self, kind: NoticeKind) {
        self.changes.get_or_create(&ChangeLabels { change: kind.as_str() }).inc();
    }

    pub(crate) fn fault(&self, fault: &PolicyError) {
        let labels = FaultLabels {
            policy: fault.policy.clone(),
            stage: fault.stage.as_str(),
            cause: fault.cause.kind(),
        };
        self.faults.get_or_create(&labels).inc();
    }

    /// Writes down what there is, for the scrape that follows.
    pub(crate) fn policies(&self, report: &Report, shadows: &[ShadowReport]) {
        self.policy.clear();
        self.degraded.clear();
        for policy in &report.policies {
            let labels = PolicyLabels {
                policy: policy.entry.name.to_string(),
                version: policy.version.clone().unwrap_or_default(),
                digest: policy.entry.digest.clone(),
                state: policy.state.as_str(),
            };
            self.policy.get_or_create(&labels).set(1);
            if policy.entry.degraded.is_some() {
                let labels = PolicyLabel { policy: policy.entry.name.to_string() };
                self.degraded.get_or_create(&labels).set(1);
            }
        }
        self.generation.set(i64::try_from(report.generation).unwrap_or(i64::MAX));
        let ShadowGauges { requests, other_node, faults } = &self.shadows;
        for family in [requests, other_node, faults] {
            family.clear();
        }
        for shadow in shadows {
            let labels = PolicyLabel { policy: shadow.name.clone() };
            for (family, value) in
                [(requests, shadow.requests), (other_node, shadow.other_node), (faults, shadow.faults)]
            {
                family.get_or_create(&labels).inner().store(value, Ordering::Relaxed);
            }
        }
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
