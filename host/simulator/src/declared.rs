//! Placement by declared dependencies: who talks to whom, but not how much.
//!
//! The idea is that of the network-aware plugins of `kubernetes-sigs/scheduler-plugins`, where an AppGroup lists dependencies
//! and a node is good if many of them hold there. Here the edges of the measured traffic stand for the lists.

use std::collections::BTreeMap;

use netmarks_placement::{Inventory, Occupancy};

/// The highest score of the extender protocol.
const TOP: u32 = 10;

/// Counts the dependencies that hold.
pub(crate) struct Declared {
    peers: Vec<BTreeMap<usize, f64>>,
    pub(crate) occupancy: Occupancy,
}

impl Declared {
    /// Before any pod is on a node.
    pub(crate) fn new(inventory: &Inventory) -> Self {
        let nowhere = vec![None; inventory.pods.len()];
        Self { peers: inventory.peers(), occupancy: Occupancy::new(inventory, &nowhere) }
    }

    /// Scores of 0 to 10: of the dependencies that hold somewhere among the candidates, the share that holds on each.
    pub(crate) fn scores(&self, application: usize, candidates: &[usize], scores: &mut Vec<i64>) {
        let Some(peers) = self.peers.get(application) else { return };
        let here = |node: &usize| {
            let on_node = |peer: &&usize| self.occupancy.on_node(**peer, *node) > 0;
            u32::try_from(peers.keys().filter(on_node).count()).unwrap_or(0)
        };
        let counts: Vec<u32> = candidates.iter().map(here).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        if most > 0 {
            scores.extend(counts.iter().map(|count| i64::from(count * TOP / most)));
        }
    }
}
