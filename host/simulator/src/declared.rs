//! Placement by declared dependencies: who talks to whom, but not how much.
//!
//! The idea is that of the network-aware plugins of `kubernetes-sigs/scheduler-plugins`, where an AppGroup lists dependencies
//! and a node is good if many of them hold there. Here the edges of the measured traffic stand for the lists.

use std::collections::BTreeSet;

use netmarks_placement::Inventory;

/// The highest score of the extender protocol.
const TOP: u32 = 10;

/// Counts the dependencies that hold.
pub(crate) struct Declared {
    /// The other ends of each application's flows.
    peers: Vec<BTreeSet<usize>>,
    /// Pods of each application by node.
    pods: Vec<Vec<u32>>,
}

impl Declared {
    pub(crate) fn new(inventory: &Inventory) -> Self {
        let mut peers = vec![BTreeSet::new(); inventory.applications.len()];
        for flow in &inventory.flows {
            for (one, other) in [(flow.source, flow.destination), (flow.destination, flow.source)] {
                if let Some(peers) = peers.get_mut(one).filter(|_| one != other) {
                    peers.insert(other);
                }
            }
        }
        Self { peers, pods: vec![vec![0; inventory.nodes.len()]; inventory.applications.len()] }
    }

    pub(crate) fn count(&mut self, application: usize, node: usize, more: i32) {
        let pods = self.pods.get_mut(application).and_then(|pods| pods.get_mut(node));
        if let Some(pods) = pods {
            *pods = pods.saturating_add_signed(more);
        }
    }

    /// Scores of 0 to 10: of the dependencies that hold somewhere among the candidates, the share that holds on each.
    pub(crate) fn scores(&self, application: usize, candidates: &[usize], scores: &mut Vec<i64>) {
        let Some(peers) = self.peers.get(application) else { return };
        let here = |node: &usize| {
            let on_node = |peer: &&usize| {
                self.pods.get(**peer).and_then(|pods| pods.get(*node)).is_some_and(|pods| *pods > 0)
            };
            u32::try_from(peers.iter().filter(on_node).count()).unwrap_or(0)
        };
        let counts: Vec<u32> = candidates.iter().map(here).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        if most > 0 {
            scores.extend(counts.iter().map(|count| i64::from(count * TOP / most)));
        }
    }
}
