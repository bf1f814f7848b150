//! What stays within nodes, zones and regions by each Service's routing, and what one move changes of it.

use netmarks_placement::{Flow, Inventory, Locality, Occupancy, Placement, Prices, Routing, kept_bytes};

use crate::file::Gain;

/// A placement that changes move by move, with what it keeps near.
#[derive(Clone, Debug)]
pub(crate) struct Worth<'a> {
    inventory: &'a Inventory,
    prices: Prices,
    /// By application, which flows it has an end of.
    flows_of: Vec<Vec<&'a Flow>>,
    nodes: Level,
    zones: Level,
    regions: Level,
}

/// Nodes, zones or regions.
#[derive(Clone, Debug)]
struct Level {
    /// By node.
    place: Vec<usize>,
    occupancy: Occupancy,
    /// By application. What prefers its node prefers its zone as well.
    routing: Vec<Routing>,
}

/// Bytes per second that stay within nodes, zones and regions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Kept {
    pub(crate) within_nodes: f64,
    pub(crate) within_zones: f64,
    pub(crate) within_regions: f64,
}

impl Level {
    fn new(inventory: &Inventory, placement: &Placement, place: Vec<usize>, routing: Vec<Routing>) -> Self {
        let placement = placement.iter().map(|node| node.and_then(|node| place.get(node).copied())).collect();
        Self { occupancy: Occupancy::new(inventory, &placement), place, routing }
    }

    fn kept<'a>(&self, flows: impl Iterator<Item = &'a Flow>) -> f64 {
        let routing = |flow: &Flow| self.routing.get(flow.destination).copied().unwrap_or_default();
        flows.map(|flow| kept_bytes(flow, &self.occupancy, routing(flow))).sum()
    }

    fn shift(&mut self, application: usize, from: usize, to: usize) {
        let place = |node: usize| self.place.get(node).copied();
        if let (Some(from), Some(to)) = (place(from), place(to))
            && from != to
        {
            self.occupancy.leave(application, from);
            self.occupancy.enter(application, to);
        }
    }
}

impl<'a> Worth<'a> {
    /// `routing` is by application.
    pub(crate) fn new(
        inventory: &'a Inventory,
        placement: &Placement,
        routing: &[Routing],
        prices: Prices,
    ) -> Self {
        let mut flows_of = vec![Vec::new(); inventory.applications.len()];
        for flow in &inventory.flows {
            for (index, end) in [flow.source, flow.destination].into_iter().enumerate() {
                // One within an application has one entry.
                if (index == 0 || flow.source != flow.destination)
                    && let Some(flows) = flows_of.get_mut(end)
                {
                    flows.push(flow);
                }
            }
        }
        let wider = |routing: &Routing| match routing {
            Routing::SameNode | Routing::SameZone => Routing::SameNode,
            Routing::Even => Routing::Even,
        };
        let wider: Vec<Routing> = routing.iter().map(wider).collect();
        let nodes = (0..inventory.nodes.len()).collect();
        Self {
            inventory,
            prices,
            flows_of,
            nodes: Level::new(inventory, placement, nodes, routing.to_vec()),
            zones: Level::new(inventory, placement, inventory.zones(), wider.clone()),
            regions: Level::new(inventory, placement, inventory.regions(), wider),
        }
    }

    /// How many pods of each application are on which node.
    pub(crate) fn occupancy(&self) -> &Occupancy {
        &self.nodes.occupancy
    }

    /// The same by zone, as [`Inventory::zones`] numbers them.
    pub(crate) fn zone_occupancy(&self) -> &Occupancy {
        &self.zones.occupancy
    }

    pub(crate) fn zone(&self, node: usize) -> Option<usize> {
        self.zones.place.get(node).copied()
    }

    /// Of all flows.
    pub(crate) fn kept(&self) -> Kept {
        self.kept_of(|| self.inventory.flows.iter())
    }

    /// Traffic that has pods at both ends.
    pub(crate) fn placed(&self) -> f64 {
        let has_pods = |application: usize| self.nodes.occupancy.nodes(application).next().is_some();
        let flows = self.inventory.flows.iter();
        flows
            .filter(|flow| has_pods(flow.source) && has_pods(flow.destination))
            .map(|flow| flow.bytes_per_second)
            .sum()
    }

    /// What all traffic costs in a month; `None` without prices.
    pub(crate) fn price_per_month(&self) -> Option<f64> {
        self.prices.any().then(|| self.price(self.kept(), self.placed()))
    }

    fn price(&self, kept: Kept, all: f64) -> f64 {
        self.prices.per_month(&Locality {
            within_node: kept.within_nodes,
            within_zone: kept.within_zones - kept.within_nodes,
            across_zones: kept.within_regions - kept.within_zones,
            across_regions: all - kept.within_regions,
            unplaced: 0.0,
        })
    }

