//! Why there is nothing to see.

use netmarks_map::Scene;
use netmarks_state::{ClusterOrigin, ClusterState, MetricsState};
use serde::Serialize;
use utoipa::ToSchema;

/// Why there are no flows, and where to look further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Missing {
    pub(crate) reason: Reason,
    /// A sentence.
    pub(crate) says: String,
    /// The line of `netmarks doctor` that says more.
    pub(crate) doctor: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    NoPods,
    NoMetricsSource,
    MetricsNotAnswered,
    MetricsFailing,
    NoFlows,
}

/// What is missing in `scene`, if there is nothing to see.
pub(super) fn missing(state: &ClusterState, scene: &Scene) -> Option<Missing> {
    if !scene.flows.is_empty() && !scene.nodes.is_empty() {
        return None;
    }
    let readiness = state.readiness();
    let error = state.health().metrics.report().last_error;
    let (reason, doctor, says) = match (readiness.metrics, error) {
        _ if scene.nodes.is_empty() => {
            (Reason::NoPods, "watches", "neither nodes nor pods have been listed yet".to_owned())
        }
        (_, Some(error)) => {
            let says = format!("the metrics store does not answer: {error}");
            (Reason::MetricsFailing, "metrics store", says)
        }
        (MetricsState::Absent, _) if state.origin() == ClusterOrigin::Sources => {
            let says = "`metrics.url` is not set, so nobody measures flows".to_owned();
            (Reason::NoMetricsSource, "metrics store", says)
        }
        (MetricsState::NotYet, _) => {
            let says = "the metrics store has not answered yet".to_owned();
            (Reason::MetricsNotAnswered, "metrics store", says)
        }
        _ if state.origin() == ClusterOrigin::Sources => {
            let says = "the metrics store answers, and has no traffic between applications".to_owned();
            (Reason::NoFlows, "metrics store", says)
        }
        _ => (Reason::NoFlows, "metrics store", "the snapshot has no flows".to_owned()),
    };
    Some(Missing { reason, says, doctor })
}
