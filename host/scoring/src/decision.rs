//! What was answered for one pod, and why.

use netmarks_core::application::Application;
use netmarks_core::why::NodeScore;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::empty::Empty;

/// Longest fault kept, in bytes; the log has all of it.
const FAULT: usize = 1_024;

/// Who asked, and what came of it beside the scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub door: Door,
    /// By which the pod names the decision.
    pub id: Option<String>,
    /// What became of the scores, where the door does more than to hand them on.
    pub outcome: Option<&'static str>,
}

impl Origin {
    /// kube-scheduler, which takes the scores as they are.
    pub(crate) const EXTENDER: Self = Self { door: Door::Extender, id: None, outcome: None };
}

/// Where a question came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// kube-scheduler asked while it scheduled.
    Extender,
    /// The API server asked as the pod was created.
    Admission,
}

/// What was answered for one pod, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Decision {
    /// By which the pod names it, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who asked.
    pub door: Door,
    /// What came of it, where that is more than the scores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// Seconds since the Unix epoch.
    pub at: f64,
    /// `namespace/name` of the pod.
    pub pod: String,
    /// The pod's application, if it has one.
    #[schema(value_type = Option<String>, required)]
    pub application: Option<Application>,
    /// Which generation of the policies answered.
    pub generation: u64,
    /// Whether it was answered by the canary.
    pub canary: bool,
    /// Which policies were asked.
    pub policies: Vec<PolicyDecision>,
    /// How many nodes the scheduler offered.
    pub candidates: usize,
    /// How many of them were named in the answer.
    pub named: usize,
    /// Why the answer was empty, if it was.
    #[schema(required)]
    pub empty: Option<Empty>,
    /// Age of the flows that were used, in seconds.
    #[schema(required)]
    pub flows_age_seconds: Option<f64>,
    /// From the decoded request to the answer, in microseconds.
    pub took_microseconds: u64,
    /// The best nodes, best first.
    pub nodes: Vec<NodeScore>,
}

/// What one policy did for a decision; its scores are with the nodes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PolicyDecision {
    pub policy: String,
    /// Its artefact, `sha256:...`.
    pub digest: String,
    /// Its fault with all its causes, if it failed.
    #[schema(required)]
    pub fault: Option<String>,
}

/// As much of a fault as is kept.
pub(crate) fn brief(mut fault: String) -> String {
    if fault.len() > FAULT {
        fault.truncate(fault.floor_char_boundary(FAULT));
        fault.push_str("...");
    }
    fault
}

impl Decision {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let text = |application: &Application| application.as_str().len();
        let policies = self.policies.iter().map(|policy| {
            let PolicyDecision { policy, digest, fault } = policy;
            size_of::<PolicyDecision>() + policy.len() + digest.len() + fault.as_ref().map_or(0, String::len)
        });
        let nodes = self.nodes.iter().map(|node| {
            let NodeScore { node, score: _, raw: _, policies, parts, peers } = node;
            let policies = policies.iter().map(|share| size_of_val(share) + share.policy.len());
            let parts = parts.iter().map(|part| {
                let peer = part.peer.as_ref().map_or(0, text);
                size_of_val(part) + part.policy.len() + part.label.len() + peer
            });
            let peers = peers.iter().map(|peer| size_of_val(peer) + text(&peer.application));
            size_of::<NodeScore>()
                + node.len()
                + policies.sum::<usize>()
                + parts.sum::<usize>()
                + peers.sum::<usize>()
        });
        let application = self.application.as_ref().map_or(0, text);
        let id = self.id.as_ref().map_or(0, String::len);
        size_of::<Self>() + id + self.pod.len() + application + policies.sum::<usize>() + nodes.sum::<usize>()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// In which nothing was scored.
    pub(crate) fn of_pod(pod: &str) -> Decision {
        Decision {
            id: None,
            door: Door::Extender,
            outcome: None,
            at: 0.0,
            pod: pod.to_owned(),
            application: None,
            generation: 1,
            canary: false,
            policies: Vec::new(),
            candidates: 1,
            named: 1,
            empty: None,
            flows_age_seconds: None,
            took_microseconds: 1,
            nodes: Vec::new(),
        }
    }

    /// A node with a score and without a reason.
    pub(crate) fn scored(node: &str, score: u32) -> NodeScore {
        NodeScore {
            node: node.to_owned(),
            score,
            raw: f64::from(score),
            policies: Vec::new(),
            parts: Vec::new(),
            peers: Vec::new(),
        }
    }
}
