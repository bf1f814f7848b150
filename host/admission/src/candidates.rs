//! The nodes that could take a pod now: the scheduler's model of the live cluster, with the pods that are only assumed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netmarks_scheduler_model::{LiveCluster, Pod};

use crate::terms::{HOSTNAME, ZONE};

/// The scheduler's model of the live cluster, which a watch keeps up to date; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Model(Arc<Mutex<LiveCluster>>);

/// A node that could take the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// Its label, if it has one.
    pub(crate) hostname: Option<String>,
    pub(crate) zone: Option<String>,
}

impl Model {
    #[must_use]
    pub fn new(cluster: LiveCluster) -> Self {
        Self(Arc::new(Mutex::new(cluster)))
    }

    /// Changes the cluster; afterwards it is as the next review finds it, so that no review waits for what a change takes.
    pub fn update(&self, change: impl FnOnce(&mut LiveCluster)) {
        let mut cluster = self.lock();
        change(&mut cluster);
        cluster.settle();
    }

    /// Every node that could take one more pod like this; `None` while the lists are not complete.
    pub(crate) fn candidates(&self, pod: &Pod) -> Option<Vec<Candidate>> {
        let mut cluster = self.lock();
        if !cluster.is_complete() {
            return None;
        }
        let candidate = |node: &netmarks_scheduler_model::Node| {
            let label = |key: &str| node.labels.get(key).filter(|value| !value.is_empty()).cloned();
            Candidate { name: node.name.clone(), hostname: label(HOSTNAME), zone: label(ZONE) }
        };
        Some(cluster.feasible(pod).nodes().map(candidate).collect())
    }

    /// Takes a pod to be on a node.
    pub(crate) fn assume(&self, number: u64, pod: &Pod, node: &str) {
        self.lock().assume(number, pod, node);
    }

    pub(crate) fn release(&self, number: u64) {
        self.lock().release(number);
    }

    fn lock(&self) -> MutexGuard<'_, LiveCluster> {
        // What a panic leaves behind is corrected by the next list; to stop for good would be worse.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
