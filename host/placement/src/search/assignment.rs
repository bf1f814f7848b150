//! An assignment of pods to nodes that changes step by step, with the exact change of what the goal gains of each step.

use std::collections::BTreeMap;

use crate::inventory::Placement;
use crate::search::counts::Counts;
use crate::search::problem::{Peer, Problem, Room};

/// Where pods are and what room is left.
#[derive(Clone)]
pub(crate) struct Assignment<'a> {
    pub(crate) problem: &'a Problem<'a>,
    placement: Placement,
    counts: Counts,
    on_node: Vec<Vec<usize>>,
    /// Each pod's place in its node's list.
    place: Vec<usize>,
    room: Vec<Room>,
    /// Pods of each application by zone; only where zones have a cap.
    in_zone: Vec<BTreeMap<usize, u32>>,
    gained: f64,
}

impl<'a> Assignment<'a> {
    /// As `placement` has it.
    pub(crate) fn new(problem: &'a Problem<'a>, placement: &Placement) -> Self {
        let pods = problem.inventory.pods.len();
        let applications = problem.applications();
        let mut assignment = Self {
            problem,
            placement: vec![None; pods],
            counts: Counts::new(problem.nodes(), applications),
            on_node: vec![Vec::new(); problem.nodes()],
            place: vec![0; pods],
            room: problem.room.clone(),
            in_zone: vec![BTreeMap::new(); applications],
            gained: 0.0,
        };
        for (pod, node) in placement.iter().enumerate() {
            assignment.shift(pod, *node);
        }
        assignment
    }

    pub(crate) fn placement(&self) -> &Placement {
        &self.placement
    }

    /// What is gained, without the prices of moves.
    pub(crate) fn worth(&self) -> f64 {
        if self.problem.price <= 0.0 {
            return self.gained;
        }
        self.gained - (0..self.placement.len()).map(|pod| self.price_of(pod)).sum::<f64>()
    }

    /// The price of a pod that is not where it was at the start.
    pub(crate) fn price_of(&self, pod: usize) -> f64 {
        if self.problem.price <= 0.0 {
            return 0.0;
        }
        let start = self.problem.start.get(pod).copied().flatten();
        if start.is_some() && start != self.node(pod) { self.problem.price } else { 0.0 }
    }

    pub(crate) fn node(&self, pod: usize) -> Option<usize> {
        self.placement.get(pod).copied().flatten()
    }

    /// The pods on a node, in no particular order.
    pub(crate) fn on_node(&self, node: usize) -> &[usize] {
        self.on_node.get(node).map_or(&[], Vec::as_slice)
    }

    /// The share (of 1) of an application's pods that a node has.
    pub(crate) fn share(&self, application: usize, node: usize) -> f64 {
        f64::from(self.count(application, node)) * self.problem.share(application)
    }

    /// Whether a pod may come to a node by what is left there, by its application's caps and by its own rules.
    pub(crate) fn may_go(&self, pod: usize, node: usize) -> bool {
        self.fits(pod, node) && (self.problem.allowed)(pod, node)
    }

    /// Whether a pod may come to a node: its requests fit into what is left, and its application stays below its caps.
    pub(crate) fn fits(&self, pod: usize, node: usize) -> bool {
        self.room(node).holds(self.problem.requests(pod)) && self.is_below_caps(pod, node)
    }

    /// Whether the caps let one more pod like this come.
    pub(crate) fn is_below_caps(&self, pod: usize, node: usize) -> bool {
        let problem = self.problem;
        let Some(application) = problem.application(pod) else { return true };
        if self.count(application, node) >= problem.most_on_node(application) {
            return false;
        }
        let Some(zone) = problem.zone(node) else { return true };
        let here = self.in_zone.get(application).and_then(|zones| zones.get(&zone)).copied().unwrap_or(0);
        here < problem.most_in_zone(application)
    }

    pub(crate) fn count(&self, application: usize, node: usize) -> u32 {
        self.counts.get(node, application)
    }

    /// What is left on a node.
    pub(crate) fn room(&self, node: usize) -> Room {
        self.room.get(node).copied().unwrap_or_default()
    }

    /// Moves a pod, whether it fits or not. Returns by how many bytes per second what is gained grows.
    pub(crate) fn shift(&mut self, pod: usize, to: Option<usize>) -> f64 {
        let from = self.node(pod);
        if from == to {
            return 0.0;
        }
        let mut gain = 0.0;
        if let Some(node) = from {
            gain += self.change(pod, node, -1);
        }
        if let Some(node) = to {
            gain += self.change(pod, node, 1);
        }
        if let Some(entry) = self.placement.get_mut(pod) {
            *entry = to;
        }
        self.gained += gain;
        gain
    }

