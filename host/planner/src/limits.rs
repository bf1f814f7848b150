//! What a plan may do: how much it moves, and what it keeps as it is.

use netmarks_simulator::World;
use serde::{Deserialize, Serialize};

use crate::error::PlanError;

/// What a plan may do. Shares are of 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most pods that move; absent for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<usize>,
    /// Most of all pods that move.
    pub share_of_pods: f64,
    /// Most pods of one application that move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_application: Option<usize>,
    /// Most pods that leave one node, and most that come to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_node: Option<usize>,
    /// The plan ends where it has this much of what all moves would gain.
    pub stop_at: f64,
    /// Bytes per second that a move must gain; absent: a hundredth of what a pod exchanges on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_gain_bytes_per_second: Option<f64>,
    /// Most of an application's pods that a node gets. What is above it already stays.
    pub most_on_node: f64,
    /// The same for a zone.
    pub most_in_zone: f64,
    /// What stays free of a node's CPU and memory when a pod comes to it.
    pub headroom: f64,
    /// Whether every application stays on as many nodes and in as many zones as it is.
    pub keep_spread: bool,
    /// Whether pods of StatefulSets move.
    pub stateful: bool,
    /// Whether an application's only pod moves.
    pub singletons: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frozen_namespaces: Vec<String>,
    /// Nothing leaves them and nothing comes to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frozen_nodes: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            moves: None,
            share_of_pods: 1.0,
            per_application: None,
            per_node: None,
            stop_at: 0.9,
            least_gain_bytes_per_second: None,
            most_on_node: 0.5,
            most_in_zone: 1.0,
            headroom: 0.0,
            keep_spread: false,
            stateful: false,
            singletons: false,
            frozen_namespaces: Vec::new(),
            frozen_nodes: Vec::new(),
        }
    }
}

impl Limits {
    /// Most pods that move, of so many.
    #[must_use]
    pub fn most_moves(&self, pods: usize) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `pods`")]
        let by_share = (pods as f64 * self.share_of_pods.clamp(0.0, 1.0) + 1e-9) as usize;
        self.moves.map_or(by_share, |moves| moves.min(by_share))
    }

    /// Whether they can be kept together, and name what there is.
    pub(crate) fn check(&self, world: &World) -> Result<(), PlanError> {
        let against = |text: String| Err(PlanError::Contradiction(text));
        let pods = world.inventory().pods.len();
        if self.most_moves(pods) == 0 {
            let share = self.share_of_pods * 100.0;
            return against(format!(
                "{share}% of {pods} pods is less than one pod, so nothing could be moved"
            ));
        }
        let most = self.most_moves(pods);
        for (what, limit) in [("of an application", self.per_application), ("of a node", self.per_node)] {
            if let Some(limit) = limit.filter(|limit| self.moves.is_some() && *limit > most) {
                return against(format!(
                    "{limit} moves {what} are more than the {most} that may be made in all; make it less or leave it out"
                ));
            }
        }
        if self.most_on_node > self.most_in_zone {
            return against(format!(
                "a node may get {:.0}% of an application, and the zone that it is in {:.0}%",
                self.most_on_node * 100.0,
                self.most_in_zone * 100.0
            ));
        }
        for name in &self.frozen_nodes {
            world.node(name)?;
        }
        let has = |namespace: &String| world.pods().iter().any(|pod| pod.namespace == *namespace);
        if let Some(missing) = self.frozen_namespaces.iter().find(|namespace| !has(namespace)) {
            return Err(PlanError::NoNamespace(missing.clone()));
        }
        let thawed = |node: &&netmarks_placement::Node| !self.frozen_nodes.contains(&node.name);
        if world.inventory().nodes.iter().filter(thawed).count() < 2 {
            return against(
                "fewer than two nodes are not frozen, so there is nowhere to move a pod to".to_owned(),
            );
        }
        Ok(())
    }
}
