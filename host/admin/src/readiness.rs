//! Whether the extender is ready: one answer for the probe and for the metric.

use std::sync::Arc;

use netmarks_policies::Registry;
use netmarks_state::ClusterState;
use tokio_util::sync::CancellationToken;

/// What readiness depends on.
#[derive(Clone, Debug)]
pub(crate) struct ReadinessCheck {
    pub(crate) state: Arc<ClusterState>,
    pub(crate) registry: Registry,
    /// Cancelled when the process was told to stop.
    pub(crate) stopping: CancellationToken,
}

impl ReadinessCheck {
    /// Why it is not ready, a sentence each; empty when it is.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> =
            self.state.readiness().reasons().iter().map(ToString::to_string).collect();
        if self.registry.current().active.is_empty() {
            reasons.push("no policy is active".to_owned());
        }
        if self.stopping.is_cancelled() {
            reasons.push("shutting down".to_owned());
        }
        reasons
    }
}
