//! The target placement in the index: replaced as a whole, and followed as pods and nodes come and go.

use std::sync::Arc;

use super::Index;
use crate::application::Application;
use crate::facts::{NodeId, Resources};
use crate::snapshot::ApplicationRow;
use crate::target::TargetEntry;

impl Index {
    /// Replaces the target placement: how many pods each application should have on which nodes. Applications and nodes that
    /// are not known are left out.
    pub fn replace_target<'a>(
        &mut self,
        target: impl IntoIterator<Item = &'a (Application, Vec<(String, u32)>)>,
    ) {
        let mut rows = vec![Vec::new(); self.now.applications.len()];
        for (application, nodes) in target {
            let Some(id) = self.now.ids.get(application) else { continue };
            let Some(row) = rows.get_mut(id.index()) else { continue };
            let each = self.now.applications.get(id.index()).map(ApplicationRow::mean_requests);
            let entry = |(node, pods): &(String, u32)| {
                Some(TargetEntry::new(self.now.names.id(node)?, *pods, each.unwrap_or_default()))
            };
            row.extend(nodes.iter().filter_map(entry));
        }
        for pod in self.pods.values() {
            let (Some(application), Some(node)) = (pod.application, pod.node) else { continue };
            let mut row = rows.get_mut(application.index()).into_iter().flatten();
            if let Some(entry) = row.find(|entry| entry.node == node) {
                entry.enter(pod.revision);
            }
        }
        let mut awaited = vec![Resources::default(); self.now.nodes.len()];
        for entry in rows.iter().flatten() {
            if let Some(awaited) = awaited.get_mut(entry.node.index()) {
                (0..entry.awaited()).for_each(|_| awaited.add(entry.each));
            }
        }
        for (index, awaited) in awaited.into_iter().enumerate() {
            if self.now.nodes.get(index).is_some_and(|row| row.awaited != awaited)
                && let Some(row) = self.now.nodes.get_mut(index)
            {
                row.awaited = awaited;
            }
        }
        for (index, target) in rows.into_iter().enumerate() {
            if self.now.applications.get(index).is_some_and(|row| *row.target != target)
                && let Some(row) = self.now.applications.get_mut(index)
            {
                row.target = Arc::new(target);
            }
        }
    }

    /// Takes a node out of the target: its id may become another node's.
    pub(super) fn forget_target(&mut self, node: NodeId) {
        for index in 0..self.now.applications.len() {
            let here = |row: &ApplicationRow| row.target.iter().any(|entry| entry.node == node);
            if self.now.applications.get(index).is_some_and(here)
                && let Some(row) = self.now.applications.get_mut(index)
            {
                Arc::make_mut(&mut row.target).retain(|entry| entry.node != node);
            }
        }
    }
}

/// What the target has of an application on a node; nothing is copied where it has nothing.
pub(super) fn entry(row: &mut ApplicationRow, node: NodeId) -> Option<&mut TargetEntry> {
    let position = row.target.iter().position(|entry| entry.node == node)?;
    Arc::make_mut(&mut row.target).get_mut(position)
}
