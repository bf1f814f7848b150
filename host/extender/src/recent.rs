//! The last requests as they came: what a new policy is tried on, and what a person asks about. What was answered is
//! remembered by scoring.
//!
//! A body is kept as it is, by reference: remembering one costs a request nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use netmarks_core::application::Naming;
use netmarks_core::needs::Needs;
use netmarks_core::request::{Candidates, PendingPod, PolicyRequest, gather};
use netmarks_state::ClusterState;

use crate::protocol;

/// Bodies kept. A rollout of a Deployment is about as many pods.
const BODIES: usize = 16;

/// Largest body kept; 5,000 names are 150 kB. Whole nodes, megabytes, are not kept.
const LARGEST: usize = 512 * 1024;

/// Requests that a new policy is tried on.
const REPLAYED: usize = 4;

/// Holds the last requests: 8 MiB at most.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    bodies: Arc<Mutex<VecDeque<(String, Bytes)>>>,
}

impl Recent {
    /// Remembers the body of a request for `pod` (`namespace/name`).
    pub fn remember(&self, pod: &str, body: &Bytes) {
        if body.len() > LARGEST {
            return;
        }
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.truncate(BODIES - 1);
        bodies.push_front((pod.to_owned(), body.clone()));
    }

    /// The last body of a request for a pod.
    #[must_use]
    pub fn of_pod(&self, pod: &str) -> Option<Bytes> {
        let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.iter().find(|(known, _)| known == pod).map(|(_, body)| body.clone())
    }

    /// What a policy with these needs would be told about the last few pods, on the cluster as it is now.
    #[must_use]
    pub fn requests(&self, state: &ClusterState, naming: Naming, needs: &Needs) -> Vec<PolicyRequest> {
        let bodies: Vec<Bytes> = {
            let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
            bodies.iter().take(REPLAYED).map(|(_, body)| body.clone()).collect()
        };
        let snapshot = state.snapshot();
        let told = |pod: &PendingPod, nodes: &[&str]| {
            gather(&snapshot, pod, &Candidates::new(&snapshot, nodes), needs, &[])
        };
        // They were decoded before, when they were answered.
        let decoded = bodies.iter().filter_map(|body| protocol::decode(body, naming).ok());
        decoded
            .filter(|request| !request.nodes.is_empty())
            .map(|request| told(&request.pod, &request.nodes))
            .collect()
    }
}