    /// By how many bytes per second what is gained would change if the application had so many pods more on the node.
    pub(crate) fn gain(&self, application: usize, node: usize, more: i32) -> f64 {
        let before = self.share(application, node);
        let after = before + f64::from(more) * self.problem.share(application);
        let of_peer = |peer: &Peer| {
            let share = f64::from(self.count(peer.application, node)) * peer.share;
            peer.local * (after.min(share) - before.min(share)) + peer.spread * (after - before) * share
        };
        let own = self.problem.own(application);
        let of_itself = own.local * (after - before) + own.spread * (after * after - before * before);
        self.problem.peers(application).iter().map(of_peer).sum::<f64>() + of_itself
    }

    /// By how much what is gained would grow if the pod, which is nowhere now, came to the node.
    pub(crate) fn gain_there(&self, pod: usize, node: usize) -> f64 {
        self.problem.application(pod).map_or(0.0, |of| self.gain(of, node, 1))
    }

    /// By how much what is gained would shrink if the pod left its node.
    pub(crate) fn loss(&self, pod: usize) -> f64 {
        let of = self.problem.application(pod).zip(self.node(pod));
        of.map_or(0.0, |(application, node)| -self.gain(application, node, -1))
    }

    fn change(&mut self, index: usize, node: usize, more: i32) -> f64 {
        let requests = self.problem.requests(index);
        if let Some(room) = self.room.get_mut(node) {
            *room = if more > 0 { room.minus(requests) } else { room.plus(requests) };
        }
        self.list(index, node, more > 0);
        let Some(application) = self.problem.application(index) else { return 0.0 };
        let gain = self.gain(application, node, more);
        if let (Some(zone), Some(zones)) = (self.problem.zone(node), self.in_zone.get_mut(application)) {
            let here = zones.entry(zone).or_default();
            *here = here.saturating_add_signed(more);
        }
        self.counts.add(node, application, more);
        gain
    }

    fn list(&mut self, pod: usize, node: usize, comes: bool) {
        let (Some(here), Some(place)) = (self.on_node.get_mut(node), self.place.get(pod).copied()) else {
            return;
        };
        if comes {
            if let Some(place) = self.place.get_mut(pod) {
                *place = here.len();
            }
            here.push(pod);
        } else if place < here.len() {
            here.swap_remove(place);
            // The last one took its place.
            if let Some(moved) = here.get(place).and_then(|moved| self.place.get_mut(*moved)) {
                *moved = place;
            }
        }
    }
}
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inventory::{Flow, Inventory, Node, Pod};
    use crate::locality::Routing;
    use crate::{Goal, Occupancy, gained_bytes};

    fn routing() -> impl Strategy<Value = Routing> {
        prop_oneof![Just(Routing::SameNode), Just(Routing::Even), Just(Routing::SameZone)]
    }

    proptest! {
        #[test]
        fn the_sum_of_all_changes_is_what_is_gained_whatever_the_routing(
            applications in prop::collection::vec(0usize..4, 1..12),
            flows in prop::collection::vec((0usize..4, 0usize..4, 1.0f64..100.0), 1..8),
            routing in prop::collection::vec(routing(), 0..4),
            moves in prop::collection::vec((0usize..12, prop::option::of(0usize..3)), 0..40),
        ) {
            let pod = |application: &usize| Pod { application: Some(*application), ..Pod::default() };
            let flow = |(source, destination, bytes_per_second): &(usize, usize, f64)| Flow {
                source: *source,
                destination: *destination,
                bytes_per_second: *bytes_per_second,
                calls_per_second: 0.0,
            };
            let inventory = Inventory {
                nodes: vec![Node::default(); 3],
                applications: (0..4).map(|index| format!("x/{index}")).collect(),
                pods: applications.iter().map(pod).collect(),
                flows: flows.iter().map(flow).collect(),
            };
            let goal = Goal { routing, ..Goal::default() };
            let start = inventory.initial();
            let problem = Problem::new(&inventory, &start, &goal, &|_, _| true);
            let mut assignment = Assignment::new(&problem, &start);
            let mut gained = 0.0;
            for (pod, node) in moves {
                if pod < inventory.pods.len() {
                    gained += assignment.shift(pod, node);
                }
            }
            let occupancy = Occupancy::new(&inventory, assignment.placement());
            let expected = gained_bytes(&inventory, &occupancy, &goal);
            prop_assert!((gained - expected).abs() < 1e-6, "{gained} {expected}");
        }
    }
}
