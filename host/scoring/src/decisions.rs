//! The last decisions, for people who ask why: bounded, so that nobody has to clean up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use netmarks_core::application::Application;
use netmarks_core::why::NodeScore;
use serde::Serialize;

use crate::empty::Empty;

/// Nodes kept of one decision: what fits on a screen, and what people ask for.
pub const NODES: usize = 10;

/// Peers kept of one node: the heaviest.
const PEERS: usize = 10;

/// Memory that all decisions together may take: some thousands of the usual size.
const BYTES: usize = 32 << 20;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// kube-scheduler asked while it scheduled.
    Extender,
    /// The API server asked as the pod was created.
    Admission,
}

/// What was answered for one pod, and why.
#[derive(Clone, Debug, Serialize)]
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
    pub empty: Option<Empty>,
    /// Age of the flows that were used, in seconds.
    pub flows_age_seconds: Option<f64>,
    /// From the decoded request to the answer, in microseconds.
    pub took_microseconds: u64,
    /// The best nodes, best first.
    pub nodes: Vec<NodeScore>,
}

/// What one policy did for a decision; its scores are with the nodes.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyDecision {
    pub policy: String,
    /// Its artefact, `sha256:...`.
    pub digest: String,
    /// Its fault with all its causes, if it failed.
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
    fn bytes(&self) -> usize {
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

/// Holds the last decisions.
#[derive(Debug)]
pub struct Decisions {
    capacity: usize,
    recent: Mutex<Ring>,
}

/// The oldest first.
#[derive(Debug, Default)]
struct Ring {
    decisions: VecDeque<(usize, Arc<Decision>)>,
    bytes: usize,
}

impl Ring {
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.decisions.pop_front();
        self.bytes -= oldest.as_ref().map_or(0, |(bytes, _)| *bytes);
        oldest.is_some()
    }
}

impl Decisions {
    /// Keeps the last `capacity` decisions.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, recent: Mutex::default() }
    }

    /// Whether any are kept at all; working one out costs more than scoring.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.capacity > 0
    }

    /// Remembers a decision and forgets the oldest beyond the capacity, or beyond what all together may take.
    pub fn record(&self, mut decision: Decision) {
        decision.nodes.truncate(NODES);
        for node in &mut decision.nodes {
            node.peers.truncate(PEERS);
        }
        let bytes = decision.bytes();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.decisions.len() >= self.capacity || recent.bytes + bytes > BYTES {
            if !recent.forget_oldest() {
                return;
            }
        }
        recent.bytes += bytes;
        recent.decisions.push_back((bytes, Arc::new(decision)));
    }

    /// Gives the decision `id` the name of its pod (`namespace/name`), which was not known when it was made.
    pub fn name(&self, id: &str, pod: &str) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest_first = recent.decisions.iter_mut().rev();
        let of_id = |decision: &Decision| decision.id.as_deref() == Some(id);
        if let Some((_, decision)) = newest_first.find(|(_, decision)| of_id(decision)) {
            Arc::make_mut(decision).pod = pod.to_owned();
        }
    }

    /// The newest decisions first, at most `limit`, of the pod `pod` (`namespace/name`) and with the id `id` if they are given.
    #[must_use]
    pub fn recent(&self, limit: usize, pod: Option<&str>, id: Option<&str>) -> Vec<Arc<Decision>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let newest_first = recent.decisions.iter().rev().map(|(_, decision)| decision);
        newest_first
            .filter(|decision| pod.is_none_or(|pod| decision.pod == pod))
            .filter(|decision| id.is_none_or(|id| decision.id.as_deref() == Some(id)))
            .take(limit)
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    mod hostile {
        use super::super::*;
        use netmarks_core::why::PeerShare;

        fn decision(length: usize) -> Decision {
            let name = "x".repeat(length);
            let application = Application::new("ns", &name);
            let peer = PeerShare {
                application: application.clone(),
                pods: 1,
                outbound_bytes_per_second: 1.0,
                inbound_bytes_per_second: 1.0,
            };
            let node = NodeScore {
                node: name.clone(),
                score: 1,
                raw: 1.0,
                policies: Vec::new(),
                parts: Vec::new(),
                peers: vec![peer; PEERS],
            };
            Decision {
                id: None,
                door: Door::Extender,
                outcome: None,
                at: 0.0,
                pod: name.clone(),
                application: Some(application),
                generation: 1,
                canary: false,
                policies: vec![PolicyDecision {
                    policy: "p".into(),
                    digest: "d".into(),
                    fault: Some(brief(name.repeat(100))),
                }],
                candidates: 1,
                named: 1,
                empty: None,
                flows_age_seconds: None,
                took_microseconds: 1,
                nodes: vec![node; NODES],
            }
        }

        /// The largest that the door lets through, and larger ones.
        #[test]
        fn a_ring_full_of_the_largest_stays_within_its_budget() {
            for (length, count) in [(253, 2_000), (1 << 14, 100)] {
                let largest = decision(length);
                let text = serde_json::to_string(&largest).unwrap().len();
                assert!(largest.bytes() > text / 2, "{} counted of {text}", largest.bytes());
                let decisions = Decisions::new(100_000);
                for _ in 0..count {
                    decisions.record(decision(length));
                }
                let kept: Vec<_> = decisions.recent(usize::MAX, None, None);
                let held: usize = kept.iter().map(|decision| decision.bytes()).sum();
                assert!(held <= BYTES && held > BYTES / 2, "{held} bytes of {length}");
            }
        }

        #[test]
        fn a_decision_is_found_by_its_id_and_gets_the_name_of_its_pod() {
            let decisions = Decisions::new(10);
            decisions.record(Decision { id: Some("u-1".to_owned()), ..decision(3) });
            decisions.record(decision(3));
            decisions.name("u-2", "shop/other");
            decisions.name("u-1", "shop/web-abc");
            let found = decisions.recent(10, Some("shop/web-abc"), None);
            assert_eq!(found.len(), 1);
            assert_eq!(decisions.recent(10, None, Some("u-1"))[0].pod, "shop/web-abc");
            assert!(decisions.recent(10, None, Some("u-2")).is_empty());
        }

        #[test]
        fn one_beyond_the_whole_budget_is_not_kept() {
            let decisions = Decisions::new(10);
            decisions.record(decision(10));
            decisions.record(decision(1 << 20));
            assert!(decisions.recent(10, None, None).len() <= 1);
        }
    }
}
