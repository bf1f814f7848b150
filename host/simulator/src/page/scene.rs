//! One placement as the console's map knows it.

use std::collections::BTreeMap;

use netmarks_core::application::Application;
use netmarks_core::facts::Resources;
use netmarks_map::{Flow, MapQuery, MapView, Node, Placed, Scene, SceneApplication, Zone};
use netmarks_placement::{Inventory, Placement};

/// What the console would show of this placement.
pub(super) fn view(inventory: &Inventory, placement: &Placement) -> MapView {
    MapView::new(&scene(inventory, placement), &MapQuery::default())
}

fn scene(inventory: &Inventory, placement: &Placement) -> Scene {
    let (zones, mut nodes, node_of) = nodes(inventory);
    let mut placed: Vec<BTreeMap<u32, u32>> = vec![BTreeMap::new(); inventory.applications.len()];
    for (pod, node) in inventory.pods.iter().zip(placement) {
        let Some(number) = node.and_then(|node| node_of.get(node).copied()) else { continue };
        if let Some(node) = nodes.get_mut(number as usize) {
            node.pods += 1;
            let requests = Resources { cpu_millicores: pod.cpu_millicores, memory_bytes: pod.memory_bytes };
            node.requested.add(requests);
        }
        if let Some(placed) = pod.application.and_then(|application| placed.get_mut(application)) {
            *placed.entry(number).or_default() += 1;
        }
    }
    let mut applications: Vec<(usize, SceneApplication)> = inventory
        .applications
        .iter()
        .zip(placed)
        .map(|(name, placed)| {
            let (namespace, name) = name.split_once('/').unwrap_or(("", name));
            let replicas = placed.values().sum();
            let placement = placed.into_iter().map(|(node, pods)| Placed { node, pods }).collect();
            let requests = Resources::default();
            let name = Application::new(namespace, name);
            SceneApplication { name, placement, replicas, requests, local_routing: false }
        })
        .enumerate()
        .collect();
    applications.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    let application_of = positions(applications.iter().map(|(index, _)| *index));
    let flow = |flow: &netmarks_placement::Flow| {
        Some(Flow {
            source: *application_of.get(flow.source)?,
            destination: *application_of.get(flow.destination)?,
            bytes_per_second: flow.bytes_per_second,
        })
    };
    let mut flows: Vec<Flow> = inventory.flows.iter().filter_map(flow).collect();
    flows.sort_unstable_by_key(|flow| (flow.source, flow.destination));
    let applications = applications.into_iter().map(|(_, application)| application).collect();
    Scene { at: None, zones, nodes, applications, flows }
}

/// Zones and nodes in the order of a scene, and where each node of the inventory is among them.
fn nodes(inventory: &Inventory) -> (Vec<Zone>, Vec<Node>, Vec<u32>) {
    let mut rows: Vec<(Zone, usize, &netmarks_placement::Node)> = inventory
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| (Zone { region: node.region.clone(), name: node.zone.clone() }, index, node))
        .collect();
    rows.sort_by(|one, other| (&one.0, &one.2.name).cmp(&(&other.0, &other.2.name)));
    let node_of = positions(rows.iter().map(|(_, index, _)| *index));
    let mut zones: Vec<Zone> = Vec::new();
    let mut nodes = Vec::with_capacity(rows.len());
    for (zone, _, node) in rows {
        if zones.last() != Some(&zone) {
            zones.push(zone);
        }
        nodes.push(Node {
            name: node.name.clone(),
            zone: number(zones.len().saturating_sub(1)),
            allocatable: Resources { cpu_millicores: node.cpu_millicores, memory_bytes: node.memory_bytes },
            max_pods: node.max_pods,
            ..Node::default()
        });
    }
    (zones, nodes, node_of)
}

/// Of each index the place at which `order` has it.
fn positions(order: impl ExactSizeIterator<Item = usize>) -> Vec<u32> {
    let mut positions = vec![0; order.len()];
    for (place, index) in order.enumerate() {
        positions.get_mut(index).into_iter().for_each(|slot| *slot = number(place));
    }
    positions
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
