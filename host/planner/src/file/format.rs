//! The types of the file.

use std::fmt;

use netmarks_core::application::Application;
use netmarks_core::digest::Digest;
use netmarks_placement::Prices;
use serde::{Deserialize, Serialize};

use super::report::PlanReport;
use crate::limits::Limits;
use crate::routing::{AssumedRouting, Mesh};

/// The version that is written and read.
pub const VERSION: u64 = 1;

/// An ordered list of pods to move, and what it was made from.
///
/// Each move can be made when all before it were. A pod is moved at most once: its replacement has another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Of this format: [`VERSION`].
    pub version: u64,
    pub made_from: MadeFrom,
    pub conditions: Conditions,
    /// In their order.
    pub moves: Vec<PlannedMove>,
    /// What they are worth; nothing in it is needed to carry them out.
    #[serde(default)]
    pub report: PlanReport,
}

/// The snapshot that a plan was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeFrom {
    /// Of the snapshot as this program writes it to a file.
    pub digest: Digest,
    /// When it was taken, in seconds since the Unix epoch.
    pub taken_at: f64,
    /// Whether its names were replaced: such a plan is for reading, as the cluster knows none of its pods.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymised: bool,
}

/// What a plan assumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Who scores nodes beside kube-scheduler, as the flag `--policy` names it.
    pub policy: String,
    /// The extender's `weight` in kube-scheduler's configuration.
    pub extender_weight: u32,
    /// kube-scheduler's `percentageOfNodesToScore`.
    pub percentage_of_nodes_to_score: u32,
    pub limits: Limits,
    pub routing: AssumedRouting,
    pub mesh: Mesh,
    /// What traffic costs, per GB.
    pub prices: Prices,
    /// Of the search.
    pub seed: u64,
    /// Of the search.
    pub steps: u64,
}

/// One pod to move: it is evicted, and its controller makes another that kube-scheduler puts elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedMove {
    /// `namespace/name`.
    pub pod: String,
    /// `metadata.uid`; absent where the snapshot does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    pub application: Application,
    /// What makes the replacement. A pod without one is never moved.
    pub owner: Controller,
    /// The node that it is on.
    pub from: String,
    /// The node that kube-scheduler is expected to choose for the replacement.
    pub to: String,
    /// Nodes that kube-scheduler may choose instead, by chance, where it gains as much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<String>,
    /// What it gains at its turn.
    pub gain: Gain,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
}

/// The controller of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// `ReplicaSet`, `StatefulSet` and so on.
    pub kind: String,
    /// In the pod's namespace.
    pub name: String,
}

/// What moving a pod saves, by the routing of each Service. Below zero where it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// Bytes per second that no longer leave a node.
    pub within_nodes_bytes_per_second: f64,
    /// Bytes per second that no longer leave a zone.
    pub within_zones_bytes_per_second: f64,
    /// What that saves in a month, in the currency of the prices; absent without prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_month: Option<f64>,
}

/// What can go wrong with a move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Risk {
    /// Nothing answers for its application until the replacement is ready.
    OnlyPod,
    /// It keeps its name and its volumes: the replacement starts when the old pod is gone.
    Stateful,
    /// A volume is detached from one node and attached to another.
    Volume,
    /// No PodDisruptionBudget selects it.
    NoDisruptionBudget,
    /// Several nodes are best for kube-scheduler, which chooses one of them at random.
    Tie {
        /// The others.
        nodes: Vec<String>,
    },
    /// Afterwards a node has a larger share of the application's pods than any had before.
    Concentration {
        /// Of 1.
        share: f64,
    },
    /// It gains nothing before others follow: a policy with a target sends it where its peers will be.
    WithNext {
        /// So many moves, those right after it.
        moves: usize,
    },
    /// The model leaves something out that concerns the pod.
    LeftOut {
        /// A sentence.
        what: String,
    },
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyPod => f.write_str(
                "its application has no other pod that runs, and is away until the new one is ready",
            ),
            Self::Stateful => {
                f.write_str("it keeps its name, so the new pod starts when the old one is gone")
            }
            Self::Volume => f.write_str("a volume has to be attached to the other node"),
            Self::NoDisruptionBudget => f.write_str("no PodDisruptionBudget selects it"),
            Self::Tie { nodes } => write!(f, "kube-scheduler may also choose {}", nodes.join(", ")),
            Self::Concentration { share } => {
                write!(f, "one node then has {:.0}% of its application", share * 100.0)
            }
            Self::WithNext { moves: 1 } => f.write_str("it pays only with the next move"),
            Self::WithNext { moves } => write!(f, "it pays only with the next {moves} moves"),
            Self::LeftOut { what } => f.write_str(what),
        }
    }
}
