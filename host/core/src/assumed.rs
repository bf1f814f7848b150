//! Pods that were just answered and not yet seen bound.
//!
//! kube-scheduler asks for the next replica before the watch has shown the last one bound. Until then the pod is
//! assumed on the node that scored best: a guess, since other plugins have their say, and so a short-lived one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::application::Application;
use crate::facts::{ApplicationId, NodeId};
use crate::snapshot::Snapshot;

/// Most pods assumed at once; beyond, the oldest is forgotten. A scheduler binds them within milliseconds.
const CAPACITY: usize = 1_024;

/// Holds the pods assumed at the moment.
#[derive(Debug)]
pub struct Assumed {
    pods: Mutex<VecDeque<AssumedPod>>,
}

#[derive(Clone, Debug)]
struct AssumedPod {
    key: String,
    application: Application,
    node: String,
    until: Instant,
}

impl Default for Assumed {
    fn default() -> Self {
        Self { pods: Mutex::new(VecDeque::new()) }
    }
}

impl Assumed {
    /// Assumes the pod `key` (`namespace/name`) on `node` until `now + lifetime`, or until it is seen.
    pub fn assume(&self, key: &str, application: &Application, node: &str, now: Instant, lifetime: Duration) {
        if lifetime.is_zero() {
            return;
        }
        let mut pods = self.lock();
        pods.retain(|pod| pod.until > now && pod.key != key);
        if pods.len() >= CAPACITY {
            pods.pop_front();
        }
        pods.push_back(AssumedPod {
            key: key.to_owned(),
            application: application.clone(),
            node: node.to_owned(),
            until: now + lifetime,
        });
    }

    /// Forgets the pod `key`: the watch has shown where it really is, or that it is gone.
    pub fn forget(&self, key: &str) {
        let mut pods = self.lock();
        if !pods.is_empty() {
            pods.retain(|pod| pod.key != key);
        }
    }

    /// The pods assumed at `now`, other than `asking` itself, in the terms of `snapshot`.
    #[must_use]
    pub fn resolve(&self, snapshot: &Snapshot, now: Instant, asking: &str) -> Vec<(ApplicationId, NodeId)> {
        self.lock()
            .iter()
            .filter(|pod| pod.until > now && pod.key != asking)
            .filter_map(|pod| {
                let application = snapshot.application_id(pod.application.as_str())?;
                Some((application, snapshot.names().id(&pod.node)?))
            })
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<AssumedPod>> {
        // Nothing below can panic half-way, so a poisoned list is still a good one.
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