    fn kept_of<'f, I: Iterator<Item = &'f Flow>>(&self, flows: impl Fn() -> I) -> Kept {
        Kept {
            within_nodes: self.nodes.kept(flows()),
            within_zones: self.zones.kept(flows()),
            within_regions: self.regions.kept(flows()),
        }
    }

    /// Moves one of an application's pods; returns what that gains.
    pub(crate) fn shift(&mut self, application: usize, from: usize, to: usize) -> Gain {
        let flows = self.flows_of.get(application).cloned().unwrap_or_default();
        let flows = || flows.iter().copied();
        let before = self.kept_of(flows);
        for level in [&mut self.nodes, &mut self.zones, &mut self.regions] {
            level.shift(application, from, to);
        }
        let after = self.kept_of(flows);
        // Of a difference it does not matter how much there is in all.
        let saved = || self.price(before, 0.0) - self.price(after, 0.0);
        Gain {
            within_nodes_bytes_per_second: after.within_nodes - before.within_nodes,
            within_zones_bytes_per_second: after.within_zones - before.within_zones,
            price_per_month: self.prices.any().then(saved),
        }
    }

    /// What a move would gain.
    pub(crate) fn gain(&mut self, application: usize, from: usize, to: usize) -> Gain {
        let gain = self.shift(application, from, to);
        for level in [&mut self.nodes, &mut self.zones, &mut self.regions] {
            level.shift(application, to, from);
        }
        gain
    }
}

#[cfg(test)]
mod tests {
    use netmarks_placement::{Node, Pod};
    use proptest::prelude::*;

    use super::*;

    fn routing() -> impl Strategy<Value = Routing> {
        prop_oneof![Just(Routing::Even), Just(Routing::SameNode), Just(Routing::SameZone)]
    }

    proptest! {
        #[test]
        fn the_sum_of_all_gains_is_the_difference_and_nearer_is_never_more(
            pods in prop::collection::vec((0usize..3, 0usize..4), 1..12),
            flows in prop::collection::vec((0usize..3, 0usize..3, 1.0f64..1e6), 1..6),
            routing in prop::collection::vec(routing(), 3),
            moves in prop::collection::vec((0usize..12, 0usize..4), 0..20),
        ) {
            let node = |zone: &str, region: &str| Node {
                zone: Some(zone.into()), region: Some(region.into()), ..Node::default()
            };
            let pod = |(application, node): &(usize, usize)| Pod {
                application: Some(*application), node: Some(*node), ..Pod::default()
            };
            let flow = |(source, destination, bytes_per_second): &(usize, usize, f64)| Flow {
                source: *source, destination: *destination, bytes_per_second: *bytes_per_second, calls_per_second: 0.0,
            };
            let inventory = Inventory {
                nodes: vec![node("a", "r"), node("a", "r"), node("b", "r"), node("a", "s")],
                applications: (0..3).map(|index| format!("x/{index}")).collect(),
                pods: pods.iter().map(pod).collect(),
                flows: flows.iter().map(flow).collect(),
            };
            let prices = Prices { across_nodes_per_gb: 0.01, across_zones_per_gb: 0.02, across_regions_per_gb: 0.1 };
            let mut placement = inventory.initial();
            let mut worth = Worth::new(&inventory, &placement, &routing, prices);
            let (before, price) = (worth.kept(), worth.price_per_month().unwrap());
            let mut sum = Gain { price_per_month: Some(0.0), ..Gain::default() };
            for (index, to) in moves.into_iter().filter(|(index, _)| *index < pods.len()) {
                let (application, from) = (pods[index].0, placement[index].unwrap());
                let expected = worth.gain(application, from, to);
                let gain = worth.shift(application, from, to);
                prop_assert!((expected.within_nodes_bytes_per_second - gain.within_nodes_bytes_per_second).abs() < 1e-3);
                sum.within_nodes_bytes_per_second += gain.within_nodes_bytes_per_second;
                sum.within_zones_bytes_per_second += gain.within_zones_bytes_per_second;
                sum.price_per_month = Some(sum.price_per_month.unwrap() + gain.price_per_month.unwrap());
                placement[index] = Some(to);
            }
            let fresh = Worth::new(&inventory, &placement, &routing, prices);
            let after = fresh.kept();
            prop_assert!((after.within_nodes - before.within_nodes - sum.within_nodes_bytes_per_second).abs() < 1e-2);
            prop_assert!((after.within_zones - before.within_zones - sum.within_zones_bytes_per_second).abs() < 1e-2);
            prop_assert!((price - fresh.price_per_month().unwrap() - sum.price_per_month.unwrap()).abs() < 1e-2);
            prop_assert!(after.within_nodes <= after.within_zones + 1e-6);
            prop_assert!(after.within_zones <= after.within_regions + 1e-6);
            prop_assert!(after.within_regions <= fresh.placed() + 1e-6);
        }
    }
}
