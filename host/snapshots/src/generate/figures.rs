//! The figures by which the shape of a cluster is published, measured on any snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use netmarks_core::application::Application;
use netmarks_sources::snapshot_file::SnapshotFile;
use serde::Serialize;

/// The shape of a cluster. Shares are of 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Applications that have pods.
    pub applications: usize,
    pub pods: usize,
    /// Pods without a node.
    pub pending: usize,
    pub nodes: usize,
    /// Different pairs of allocatable CPU and memory.
    pub node_shapes: usize,
    /// Share of allocatable CPU that is requested.
    pub cpu: f64,
    /// Share of allocatable memory that is requested.
    pub memory: f64,
    /// Pairs of applications with traffic between them.
    pub edges: usize,
    /// Applications with traffic to another.
    pub talking: usize,
    /// Share of the traffic within the component that has most.
    pub component: f64,
    /// Share of the traffic that the heaviest `top` edges carry.
    pub top: f64,
    /// Most edges of one application.
    pub degree: usize,
    /// Pods of that application.
    pub hub_pods: usize,
}

/// Measures a snapshot; `top` says how many edges count as the heaviest.
#[must_use]
pub fn figures(file: &SnapshotFile, top: usize) -> Figures {
    let mut pods: HashMap<&Application, usize> = HashMap::new();
    for application in file.pods.iter().filter_map(|pod| pod.application.as_ref()) {
        *pods.entry(application).or_default() += 1;
    }
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let shapes: BTreeSet<(u64, u64)> = file
        .nodes
        .iter()
        .map(|node| (node.allocatable().cpu_millicores, node.allocatable_memory_bytes))
        .collect();
    let (nodes, placed) = (file.nodes.iter(), file.pods.iter());
    let cpu = share(
        placed.clone().map(|pod| pod.cpu_request_cores).sum(),
        nodes.clone().map(|node| node.allocatable_cpu_cores).sum(),
    );
    let memory = share(
        placed.map(|pod| pod.requests().memory()).sum(),
        nodes.map(|node| node.allocatable().memory()).sum(),
    );
    let mut edges: BTreeMap<(&Application, &Application), f64> = BTreeMap::new();
    for flow in file.flows.iter().filter(|flow| flow.source != flow.destination) {
        let (one, other) = (&flow.source, &flow.destination);
        *edges.entry((one.min(other), one.max(other))).or_default() += flow.bytes_per_second;
    }
    let total: f64 = edges.values().sum();
    let mut degrees: BTreeMap<&Application, usize> = BTreeMap::new();
    for application in edges.keys().flat_map(|(one, other)| [*one, *other]) {
        *degrees.entry(application).or_default() += 1;
    }
    let hub = degrees.iter().max_by_key(|(application, degree)| (**degree, pods.get(*application).copied()));
    let mut heaviest: Vec<f64> = edges.values().copied().collect();
    heaviest.sort_by(|one, other| other.total_cmp(one));
    Figures {
        applications: pods.len(),
        pods: file.pods.len(),
        pending: file.pods.iter().filter(|pod| pod.node.is_none()).count(),
        nodes: file.nodes.len(),
        node_shapes: shapes.len(),
        cpu,
        memory,
        edges: edges.len(),
        talking: degrees.len(),
        component: share(heaviest_component(&edges), total),
        top: share(heaviest.iter().take(top).sum(), total),
        degree: hub.map_or(0, |(_, degree)| *degree),
        hub_pods: hub.and_then(|(application, _)| pods.get(*application).copied()).unwrap_or(0),
    }
}

/// Traffic of the component that has most.
fn heaviest_component(edges: &BTreeMap<(&Application, &Application), f64>) -> f64 {
    let mut neighbours: HashMap<&Application, Vec<&Application>> = HashMap::new();
    for (one, other) in edges.keys() {
        neighbours.entry(one).or_default().push(other);
        neighbours.entry(other).or_default().push(one);
    }
    let mut component: HashMap<&Application, usize> = HashMap::new();
    for (number, start) in edges.keys().map(|(one, _)| *one).enumerate() {
        let mut open = vec![start];
        while let Some(application) = open.pop() {
            if component.contains_key(application) {
                continue;
            }
            component.insert(application, number);
            open.extend(neighbours.get(application).into_iter().flatten());
        }
    }
    let mut traffic: HashMap<usize, f64> = HashMap::new();
    for ((one, _), bytes) in edges {
        if let Some(number) = component.get(one) {
            *traffic.entry(*number).or_default() += bytes;
        }
    }
    traffic.into_values().fold(0.0, f64::max)
}
