//! What happened to a move: the vocabulary of the journal, from which a run is made again.

use serde::{Deserialize, Serialize};

use crate::seen::{Controller, ControllerSeen, NodeSeen};

/// Something that happened to one move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The API server is about to be asked. Written before, so that whoever resumes knows what to look for.
    Evicting(Subject),
    /// The API server refused, and may do otherwise later.
    Refused {
        /// What it said.
        answer: String,
    },
    /// There was no answer, or none that says what became of the pod.
    Unanswered {
        /// Why not.
        error: String,
    },
    /// The pod ends.
    Evicted,
    /// The pod is gone, and its replacement is ready.
    Replaced {
        /// `namespace/name` of the replacement.
        by: String,
        /// Where it runs.
        node: String,
    },
    /// The pod is gone, and no replacement comes.
    Unreplaced {
        /// The reason.
        why: Unreplaced,
    },
    /// The move is left out; nothing was evicted.
    Skipped {
        /// The reason.
        why: Skip,
    },
}

/// The pod that is evicted, and what tells its replacement apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The pod's uid.
    pub pod_uid: String,
    /// Who replaces it.
    pub controller: Controller,
    /// Uids of the pods that the controller had, this one among them.
    pub known: Vec<String>,
    /// How long the pod may take to end.
    pub grace_seconds: u64,
}

/// Why no replacement comes: what the controller wants has changed since the pod was evicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Unreplaced {
    /// The controller does not exist any more.
    ControllerGone,
    /// It wants no more pods than it has: it was scaled down, or another took its place in a rollout.
    Enough {
        wants: u32,
        /// Pods that are not being deleted.
        has: u32,
    },
}

impl Unreplaced {
    /// Why a controller that has so many pods makes no other, if it makes none.
    #[must_use]
    pub fn by(seen: &ControllerSeen, has: usize) -> Option<Self> {
        let has = u32::try_from(has).unwrap_or(u32::MAX);
        match seen {
            ControllerSeen::Gone => Some(Self::ControllerGone),
            ControllerSeen::Wants(wants) if *wants <= has => Some(Self::Enough { wants: *wants, has }),
            ControllerSeen::Wants(_) | ControllerSeen::Unknown { .. } => None,
        }
    }

    /// In words that follow the pod's name.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::ControllerGone => "is not replaced: its controller does not exist any more".to_owned(),
            Self::Enough { wants, has } => {
                format!("is not replaced: its controller wants {wants} pods now, and has {has}")
            }
        }
    }
}

/// Why a move is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Skip {
    /// The pod does not exist.
    Gone,
    /// Another pod has its name.
    Other,
    /// The pod runs where it should already.
    There,
    /// The pod runs on a node that the plan does not name, or on no node.
    Elsewhere { node: Option<String> },
    /// The pod is being deleted.
    Terminating,
    /// Nothing would replace the pod, or only on the same node.
    NotReplaced {
        /// The kind of its controller, if it has one.
        controller: Option<String>,
    },
    /// The target does not exist.
    TargetGone,
    /// The target is cordoned.
    TargetCordoned,
    /// The target is not ready.
    TargetNotReady,
}

impl Skip {
    /// Why a target takes no pod, if it takes none.
    #[must_use]
    pub fn of_target(seen: NodeSeen) -> Option<Self> {
        match seen {
            NodeSeen::Gone => Some(Self::TargetGone),
            NodeSeen::Cordoned => Some(Self::TargetCordoned),
            NodeSeen::NotReady => Some(Self::TargetNotReady),
            NodeSeen::Ready => None,
        }
    }

    /// In words that follow the pod's name.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Gone => "does not exist any more".to_owned(),
            Self::Other => "is another pod than the one that the plan means".to_owned(),
            Self::There => "is on its target already".to_owned(),
            Self::Elsewhere { node: Some(node) } => format!("is on {node} now"),
            Self::Elsewhere { node: None } => "is on no node".to_owned(),
            Self::Terminating => "is being deleted".to_owned(),
            Self::NotReplaced { controller: Some(kind) } => {
                format!("belongs to a {kind}, which does not replace it on another node")
            }
            Self::NotReplaced { controller: None } => "has no controller that would replace it".to_owned(),
            Self::TargetGone => "stays: its target does not exist".to_owned(),
            Self::TargetCordoned => "stays: its target is cordoned".to_owned(),
            Self::TargetNotReady => "stays: its target is not ready".to_owned(),
        }
    }
}
