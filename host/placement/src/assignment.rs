//! An assignment of pods to nodes that changes step by step, with the exact change of gained affinity of each step.

use crate::inventory::{Inventory, Placement};

/// Where pods are, what room is left, and who talks to whom.
pub(crate) struct Assignment<'a> {
    inventory: &'a Inventory,
    /// The other ends of an application's flows with both directions' bytes per second; never itself.
    peers: Vec<Vec<(usize, f64)>>,
    /// Pods of each application by node; no zeros, in no particular order.
    rows: Vec<Vec<(usize, u32)>>,
    /// All pods of each application.
    pods: Vec<f64>,
    placement: Placement,
    on_node: Vec<Vec<usize>>,
    room: Vec<Room>,
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
    pub(crate) fn new(inventory: &'a Inventory, placement: &Placement) -> Self {
        let count = inventory.applications.len();
        let mut pods = vec![0.0; count];
        for application in inventory.pods.iter().filter_map(|pod| pod.application) {
            if let Some(pods) = pods.get_mut(application) {
                *pods += 1.0;
            }
        }
        let room = |node: &crate::Node| Room {
            cpu_millicores: signed(node.cpu_millicores),
            memory_bytes: signed(node.memory_bytes),
            pods: i64::from(node.max_pods),
        };
        let mut assignment = Self {
            inventory,
            peers: inventory.peers().into_iter().map(|peers| peers.into_iter().collect()).collect(),
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

    pub(crate) fn peers(&self, application: usize) -> &[(usize, f64)] {
        self.peers.get(application).map_or(&[], Vec::as_slice)
    }

    /// The nodes that have pods of an application, with their number, in no particular order.
    pub(crate) fn nodes(&self, application: usize) -> &[(usize, u32)] {
        self.rows.get(application).map_or(&[], Vec::as_slice)
    }

    /// The share (of 1) of an application's pods that a node has.
    pub(crate) fn share(&self, application: usize, node: usize) -> f64 {
        let here =
            self.nodes(application).iter().find(|(other, _)| *other == node).map_or(0, |(_, pods)| *pods);
        f64::from(here) / self.pods.get(application).copied().unwrap_or(1.0).max(1.0)
    }

    /// Whether the pod's requests fit into what is left.
    pub(crate) fn fits(&self, pod: usize, node: usize) -> bool {
        let (Some(pod), Some(room)) = (self.inventory.pods.get(pod), self.room.get(node)) else {
            return false;
        };
        room.pods >= 1
            && room.cpu_millicores >= signed(pod.cpu_millicores)
            && room.memory_bytes >= signed(pod.memory_bytes)
    }

    /// How much CPU is left on a node, in millicores.
    pub(crate) fn cpu_left(&self, node: usize) -> i64 {
        self.room.get(node).map_or(0, |room| room.cpu_millicores)
    }

    /// Moves a pod, whether it fits or not. Returns by how many bytes per second the gained affinity grows.
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

    /// By how many bytes per second the gained affinity would change if the application had so many pods more on the node.
    pub(crate) fn gain(&self, application: usize, node: usize, more: i32) -> f64 {
        let pods = self.pods.get(application).copied().unwrap_or(1.0).max(1.0);
        let before = self.share(application, node);
        let after = before + f64::from(more) / pods;
        let of_peer = |(peer, bytes): &(usize, f64)| {
            let share = self.share(*peer, node);
            bytes * (after.min(share) - before.min(share))
        };
        self.peers(application).iter().map(of_peer).sum()
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

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inventory::{Flow, Node, Pod};
    use crate::{Occupancy, gained_affinity};

    proptest! {
        #[test]
        fn the_sum_of_all_changes_is_the_gained_affinity(
            applications in prop::collection::vec(0usize..4, 1..12),
            flows in prop::collection::vec((0usize..4, 0usize..4, 1.0f64..100.0), 1..8),
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
                flows: flows.iter().filter(|flow| flow.0 != flow.1).map(flow).collect(),
            };
            let mut assignment = Assignment::new(&inventory, &inventory.initial());
            let mut gained = 0.0;
            for (pod, node) in moves {
                if pod < inventory.pods.len() {
                    gained += assignment.shift(pod, node);
                }
            }
            let total = inventory.bytes_per_second();
            let occupancy = Occupancy::new(&inventory, assignment.placement());
            let expected = gained_affinity(&inventory, &occupancy).unwrap_or(0.0) * total;
            prop_assert!((gained - expected).abs() < 1e-6, "{gained} {expected}");
        }
    }
}
