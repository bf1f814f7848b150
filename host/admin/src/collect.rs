//! What is read off the cluster and the policies at each scrape, rather than kept in step with them.
//!
//! Two scrapes at once each write what they read: nothing is cleared and filled again.

use std::fmt;

use netmarks_policies::{Registry, ShadowReport};
use netmarks_server::Connections;
use netmarks_state::{MetricsState, WatchHealth};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::readiness::ReadinessCheck;

/// The size and age of what is scored by, the health of the sources, and readiness.
#[derive(Debug)]
pub(crate) struct ClusterCollector(pub(crate) ReadinessCheck);

impl Collector for ClusterCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let state = &self.0.state;
        let snapshot = state.snapshot();
        let health = state.health();
        let of_watches =
            |count: fn(&WatchHealth) -> u64| health.watches().into_iter().map(count).sum::<u64>();
        let flows = health.metrics.report();
        let ready = self.0.reasons().is_empty();
        for (name, help, value) in [
            ("nodes", "Nodes known.", count(snapshot.names().len())),
            ("pods", "Pods known: running, starting and pending.", count(snapshot.pod_count())),
            ("applications", "Applications with pods or flows.", count(snapshot.applications().count())),
            ("flows", "Directed flows between applications.", count(snapshot.flows().len())),
            ("ready", "1 when ready.", i64::from(ready)),
            (
                "flows_implausible",
                "Flows above 1 TB/s that were left out of the last refresh.",
                i64::try_from(flows.implausible_flows).unwrap_or(i64::MAX),
            ),
            (
                "flows_dropped",
                "Flows beyond the limit in the last refresh.",
                i64::try_from(flows.dropped_flows).unwrap_or(i64::MAX),
            ),
        ] {
            let gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(gauge)?;
        }
        for (name, help, value) in [
            ("watch_events", "Kubernetes watch events.", of_watches(WatchHealth::events)),
            ("watch_errors", "Kubernetes requests and watches that failed.", of_watches(WatchHealth::errors)),
            (
                "watch_lists",
                "Whole lists that were begun: one for each watch, and one whenever a watch cannot go on from where it was.",
                of_watches(WatchHealth::lists),
            ),
            ("flow_refreshes", "Refreshes of the flows that succeeded.", flows.refreshes),
            ("flow_refresh_failures", "Refreshes of the flows that failed.", flows.failures),
            (
                "flow_partial_refreshes",
                "Refreshes whose answer was partial; flows that it lacked stayed as last measured.",
                flows.partial_refreshes,
            ),
        ] {
            let counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(counter)?;
        }
        let help = "1 for where pods, nodes and flows come from.";
        let mut origin = encoder.encode_descriptor("cluster_origin", help, None, MetricType::Gauge)?;
        let labels = OriginLabel { origin: state.origin().as_str() };
        series(&mut origin, &labels, |series| ConstGauge::new(1).encode(series))?;
        let age = match (state.readiness().metrics, snapshot.flows_age()) {
            (MetricsState::Absent, _) | (_, None) => -1.0,
            (_, Some(age)) => age,
        };
        let help = "Age of the flows; absent metrics count as -1.";
        let gauge = encoder.encode_descriptor("flows_age", help, Some(&Unit::Seconds), MetricType::Gauge)?;
        ConstGauge::new(age).encode(gauge)
    }
}

/// The policies that there are, and how the shadows among them compare.
#[derive(Debug)]
pub(crate) struct PolicyCollector(pub(crate) Registry);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OriginLabel {
    origin: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LiveLabels {
    policy: String,
    version: String,
    digest: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PolicyLabel {
    policy: String,
}

/// One number of a shadow's report.
type Read = fn(&ShadowReport) -> u64;

impl Collector for PolicyCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let report = self.0.report();
        let help = "1 for every policy that is loaded, by the mode it is in.";
        let mut live = encoder.encode_descriptor("policy_live", help, None, MetricType::Gauge)?;
        for policy in &report.policies {
            let labels = LiveLabels {
                policy: policy.entry.name.to_string(),
                version: policy.version.clone().unwrap_or_default(),
                digest: policy.entry.digest.to_string(),
                state: policy.state.as_str(),
            };
            series(&mut live, &labels, |series| ConstGauge::new(1).encode(series))?;
        }
        let help = "1 for a policy that broke a rule.";
        let mut degraded = encoder.encode_descriptor("policy_degraded", help, None, MetricType::Gauge)?;
        for policy in report.policies.iter().filter(|policy| policy.entry.degraded.is_some()) {
            let labels = PolicyLabel { policy: policy.entry.name.to_string() };
            series(&mut degraded, &labels, |series| ConstGauge::new(1).encode(series))?;
        }
        let help = "Generation of the policies.";
        let generation = encoder.encode_descriptor("policy_generation", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(report.generation).unwrap_or(i64::MAX)).encode(generation)?;

        let shadows = self.0.shadow_report();
        let read: [(_, _, Read); 3] = [
            ("shadow_requests", "Requests that a shadow scored, too.", |shadow| shadow.requests),
            ("shadow_other_node", "Requests for which it chose another node.", |shadow| shadow.other_node),
            ("shadow_faults", "Requests on which it failed.", |shadow| shadow.faults),
        ];
        for (name, help, value) in read {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for shadow in &shadows {
                let labels = PolicyLabel { policy: shadow.name.clone() };
                series(&mut family, &labels, |series| ConstCounter::new(value(shadow)).encode(series))?;
            }
        }
        Ok(())
    }
}

/// The connections of all listeners.
#[derive(Debug)]
pub(crate) struct ConnectionCollector(pub(crate) Connections);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    listener: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabels {
    listener: &'static str,
    reason: &'static str,
}

impl Collector for ConnectionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let census = self.0.census();
        let help = "Open connections, by listener and by what they do.";
        let mut open = encoder.encode_descriptor("connections", help, None, MetricType::Gauge)?;
        for (listener, census) in &census {
            for (state, number) in &census.open {
                let labels = StateLabels { listener, state: state.into() };
                series(&mut open, &labels, |series| ConstGauge::new(count(*number)).encode(series))?;
            }
        }
        let help = "Connections that the server closed, by listener and reason.";
        let mut closed = encoder.encode_descriptor("connections_closed", help, None, MetricType::Counter)?;
        for (listener, census) in &census {
            for (reason, number) in &census.closed {
                let labels = ReasonLabels { listener, reason: reason.into() };
                series(&mut closed, &labels, |series| ConstCounter::new(*number).encode(series))?;
            }
        }
        Ok(())
    }
}

pub(crate) fn series(
    family: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    write: impl FnOnce(MetricEncoder<'_>) -> Result<(), fmt::Error>,
) -> Result<(), fmt::Error> {
    write(family.encode_family(labels)?)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
