//! How much traffic each two nodes exchange.

use std::collections::BTreeMap;

use crate::inventory::{Inventory, Placement, Traffic};
use crate::locality::{Distance, Distances, Routing, split_ends};
use crate::occupancy::Occupancy;

/// Traffic per second between two nodes, in both directions, or within one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    /// The two nodes, the lower index first; the same index twice is one node.
    pub nodes: (usize, usize),
    pub amount: f64,
    pub distance: Distance,
}

/// The traffic of each two nodes that have any, in the order of their indexes.
#[must_use]
pub fn between_nodes(
    inventory: &Inventory,
    placement: &Placement,
    routing: Routing,
    traffic: Traffic,
) -> Vec<Between> {
    let distances = Distances::new(inventory);
    let occupancy = Occupancy::new(inventory, placement);
    let mut amounts = BTreeMap::<(usize, usize), (f64, Distance)>::new();
    for flow in &inventory.flows {
        let ends = (flow.source, flow.destination);
        split_ends(&distances, &occupancy, ends, routing, |from, to, distance, share| {
            let entry = amounts.entry((from.min(to), from.max(to))).or_insert((0.0, distance));
            entry.0 += flow.amount(traffic) * share;
        });
    }
    amounts.into_iter().map(|(nodes, (amount, distance))| Between { nodes, amount, distance }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Flow, Node, Pod};
    use crate::locality::locality;

    #[test]
    fn both_directions_are_one_and_the_sum_is_the_traffic() {
        let node = |zone: &str| Node { zone: Some(zone.into()), ..Node::default() };
        let pod = |application| Pod { application: Some(application), ..Pod::default() };
        let flow = |source, destination, bytes_per_second| Flow {
            source,
            destination,
            bytes_per_second,
            calls_per_second: 0.0,
        };
        let inventory = Inventory {
            nodes: vec![node("a"), node("b")],
            applications: vec!["x/a".into(), "x/b".into()],
            pods: vec![pod(0), pod(1), pod(1)],
            flows: vec![flow(0, 1, 100.0), flow(1, 0, 60.0)],
        };
        let placement = vec![Some(1), Some(0), Some(1)];
        let found = between_nodes(&inventory, &placement, Routing::Even, Traffic::Bytes);
        let between = |nodes, distance| Between { nodes, amount: 80.0, distance };
        assert_eq!(found, [between((0, 1), Distance::Region), between((1, 1), Distance::Node)]);
        let occupancy = Occupancy::new(&inventory, &placement);
        let sum = locality(&inventory, &occupancy, Routing::Even, Traffic::Bytes);
        assert_eq!(found.iter().map(|between| between.amount).sum::<f64>(), sum.placed());
    }
}
