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

/// What was answered for one pod, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
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

/// Holds the last decisions.
#[derive(Debug)]
pub struct Decisions {
    capacity: usize,
    recent: Mutex<VecDeque<Arc<Decision>>>,
}

impl Decisions {
    /// Keeps the last `capacity` decisions.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, recent: Mutex::new(VecDeque::with_capacity(capacity.min(1_024))) }
    }

    /// Whether any are kept at all; working one out costs more than scoring.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.capacity > 0
    }

    /// Remembers a decision and forgets the oldest beyond the capacity.
    pub fn record(&self, mut decision: Decision) {
        decision.nodes.truncate(NODES);
        for node in &mut decision.nodes {
            node.peers.truncate(PEERS);
        }
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= self.capacity {
            recent.pop_front();
        }
        recent.push_back(Arc::new(decision));
    }

    /// The newest decisions first, at most `limit`, of the pod `pod` (`namespace/name`) if one is given.
    #[must_use]
    pub fn recent(&self, limit: usize, pod: Option<&str>) -> Vec<Arc<Decision>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent
            .iter()
            .rev()
            .filter(|decision| pod.is_none_or(|pod| decision.pod == pod))
            .take(limit)
            .cloned()
            .collect()
    }
}
