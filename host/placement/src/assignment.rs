//! An assignment of pods to nodes that changes step by step, with the exact change of what the goal gains of each step.

use std::collections::BTreeMap;

use crate::goal::{Goal, cap};
use crate::inventory::{Inventory, Placement};
use crate::locality::Routing;

/// The other end of an application's flows, with both directions' bytes per second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) application: usize,
    /// Of calls that prefer their node.
    local: f64,
    /// Of calls that are spread over all pods.
    spread: f64,
}

impl Peer {
    pub(crate) fn bytes(&self) -> f64 {
        self.local + self.spread
    }
}

/// Where pods are, what room is left, and who talks to whom.
pub(crate) struct Assignment<'a> {
    inventory: &'a Inventory,
    /// The other ends of each application's flows; never itself.
    peers: Vec<Vec<Peer>>,
    /// What each application sends to itself.
    own: Vec<Peer>,
    /// Pods of each application by node; no zeros, in no particular order.
    rows: Vec<Vec<(usize, u32)>>,
    /// All pods of each application.
    pods: Vec<f64>,
    placement: Placement,
    on_node: Vec<Vec<usize>>,
    room: Vec<Room>,
    /// Most pods of each application on one node, and in one zone.
    most_on_node: Vec<u32>,
    most_in_zone: Vec<u32>,
    zones: Vec<usize>,
    /// Pods of each application by zone, as `rows`; only where zones have a cap.
    in_zone: Vec<BTreeMap<usize, u32>>,
}

/// What is left on a node; below zero where it is overcommitted.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    cpu_millicores: i64,
    memory_bytes: i64,
    pods: i64,
}

impl<'a> Assignment<'a> {
    /// As `placement` has it.
    pub(crate) fn new(inventory: &'a Inventory, placement: &Placement, goal: &Goal) -> Self {
        let count = inventory.applications.len();
        let mut pods = vec![0.0; count];
        for application in inventory.pods.iter().filter_map(|pod| pod.application) {
            if let Some(pods) = pods.get_mut(application) {
                *pods += 1.0;
            }
        }
        let usable = 1.0 - goal.headroom.clamp(0.0, 1.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a whole capacity stays exact; a share of it is rounded"
        )]
        let part = |amount: u64| match goal.headroom > 0.0 {
            true => (amount as f64 * usable) as i64,
            false => signed(amount),
        };
        let room = |node: &crate::Node| Room {
            cpu_millicores: part(node.cpu_millicores),
            memory_bytes: part(node.memory_bytes),
            pods: i64::from(node.max_pods),
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of pods")]
        let caps = |most: f64| pods.iter().map(|pods| cap(*pods as u32, most)).collect();
        let (peers, own) = peers(inventory, goal);
        let mut assignment = Self {
            inventory,
            peers,
            own,
            most_on_node: caps(goal.most_on_node),
            most_in_zone: caps(goal.most_in_zone),
            zones: if goal.most_in_zone < 1.0 { inventory.zones() } else { Vec::new() },
            in_zone: vec![BTreeMap::new(); count],
            rows: vec![Vec::new(); count],
            pods,
            placement: vec![None; inventory.pods.len()],
            on_node: vec![Vec::new(); inventory.nodes.len()],
            room: inventory.nodes.iter().map(room).collect(),
        };
        for (pod, node) in placement.iter().enumerate() {
            assignment.shift(pod, *node);
        }
        assignment
    }

    pub(crate) fn placement(&self) -> &Placement {
        &self.placement
    }

    pub(crate) fn node(&self, pod: usize) -> Option<usize> {
        self.placement.get(pod).copied().flatten()
    }

