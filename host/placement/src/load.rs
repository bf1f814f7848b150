//! How evenly calls load the pods of the application that they go to.

use std::collections::BTreeMap;

use crate::inventory::Inventory;
use crate::locality::{Distances, Routing, split};
use crate::occupancy::Occupancy;

/// How many times the mean of an application's pods its busiest pod gets, at least 1; weighed by calls, or by bytes where calls are
/// unknown. Where calls prefer their node, a single pod beside many callers gets all of theirs. `None` if no call reaches it.
#[must_use]
pub fn busiest(
    inventory: &Inventory,
    occupancy: &Occupancy,
    application: usize,
    routing: Routing,
) -> Option<f64> {
    let distances = Distances::new(inventory);
    let traffic = inventory.calls_or_bytes();
    let mut loads = BTreeMap::<usize, f64>::new();
    for flow in inventory.flows.iter().filter(|flow| flow.destination == application) {
        let ends = (flow.source, application);
        split(&distances, occupancy, ends, routing, |node, _, share| {
            *loads.entry(node).or_default() += share * flow.amount(traffic);
        });
    }
    let total: f64 = loads.values().sum();
    let pods: u32 = occupancy.nodes(application).map(|(_, pods)| pods).sum();
    let of_pod =
        |(node, load): (&usize, &f64)| load / f64::from(occupancy.on_node(application, *node).max(1));
    let most = loads.iter().map(of_pod).fold(0.0, f64::max);
    (total > 0.0).then(|| most / (total / f64::from(pods.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Flow, Node, Pod};

    #[test]
    fn one_pod_beside_all_callers_gets_all_of_their_calls() {
        let pod =
            |application, node| Pod { application: Some(application), node: Some(node), ..Pod::default() };
        let inventory = Inventory {
            nodes: vec![Node::default(); 3],
            applications: vec!["x/caller".into(), "x/callee".into()],
            // Both callers are beside one of four callees.
            pods: vec![pod(0, 0), pod(0, 0), pod(1, 0), pod(1, 1), pod(1, 1), pod(1, 2)],
            flows: vec![Flow { source: 0, destination: 1, bytes_per_second: 8.0, calls_per_second: 0.0 }],
        };
        let occupancy = Occupancy::new(&inventory, &inventory.initial());
        assert_eq!(busiest(&inventory, &occupancy, 1, Routing::Even), Some(1.0));
        assert_eq!(busiest(&inventory, &occupancy, 1, Routing::SameNode), Some(4.0));
        assert_eq!(busiest(&inventory, &occupancy, 0, Routing::SameNode), None, "nobody calls it");
    }
}
