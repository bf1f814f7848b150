//! Every byte is counted once, whichever way it is looked at.

use std::collections::{BTreeMap, BTreeSet};

use netmarks_map::{
    Amounts, ApplicationList, ApplicationView, Distance, Filter, ListQuery, MapQuery, MapView, NodeView,
    Scene, by_namespace,
};
use proptest::prelude::*;

use crate::scenes::{any_scene, flow, small};

/// Bytes per second between each two nodes, pair by pair: what the sums must add up to.
fn pair_by_pair(scene: &Scene) -> (BTreeMap<(u32, u32), f64>, f64) {
    let (mut pairs, mut unplaced) = (BTreeMap::new(), 0.0);
    for flow in &scene.flows {
        let of = |end: u32| &scene.applications[end as usize];
        let (source, destination) = (of(flow.source), of(flow.destination));
        let sum = |placement: &[netmarks_map::Placed]| -> f64 {
            placement.iter().map(|placed| f64::from(placed.pods)).sum()
        };
        let (calling, answering) = (sum(&source.placement), sum(&destination.placement));
        if calling == 0.0 || answering == 0.0 {
            unplaced += flow.bytes_per_second;
            continue;
        }
        for from in &source.placement {
            let rate = flow.bytes_per_second * f64::from(from.pods) / calling;
            let here = destination.placement.iter().any(|to| to.node == from.node);
            if destination.local_routing && here {
                *pairs.entry((from.node, from.node)).or_default() += rate;
                continue;
            }
            for to in &destination.placement {
                *pairs.entry((from.node, to.node)).or_default() += rate * f64::from(to.pods) / answering;
            }
        }
    }
    (pairs, unplaced)
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * (1.0 + one.abs().max(other.abs()))
}

fn sum(amounts: impl IntoIterator<Item = Amounts>) -> Amounts {
    amounts.into_iter().fold(Amounts::default(), |mut sum, amounts| {
        sum += amounts;
        sum
    })
}

fn assert_same(one: Amounts, other: Amounts) {
    let parts =
        |it: Amounts| [it.within_node, it.within_zone, it.across_zones, it.across_regions, it.unplaced];
    for (one, other) in parts(one).into_iter().zip(parts(other)) {
        assert!(near(one, other), "{one} and {other}");
    }
}

