//! Which queries an operator chooses: a preset by its name, or custom queries; and one for round-trip times.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::Display;

/// Which queries to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PresetName {
    /// Istio with sidecars, ambient or both: the flows between pods as they run, waypoints included.
    #[default]
    Istio,
    /// Istio ambient: who talks to whom behind the waypoints, which themselves are left out.
    IstioLogical,
    /// Linkerd's proxies, whose metrics know workloads.
    Linkerd,
    /// Grafana Beyla or OpenTelemetry OBI: eBPF, no mesh needed; they know workloads.
    Beyla,
    /// What recording rules made of any of these: one series per flow.
    Recorded,
    /// Custom queries.
    Custom,
}

/// What the numbers of the custom queries are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CustomReading {
    /// Bytes per second over the window, as `rate()` gives them.
    #[default]
    Rate,
    /// Bytes since some start.
    Counter,
}

/// Custom queries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CustomPreset {
    /// PromQL that gives one series per flow; `{window}` becomes the window, as in `rate(x[{window}])`. The values
    /// of one flow are added up over all queries.
    pub queries: Vec<String>,
    /// What the values are.
    pub reading: CustomReading,
    /// The labels that name the two ends.
    pub labels: EdgeLabels,
}

/// The labels that name the two ends of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeLabels {
    /// Label with the caller's namespace.
    pub source_namespace: String,
    /// Label with the caller's application.
    pub source_name: String,
    /// Label with the callee's namespace.
    pub destination_namespace: String,
    /// Label with the callee's application.
    pub destination_name: String,
}

/// The query for round-trip times, and how to read its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoundTripsConfig {
    /// PromQL that gives seconds from node to node or from zone to zone, one series a pair. Empty: nothing is asked.
    pub query: String,
    /// The label with the name of the node or zone that measured.
    pub source_label: String,
    /// The label with the name of the node or zone that answered.
    pub destination_label: String,
}

impl Default for RoundTripsConfig {
    fn default() -> Self {
        Self {
            query: String::new(),
            source_label: "source".to_owned(),
            destination_label: "destination".to_owned(),
        }
    }
}
