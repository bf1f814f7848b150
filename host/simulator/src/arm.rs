//! Who decides where pods go.

use std::time::Duration;

use netmarks_admission::AdmissionConfig;
use netmarks_policies::Registry;
use netmarks_scoring::ScoringConfig;

/// One way of placing, under its name.
#[derive(Clone, Debug)]
pub struct Arm {
    /// As the report calls it.
    pub name: String,
    pub decider: Decider,
}

/// Who decides.
#[derive(Clone, Debug)]
pub enum Decider {
    /// kube-scheduler with its default plugins.
    Default,
    /// Any node that kube-scheduler's filters leave, at random.
    Random,
    /// kube-scheduler with an extender that counts how many of a pod's peers are on a node, however much they talk: placement by
    /// declared dependencies, without measured traffic.
    Declared,
    /// A packing that knows all pods at once. No scheduler can be expected to reach it.
    Optimal {
        /// Most steps of its search.
        steps: u64,
        /// Most time of its search. With it, what is found depends on how fast the machine is.
        time: Option<Duration>,
    },
    /// kube-scheduler with what is active in a registry.
    Policies {
        /// The policies.
        registry: Registry,
        /// How raw scores become answers.
        config: Box<ScoringConfig>,
        door: PolicyDoor,
    },
}

/// How policies are asked.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyDoor {
    /// As kube-scheduler's extender.
    Extender,
    /// As the webhook that adds preferred node affinity to new pods, with these settings.
    Admission(Box<AdmissionConfig>),
}
