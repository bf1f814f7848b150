//! One mesh of every topology at once, each in a namespace of its own, as one Prometheus would see them.

use std::sync::Arc;

use anyhow::Result;
use netmarks_test_cluster::ScrapeTarget;

use crate::clock::wall_clock;
use crate::edge::Edge;
use crate::mesh::Mesh;
use crate::pods::Pods;
use crate::server::TrafficServer;
use crate::topology::{Protocol, Topology};

/// The namespaces, and what is in each.
pub const EVERY_TOPOLOGY: [(&str, Topology, Protocol); 9] = [
    ("sidecar-http", Topology::Sidecar, Protocol::Http),
    ("sidecar-tcp", Topology::Sidecar, Protocol::Tcp),
    ("source-only", Topology::SidecarSourceOnly, Protocol::Http),
    ("destination-only", Topology::SidecarDestinationOnly, Protocol::Tcp),
    ("ambient", Topology::Ambient, Protocol::Tcp),
    ("ambient-waypoint", Topology::AmbientWaypoint, Protocol::Http),
    ("sidecar-to-ambient", Topology::SidecarToAmbient, Protocol::Http),
    ("linkerd", Topology::Linkerd, Protocol::Tcp),
    ("beyla", Topology::Beyla, Protocol::Tcp),
];

/// Holds the servers of all; dropping it stops them.
pub struct EveryTopology {
    servers: Vec<TrafficServer>,
}

impl EveryTopology {
    /// In every namespace `web` calls `cart` and `cart` calls `db`, see [`Self::edges`]; real time, from this call on.
    pub async fn start() -> Result<Self> {
        let mut servers = Vec::new();
        for (namespace, topology, protocol) in EVERY_TOPOLOGY {
            let mesh =
                Mesh::new(topology, protocol, Self::edges(namespace).into(), &Pods::default(), wall_clock());
            servers.push(TrafficServer::start(Arc::new(mesh)).await?);
        }
        Ok(Self { servers })
    }

    /// What is sent within a namespace: 400,000 and 40,000 bytes per second, a quarter of them requests.
    pub fn edges(namespace: &str) -> [Edge; 2] {
        [Edge::new(namespace, "web", "cart", 400_000.0), Edge::new(namespace, "cart", "db", 40_000.0)]
    }

    /// All scrape targets.
    pub fn targets(&self) -> Vec<ScrapeTarget> {
        self.servers.iter().flat_map(TrafficServer::targets).collect()
    }
}
