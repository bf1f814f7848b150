//! Why there is no plan.

use netmarks_simulator::WorldError;

/// A snapshot, or limits, of which no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    World(#[from] WorldError),
    /// Pods without their controllers and rules.
    #[error(
        "the snapshot does not say what controls its pods and where they may run, as those of version 1 and those of a running \
         extender do not; make one with `netmarks snapshot --kubeconfig FILE --metrics-url URL --file cluster.json`"
    )]
    NoScheduling,
    /// Nothing to gain, as far as is known.
    #[error("the snapshot has no traffic, so nothing can be gained; `netmarks doctor` says why")]
    NoTraffic,
    /// Traffic of applications that have no pods.
    #[error(
        "none of the traffic is between applications that have pods, such as {source_name} -> {destination_name}; take the snapshot \
         with the --identity that names pods as the metrics do, and from the store of this cluster"
    )]
    StrangeTraffic { source_name: String, destination_name: String },
    /// A pod that no node could take.
    #[error(
        "{pods} pods that wait for a node fit on none, even if it were empty, such as `{pod}` ({why}); give them a node, or freeze \
         their namespace"
    )]
    NeverFits { pods: usize, pod: String, why: String },
    /// A namespace without pods.
    #[error("the snapshot has no pods in the namespace `{0}`")]
    NoNamespace(String),
    /// Limits that cannot be kept together.
    #[error("the limits contradict each other: {0}")]
    Contradiction(String),
}

impl PlanError {
    /// Whether it is about something named that is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NoNamespace(_) | Self::World(WorldError::NoNode(_)))
    }
}
