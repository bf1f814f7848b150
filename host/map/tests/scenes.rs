//! Scenes to look at.

use netmarks_core::application::Application;
use netmarks_core::facts::Resources;
use netmarks_map::{Flow, Node, Placed, Scene, SceneApplication, Zone};
use proptest::prelude::*;

pub(crate) fn zone(region: &str, name: &str) -> Zone {
    Zone { region: Some(region.to_owned()), name: Some(name.to_owned()) }
}

pub(crate) fn node(name: &str, zone: u32) -> Node {
    let allocatable = Resources { cpu_millicores: 4_000, memory_bytes: 1 << 34 };
    let requested = Resources { cpu_millicores: 1_000, memory_bytes: 1 << 30 };
    Node { name: name.to_owned(), zone, allocatable, requested, pods: 0, max_pods: 110, closed: false }
}

pub(crate) fn application(name: &str, placement: &[(u32, u32)]) -> SceneApplication {
    let (namespace, own) = name.split_once('/').unwrap();
    SceneApplication {
        name: Application::new(namespace, own),
        placement: placement.iter().map(|(node, pods)| Placed { node: *node, pods: *pods }).collect(),
        replicas: placement.iter().map(|(_, pods)| pods).sum(),
        requests: Resources::default(),
        local_routing: false,
    }
}

pub(crate) fn flow(source: u32, destination: u32, bytes_per_second: f64) -> Flow {
    Flow { source, destination, bytes_per_second }
}

/// With each node's pods counted.
pub(crate) fn counted(mut scene: Scene) -> Scene {
    for application in &scene.applications {
        for placed in &application.placement {
            scene.nodes[placed.node as usize].pods += placed.pods;
        }
    }
    scene
}

/// `web` on nodes 0 and 2, `db` on nodes 0, 1 and 2, `far` on node 3, `gone` nowhere. Nodes 0 and 1 are in zone a, 2 in b, 3 in
/// another region.
pub(crate) fn small() -> Scene {
    counted(Scene {
        at: Some(100.0),
        zones: vec![zone("r", "a"), zone("r", "b"), zone("s", "a")],
        nodes: vec![node("n-0.x", 0), node("n-1.x", 0), node("n-2.x", 1), node("n-3.x", 2)],
        applications: vec![
            application("data/db", &[(0, 1), (1, 1), (2, 2)]),
            application("shop/far", &[(3, 1)]),
            application("shop/gone", &[]),
            application("shop/web", &[(0, 1), (2, 1)]),
        ],
        flows: vec![flow(0, 0, 16.0), flow(3, 0, 800.0), flow(3, 1, 60.0), flow(3, 2, 7.0)],
    })
}

/// Any scene of a few nodes; an application can be anywhere or nowhere.
pub(crate) fn any_scene() -> impl Strategy<Value = Scene> {
    let placement = prop::collection::btree_map(0u32..9, 1u32..4, 0..6);
    let applications = prop::collection::vec((placement, any::<bool>()), 1..7);
    let nodes = prop::collection::vec(0u32..5, 9);
    (nodes, applications).prop_flat_map(|(zones, applications)| {
        let ends = 0..u32::try_from(applications.len()).unwrap();
        let flows = prop::collection::btree_map((ends.clone(), ends), 0.0f64..1e9, 0..14);
        flows.prop_map(move |flows| {
            let zones_of = |zone: u32| zone.min(4);
            let mut nodes: Vec<Node> = zones
                .iter()
                .enumerate()
                .map(|(at, zone)| node(&format!("node-{at}"), zones_of(*zone)))
                .collect();
            nodes.sort_by_key(|node| node.zone);
            for (at, node) in nodes.iter_mut().enumerate() {
                node.name = format!("node-{at}");
            }
            let application = |(at, (placement, local)): (usize, &(_, bool))| {
                let placement: &std::collections::BTreeMap<u32, u32> = placement;
                let placement: Vec<(u32, u32)> =
                    placement.iter().map(|(node, pods)| (*node, *pods)).collect();
                let namespace = ["a", "b"][at % 2];
                SceneApplication {
                    local_routing: *local,
                    ..self::application(&format!("{namespace}/app-{at}"), &placement)
                }
            };
            let mut applications: Vec<SceneApplication> =
                applications.iter().enumerate().map(application).collect();
            applications.sort_by(|left, right| left.name.cmp(&right.name));
            counted(Scene {
                at: Some(1.0),
                zones: vec![zone("r", "a"), zone("r", "b"), zone("s", "a"), zone("s", "c"), Zone::default()],
                nodes,
                applications,
                flows: flows
                    .iter()
                    .map(|((source, destination), rate)| flow(*source, *destination, *rate))
                    .collect(),
            })
        })
    })
}
