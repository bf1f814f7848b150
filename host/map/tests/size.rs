//! Views of the largest clusters.

use netmarks_map::{MapQuery, MapView, Scene};

use crate::scenes::{application, counted, flow, node, zone};

/// Most bytes of one view.
pub(crate) const MOST: usize = 300_000;

/// 5,000 nodes in three zones, 2,500 applications with 50,000 pods, 20,000 flows.
pub(crate) fn large() -> Scene {
    let mut draw = 12_345u64;
    let mut below = |most: u32| {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((draw >> 33) % u64::from(most)).unwrap()
    };
    let zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"].map(|name| zone("eu-west-1", name));
    let mut nodes: Vec<_> = (0..5_000)
        .map(|at| {
            node(
                &format!("ip-10-{}-{}-{}.eu-west-1.compute.internal", at / 1_700, at % 250, at % 241),
                at / 1_667,
            )
        })
        .collect();
    nodes.sort_by(|left, right| (left.zone, &left.name).cmp(&(right.zone, &right.name)));
    let applications = (0..2_500)
        .map(|at| {
            let mut placement = std::collections::BTreeMap::new();
            for _ in 0..20 {
                *placement.entry(below(5_000)).or_insert(0) += 1;
            }
            let placement: Vec<(u32, u32)> = placement.into_iter().collect();
            application(&format!("namespace-{:02}/application-{at:04}", at % 40), &placement)
        })
        .collect();
    let flows: std::collections::BTreeMap<(u32, u32), f64> =
        (0..20_400).map(|_| ((below(2_500), below(2_500)), f64::from(below(10_000_000)))).collect();
    let mut scene = counted(Scene {
        at: Some(1.0),
        zones: zones.into(),
        nodes,
        applications,
        flows: flows.into_iter().take(20_000).map(|((from, to), rate)| flow(from, to, rate)).collect(),
    });
    scene.applications.sort_by(|left, right| left.name.cmp(&right.name));
    scene
}

#[test]
fn a_view_of_5000_nodes_fits() {
    let scene = large();
    let pods: u32 = scene.nodes.iter().map(|node| node.pods).sum();
    assert_eq!((scene.nodes.len(), pods, scene.flows.len()), (5_000, 50_000, 20_000));
    let begun = std::time::Instant::now();
    let view = MapView::new(&scene, &MapQuery::default());
    let took = begun.elapsed();
    let text = serde_json::to_string(&view).unwrap();
    eprintln!("a view of 5,000 nodes, 50,000 pods and 20,000 flows: {} bytes, made in {took:?}", text.len());
    assert!(text.len() <= MOST, "{} bytes", text.len());
    assert_eq!((view.nodes.names.len(), view.nodes.left_out), (5_000, 0));
    assert_eq!((view.node_flows.from.len(), view.placements), (600, None));
    let parts: f64 = view.nodes.within.iter().map(|within| *within as f64).sum();
    assert!((parts / view.totals.within_node - 1.0).abs() < 1e-3);
    let near = MapQuery { nodes: vec![scene.nodes[17].name.clone()], ..MapQuery::default() };
    assert!(MapView::new(&scene, &near).placements.is_some());
}
