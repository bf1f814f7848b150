//! Whether the extender is ready: one answer for the probe and for the metric.

use std::sync::Arc;

use netmarks_policies::Registry;
use netmarks_state::{ClusterState, NotReady};
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
    /// A reason, with what the metrics store said where it is the one that is missing.
    fn sentence(&self, reason: NotReady) -> String {
        match (reason, self.state.health().metrics.report().last_error) {
            (NotReady::MetricsNotAnswered, Some(error)) => format!("{reason}: {error}"),
            _ => reason.to_string(),
        }
    }

    /// Why it is not ready, a sentence each; empty when it is.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> =
            self.state.readiness().reasons().iter().map(|reason| self.sentence(*reason)).collect();
        if self.registry.current().active.is_empty() {
            reasons.push("no policy is active".to_owned());
        }
        if self.stopping.is_cancelled() {
            reasons.push("shutting down".to_owned());
        }
        reasons
    }
}
