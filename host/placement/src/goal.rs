//! What a search is asked for: what it maximises, what it keeps, and how hard it tries.

use std::time::Duration;

use crate::inventory::Placement;
use crate::locality::Routing;

/// What a search maximises and what it keeps.
///
/// It maximises the bytes per second that stay within nodes. Of the flows to an application whose calls prefer their node these are
/// counted as gained affinity (the smaller of both ends' shares of pods on each node), of flows to one whose calls are spread as the
/// product of the shares. Shares are of all pods of an application, placed or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// How calls to each application are routed, by its index; missing is [`Routing::SameNode`]. [`Routing::SameZone`] counts as
    /// [`Routing::Even`], which is the least that stays within a node.
    pub routing: Vec<Routing>,
    /// Most share (of 1) of the pods of an application with two or more that one node has, but always one pod. What is above it at the
    /// start may stay, and nothing comes to it. From 1.0 on there is no cap.
    pub most_on_node: f64,
    /// The same for a zone.
    pub most_in_zone: f64,
    /// Bytes per second that the move of a pod must bring: the price of each pod that is not where it was at the start.
    pub price_per_move: f64,
    /// Share (of 1) of each node's CPU and memory that is kept free. What is above it at the start may stay.
    pub headroom: f64,
}

impl Default for Goal {
    /// Gained affinity, and nothing but the nodes' room limits it.
    fn default() -> Self {
        Self { routing: Vec::new(), most_on_node: 1.0, most_in_zone: 1.0, price_per_move: 0.0, headroom: 0.0 }
    }
}

impl Goal {
    /// How calls to an application are routed.
    #[must_use]
    pub fn routing_to(&self, application: usize) -> Routing {
        self.routing.get(application).copied().unwrap_or(Routing::SameNode)
    }
}

/// How hard to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Steps that are tried in all, whatever the number of threads.
    pub steps: u64,
    /// Ends it sooner. What is found then depends on how fast the machine is.
    pub time: Option<Duration>,
    pub seed: u64,
    /// Threads that search at the same time, at least one. They change how long it takes, not what is found.
    pub threads: usize,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    pub placement: Placement,
    /// Bytes per second that it keeps within nodes, by the goal's routing. Prices of moves are not taken off.
    pub gained: f64,
    /// Bytes per second that no placement within the goal's limits exceeds, by a proof.
    pub bound: f64,
}

/// How much a plan may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most pods that move.
    pub moves: usize,
    /// Most of them of one application.
    pub per_application: usize,
    /// Most of them from one node, and most to one node.
    pub per_node: usize,
}

impl Budget {
    /// So many pods, of whatever application, from and to whatever nodes.
    #[must_use]
    pub fn of(moves: usize) -> Self {
        Self { moves, per_application: usize::MAX, per_node: usize::MAX }
    }
}

/// One pod goes from its node to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    pub pod: usize,
    pub from: usize,
    pub to: usize,
    /// Bytes per second that it gains when its turn comes, after all moves before it; below zero where it makes room for another.
    pub gained: f64,
}

/// Most pods that one place may have of an application with so many, by the most share of them. At least one, or the application
/// could be nowhere.
#[must_use]
pub fn cap(pods: u32, most: f64) -> u32 {
    if pods < 2 || most >= 1.0 {
        return pods;
    }
    // What is a whole number but for rounding counts as one.
    let allowed = (f64::from(pods) * most.max(0.0) + 1e-9).floor();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `pods`")]
    let allowed = allowed as u32;
    allowed.max(1)
}

#[cfg(test)]
mod tests {
    use super::cap;

    #[test]
    fn a_cap_is_the_whole_number_below_the_share_but_one_pod_at_least() {
        assert_eq!(cap(1, 0.1), 1, "one pod is somewhere");
        assert_eq!([cap(2, 0.5), cap(3, 0.5), cap(10, 0.3), cap(7, 1.0)], [1, 1, 3, 7]);
        assert_eq!([cap(2, 0.1), cap(4, 0.0), cap(4, -1.0)], [1, 1, 1]);
    }
}