proptest! {
    #[test]
    fn totals_are_the_sum_of_their_parts(scene in any_scene()) {
        let (pairs, unplaced) = pair_by_pair(&scene);
        let mut expected = Amounts { unplaced, ..Amounts::default() };
        for ((from, to), rate) in &pairs {
            match scene.distance(*from, *to) {
                Distance::Node => expected.within_node += rate,
                Distance::Zone => expected.within_zone += rate,
                Distance::Region => expected.across_zones += rate,
                Distance::World => expected.across_regions += rate,
            }
        }
        let view = MapView::new(&scene, &MapQuery::default());
        assert_same(view.totals, expected);
        let all: f64 = scene.flows.iter().map(|flow| flow.bytes_per_second).sum();
        prop_assert!(near(view.totals.total(), all));

        let zones = |value: fn(&netmarks_map::ZoneView) -> f64| view.zones.iter().map(value).sum::<f64>();
        prop_assert!(near(zones(|zone| zone.within_node), expected.within_node));
        prop_assert!(near(zones(|zone| zone.within_zone), expected.within_zone));
        let across = expected.across_zones + expected.across_regions;
        prop_assert!(near(zones(|zone| zone.beyond), 2.0 * across), "each has two ends");
        let between: f64 = view.zone_flows.iter().map(|flow| flow.bytes_per_second).sum();
        prop_assert!(near(between, across));

        let flows = &view.node_flows;
        for (at, (from, to)) in flows.from.iter().zip(&flows.to).enumerate() {
            let one = pairs.get(&(*from, *to)).copied().unwrap_or(0.0);
            let both = one + pairs.get(&(*to, *from)).copied().unwrap_or(0.0);
            prop_assert!((flows.bytes_per_second[at] as f64 - both).abs() <= 0.51 + both * 1e-9);
        }
        let shown: u64 = flows.bytes_per_second.iter().sum();
        prop_assert!((shown as f64 - expected.beyond()).abs() <= 1.0 + flows.from.len() as f64);

        let namespaces = by_namespace(&scene, 1);
        assert_same(sum(namespaces.iter().map(|it| it.amounts)), expected);
        prop_assert!(namespaces.len() <= 2);
    }

    #[test]
    fn nodes_and_applications_have_the_ends_of_every_byte(scene in any_scene()) {
        let view = MapView::new(&scene, &MapQuery::default());
        let totals = view.totals;
        let nodes: Vec<NodeView> =
            scene.nodes.iter().map(|node| NodeView::new(&scene, &node.name).unwrap()).collect();
        let of_nodes = sum(nodes.iter().map(|node| node.totals));
        prop_assert!(near(of_nodes.within_node, totals.within_node));
        prop_assert!(near(of_nodes.beyond(), 2.0 * totals.beyond()));
        for (at, node) in nodes.iter().enumerate() {
            prop_assert!((view.nodes.within[at] as f64 - node.totals.within_node).abs() <= 0.51);
            prop_assert!((view.nodes.beyond[at] as f64 - node.totals.beyond()).abs() <= 0.51);
            let peers: f64 = node.peers.iter().map(|peer| peer.bytes_per_second).sum();
            let flows: f64 = node.flows.iter().map(|flow| flow.bytes_per_second).sum();
            prop_assert!(near(peers, node.totals.beyond()) && near(flows, peers));
            let within: f64 = node.flows_within.iter().map(|flow| flow.bytes_per_second).sum();
            prop_assert!(near(within, node.totals.within_node));
            let pairs: BTreeSet<_> = node.flows_within.iter().map(|flow| (&flow.application, &flow.peer)).collect();
            prop_assert!(pairs.len() == node.flows_within.len(), "each pair is there once");
            prop_assert!(pairs.iter().all(|(first, second)| first <= second));
        }
        let own: f64 =
            scene.flows.iter().filter(|flow| flow.source == flow.destination).map(|flow| flow.bytes_per_second).sum();
        let list = ApplicationList::new(&scene, &Filter::default(), &ListQuery { limit: 100, ..ListQuery::default() });
        let of_list = sum(list.items.iter().map(|row| row.amounts));
        prop_assert!(near(of_list.total() + own, 2.0 * totals.total()), "a flow to oneself counts once");
        for row in &list.items {
            let view = ApplicationView::new(&scene, &row.application).unwrap();
            assert_same(view.totals, row.amounts);
            assert_same(sum(view.peers.iter().map(|peer| peer.amounts)), row.amounts);
            let within: f64 = view.nodes.iter().map(|node| node.within).sum();
            // What an application exchanges with itself on one node has both ends there.
            prop_assert!(within <= row.amounts.within_node * (1.0 + 1e-9) + 1e-6);
        }
    }
}

#[test]
fn a_small_cluster_by_hand() {
    let view = MapView::new(&small(), &MapQuery::default());
    // web to db, 800: from node 0, a quarter each to 0 and 1 and half to 2; from node 2 the same. db to itself, 16.
    let own = 16.0 * (1.0 + 1.0 + 4.0) / 16.0;
    let expected = Amounts {
        within_node: 100.0 + 200.0 + own,
        within_zone: 100.0 + 16.0 * 2.0 / 16.0,
        across_zones: 200.0 + 200.0 + 16.0 * 8.0 / 16.0,
        across_regions: 60.0,
        unplaced: 7.0,
    };
    assert_same(view.totals, expected);
    assert_eq!(view.totals.local_share().map(|share| (share * 100.0).round()), Some(35.0));
    assert!(Amounts::default().local_share().is_none());
}

#[test]
fn calls_that_prefer_their_node_stay_there() {
    let mut scene = small();
    scene.applications[0].local_routing = true;
    scene.flows = vec![flow(3, 0, 800.0), flow(1, 0, 90.0)];
    let view = MapView::new(&scene, &MapQuery::default());
    let expected = Amounts { within_node: 800.0, across_regions: 90.0, ..Amounts::default() };
    assert_same(view.totals, expected);
}
