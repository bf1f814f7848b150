//! The clusters that applications are placed on, as snapshot files.

use serde_json::{Value, json};

use super::application::Application;

/// Nodes that are alike, and how much of them the application takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    pub(super) nodes: usize,
    /// Nodes are dealt out to so many zones in turn.
    pub(super) zones: usize,
    /// The share (of 1) of all CPU that the application requests.
    pub(super) requested: f64,
    /// What a node takes besides.
    pub(super) pods_per_node: usize,
}

/// The snapshot of an application that waits for its nodes.
pub(super) fn snapshot(application: &Application, cluster: &Cluster) -> Value {
    let cores = application.cores() / cluster.requested / cluster.nodes as f64;
    // At least the largest pod and a little more, or nothing could be placed.
    let largest = |service: &super::application::Service| service.cores / f64::from(service.replicas);
    let cores = application.services.iter().map(largest).fold(cores, f64::max);
    let nodes: Vec<Value> = (0..cluster.nodes)
        .map(|index| {
            let zone = format!("zone-{}", index % cluster.zones);
            json!({
                "name": format!("node-{index:03}"),
                "labels": {
                    "kubernetes.io/hostname": format!("node-{index:03}"),
                    "topology.kubernetes.io/zone": zone,
                    "topology.kubernetes.io/region": "region",
                },
                "allocatable_cpu_cores": rounded(cores),
                "allocatable_memory_bytes": 64u64 << 30,
                "scheduling": {"allocatable": {"pods": cluster.pods_per_node.to_string()}},
            })
        })
        .collect();
    let mut pods = Vec::new();
    for service in &application.services {
        for replica in 0..service.replicas {
            pods.push(json!({
                "name": format!("app/{}-{replica}", service.name),
                "application": format!("app/{}", service.name),
                "node": null,
                "labels": {"app": service.name},
                "cpu_request_cores": rounded(service.cores / f64::from(service.replicas)),
                "memory_request_bytes": 128u64 << 20,
            }));
        }
    }
    let name = |index: usize| {
        application.services.get(index).map_or_else(String::new, |service| format!("app/{}", service.name))
    };
    let flows: Vec<Value> = application
        .edges
        .iter()
        .map(|edge| {
            json!({
                "source": name(edge.source),
                "destination": name(edge.destination),
                "bytes_per_second": edge.bytes_per_second,
                "calls_per_second": edge.calls_per_second,
            })
        })
        .collect();
    json!({
        "version": 2, "taken_at": 0.0, "identity": "app", "nodes": nodes, "pods": pods,
        "flows_at": 0.0, "flows": flows,
    })
}

/// To whole millicores, at least one.
fn rounded(cores: f64) -> f64 {
    (cores * 1_000.0).ceil().max(1.0) / 1_000.0
}
