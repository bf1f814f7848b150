//! Where the target placement has an application's pods, and how many of them are still missing.

use crate::facts::{NodeId, Resources};

/// What the target has of one application on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetEntry {
    pub node: NodeId,
    /// Pods that should be there; at least 1.
    pub pods: u32,
    /// What each of them requests.
    pub(crate) each: Resources,
    /// Pods that are there, by their revision; no zeros.
    here: Vec<(u64, u32)>,
}

impl TargetEntry {
    pub(crate) fn new(node: NodeId, pods: u32, each: Resources) -> Self {
        Self { node, pods, each, here: Vec::new() }
    }

    /// A pod is there from now on. Returns whether it was awaited.
    pub(crate) fn enter(&mut self, revision: u64) -> bool {
        let awaited = self.awaited() > 0;
        match self.here.iter_mut().find(|(known, _)| *known == revision) {
            Some((_, pods)) => *pods += 1,
            None => self.here.push((revision, 1)),
        }
        awaited
    }

    /// A pod is gone from there. Returns whether one is awaited in its place.
    pub(crate) fn leave(&mut self, revision: u64) -> bool {
        if let Some((_, pods)) = self.here.iter_mut().find(|(known, _)| *known == revision) {
            *pods = pods.saturating_sub(1);
        }
        self.here.retain(|(_, pods)| *pods > 0);
        self.awaited() > 0
    }

    /// Pods that are not there yet, whatever the revision of those that are.
    pub(crate) fn awaited(&self) -> u32 {
        self.pods.saturating_sub(self.here.iter().map(|(_, pods)| pods).sum())
    }

    /// Pods of a revision that are not there yet: those of others are about to be replaced.
    pub(crate) fn missing(&self, revision: u64) -> u32 {
        let here = self.here.iter().find(|(known, _)| *known == revision).map_or(0, |(_, pods)| *pods);
        self.pods.saturating_sub(here)
    }
}
