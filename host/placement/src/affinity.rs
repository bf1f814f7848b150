//! Gained affinity: the literature's measure of how much of the traffic a placement could keep on nodes.
//!
//! Sum over pairs of applications of their traffic times the sum over nodes of min(share of A's pods there, share of B's pods
//! there), over all traffic. It is what stays within nodes when calls prefer their own node and pods carry equal parts.

use crate::goal::Goal;
use crate::inventory::{Flow, Inventory};
use crate::locality::Routing;
use crate::occupancy::Occupancy;

/// From 0 (no pair has pods on a common node) to 1 (all pairs are spread alike); `None` without any traffic.
#[must_use]
pub fn gained_affinity(inventory: &Inventory, occupancy: &Occupancy) -> Option<f64> {
    let (mut gained, mut total) = (0.0, 0.0);
    for flow in &inventory.flows {
        total += flow.bytes_per_second;
        gained += flow.bytes_per_second * overlap(occupancy, flow.source, flow.destination);
    }
    (total > 0.0).then(|| gained / total)
}

/// Bytes per second that stay within nodes as a [`Goal`] counts them: by how calls to each application are routed.
#[must_use]
pub fn gained_bytes(inventory: &Inventory, occupancy: &Occupancy, goal: &Goal) -> f64 {
    let kept = |flow: &Flow| kept_bytes(flow, occupancy, goal.routing_to(flow.destination));
    inventory.flows.iter().map(kept).sum()
}

/// Bytes per second of one flow that stay within nodes, as a [`Goal`] counts them.
#[must_use]
pub fn kept_bytes(flow: &Flow, occupancy: &Occupancy, routing: Routing) -> f64 {
    let part = match routing {
        Routing::SameNode => overlap(occupancy, flow.source, flow.destination),
        Routing::Even | Routing::SameZone => encounter(occupancy, flow.source, flow.destination),
    };
    flow.bytes_per_second * part
}

/// How likely a pod of each, chosen at random, are on one node.
fn encounter(occupancy: &Occupancy, one: usize, other: usize) -> f64 {
    let pods = f64::from(occupancy.pods(other).max(1));
    occupancy.shares(one).map(|(node, share)| share * f64::from(occupancy.on_node(other, node)) / pods).sum()
}

fn overlap(occupancy: &Occupancy, one: usize, other: usize) -> f64 {
    let pods = f64::from(occupancy.pods(other).max(1));
    let common = |(node, share): (usize, f64)| share.min(f64::from(occupancy.on_node(other, node)) / pods);
    occupancy.shares(one).map(common).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Node, Pod};

    fn inventory(pods: &[(usize, Option<usize>)], flows: Vec<Flow>) -> Inventory {
        Inventory {
            nodes: vec![Node::default(); 3],
            applications: vec!["a/a".into(), "a/b".into(), "a/c".into()],
            pods: pods
                .iter()
                .map(|(application, node)| Pod {
                    application: Some(*application),
                    node: *node,
                    ..Pod::default()
                })
                .collect(),
            flows,
        }
    }

    fn flow(source: usize, destination: usize, bytes_per_second: f64) -> Flow {
        Flow { source, destination, bytes_per_second, calls_per_second: 0.0 }
    }

    fn gained(inventory: &Inventory) -> Option<f64> {
        gained_affinity(inventory, &Occupancy::new(inventory, &inventory.initial()))
    }

    #[test]
    fn it_is_the_smaller_share_on_each_node_weighed_by_traffic() {
        // a: half on node 0, half on node 1; b: all on node 0; c: nowhere.
        let pods = [(0, Some(0)), (0, Some(1)), (1, Some(0)), (2, None)];
        let together = inventory(&pods, vec![flow(0, 1, 30.0), flow(1, 2, 10.0)]);
        assert_eq!(gained(&together), Some(30.0 * 0.5 / 40.0));
        assert_eq!(gained(&inventory(&pods, vec![flow(0, 0, 7.0)])), Some(1.0));
        assert_eq!(gained(&inventory(&pods, Vec::new())), None);
    }

    #[test]
    fn calls_that_are_spread_stay_by_chance() {
        let pods = [(0, Some(0)), (0, Some(1)), (1, Some(0)), (1, Some(1))];
        let inventory = inventory(&pods, vec![flow(0, 1, 8.0), flow(1, 0, 2.0), flow(0, 0, 4.0)]);
        let occupancy = Occupancy::new(&inventory, &inventory.initial());
        let gained = |routing: &[Routing]| {
            gained_bytes(&inventory, &occupancy, &Goal { routing: routing.to_vec(), ..Goal::default() })
        };
        assert_eq!(gained(&[]), 14.0);
        assert_eq!(gained(&[Routing::SameNode, Routing::Even]), 4.0 + 2.0 + 4.0, "the callee decides");
        assert_eq!(gained(&[Routing::Even, Routing::SameZone]), 4.0 + 1.0 + 2.0);
    }
}