    /// The pods on a node, in no particular order.
    pub(crate) fn on_node(&self, node: usize) -> &[usize] {
        self.on_node.get(node).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn peers(&self, application: usize) -> &[Peer] {
        self.peers.get(application).map_or(&[], Vec::as_slice)
    }

    /// The nodes that have pods of an application, with their number, in no particular order.
    pub(crate) fn nodes(&self, application: usize) -> &[(usize, u32)] {
        self.rows.get(application).map_or(&[], Vec::as_slice)
    }

    /// The share (of 1) of an application's pods that a node has.
    pub(crate) fn share(&self, application: usize, node: usize) -> f64 {
        f64::from(self.count(application, node)) / self.pods.get(application).copied().unwrap_or(1.0).max(1.0)
    }

    /// Whether a pod may come to a node: its requests fit into what is left, and its application stays below its caps.
    pub(crate) fn fits(&self, pod: usize, node: usize) -> bool {
        let (Some(pod), Some(room)) = (self.inventory.pods.get(pod), self.room.get(node)) else {
            return false;
        };
        room.pods >= 1
            && room.cpu_millicores >= signed(pod.cpu_millicores)
            && room.memory_bytes >= signed(pod.memory_bytes)
            && pod.application.is_none_or(|application| self.below_caps(application, node))
    }

    fn below_caps(&self, application: usize, node: usize) -> bool {
        let most = |caps: &[u32]| caps.get(application).copied().unwrap_or(u32::MAX);
        if self.count(application, node) >= most(&self.most_on_node) {
            return false;
        }
        let Some(zone) = self.zones.get(node) else { return true };
        let here = self.in_zone.get(application).and_then(|zones| zones.get(zone)).copied().unwrap_or(0);
        here < most(&self.most_in_zone)
    }

    fn count(&self, application: usize, node: usize) -> u32 {
        self.nodes(application).iter().find(|(other, _)| *other == node).map_or(0, |(_, pods)| *pods)
    }

    /// How much CPU is left on a node, in millicores.
    pub(crate) fn cpu_left(&self, node: usize) -> i64 {
        self.room.get(node).map_or(0, |room| room.cpu_millicores)
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
        gain
    }

    /// By how many bytes per second what is gained would change if the application had so many pods more on the node.
    pub(crate) fn gain(&self, application: usize, node: usize, more: i32) -> f64 {
        let pods = self.pods.get(application).copied().unwrap_or(1.0).max(1.0);
        let before = self.share(application, node);
        let after = before + f64::from(more) / pods;
        let of_peer = |peer: &Peer| {
            let share = self.share(peer.application, node);
            peer.local * (after.min(share) - before.min(share)) + peer.spread * (after - before) * share
        };
        let own = self.own.get(application).copied().unwrap_or_default();
        let of_itself = own.local * (after - before) + own.spread * (after * after - before * before);
        self.peers(application).iter().map(of_peer).sum::<f64>() + of_itself
    }

    fn change(&mut self, index: usize, node: usize, more: i32) -> f64 {
        let Some(pod) = self.inventory.pods.get(index) else { return 0.0 };
        if let Some(room) = self.room.get_mut(node) {
            room.cpu_millicores -= i64::from(more) * signed(pod.cpu_millicores);
            room.memory_bytes -= i64::from(more) * signed(pod.memory_bytes);
            room.pods -= i64::from(more);
        }
        if let Some(here) = self.on_node.get_mut(node) {
            if more > 0 {
                here.push(index);
            } else if let Some(position) = here.iter().position(|other| *other == index) {
                here.swap_remove(position);
            }
        }
        let Some(application) = pod.application else { return 0.0 };
        let gain = self.gain(application, node, more);
        if let (Some(zone), Some(zones)) = (self.zones.get(node), self.in_zone.get_mut(application)) {
            let here = zones.entry(*zone).or_default();
            *here = here.saturating_add_signed(more);
        }
        if let Some(row) = self.rows.get_mut(application) {
            match row.iter().position(|(other, _)| *other == node) {
                None => row.push((node, more.unsigned_abs())),
                Some(position) => {
                    if let Some((_, count)) = row.get_mut(position) {
                        *count = count.saturating_add_signed(more);
                        if *count == 0 {
                            row.swap_remove(position);
                        }
                    }
                }
            }
        }
        gain
    }
}

/// Each application's peers, and what it sends to itself.
fn peers(inventory: &Inventory, goal: &Goal) -> (Vec<Vec<Peer>>, Vec<Peer>) {
    let mut sums = vec![BTreeMap::<usize, Peer>::new(); inventory.applications.len()];
    let mut own = vec![Peer::default(); inventory.applications.len()];
    let mut add = |one: usize, other: usize, local: f64, spread: f64| {
        let peer = if one == other {
            own.get_mut(one)
        } else {
            sums.get_mut(one).map(|sums| sums.entry(other).or_default())
        };
        if let Some(peer) = peer {
            *peer = Peer { application: other, local: peer.local + local, spread: peer.spread + spread };
        }
    };
    for flow in &inventory.flows {
        let bytes = flow.bytes_per_second;
        let (local, spread) = match goal.routing.get(flow.destination).unwrap_or(&Routing::SameNode) {
            Routing::SameNode => (bytes, 0.0),
            Routing::Even | Routing::SameZone => (0.0, bytes),
        };
        add(flow.source, flow.destination, local, spread);
        if flow.source != flow.destination {
            add(flow.destination, flow.source, local, spread);
        }
    }
    (sums.into_iter().map(|sums| sums.into_values().collect()).collect(), own)
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inventory::{Flow, Node, Pod};
    use crate::{Occupancy, gained_bytes};

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
            let mut assignment = Assignment::new(&inventory, &inventory.initial(), &goal);
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
