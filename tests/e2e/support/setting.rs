//! A cluster like those that the chart is installed into: service accounts, kube-scheduler's own user, nodes; beside it a mesh
//! with traffic, and the Prometheus that scrapes it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use netmarks_test_cluster::{ControlPlane, NodeSpec, Options, PrometheusServer, User};
use netmarks_test_traffic::{Edge, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};

use super::release::{Release, chart, stand_in, values};
use super::{LIMIT, binaries};

/// The user as whom kube-scheduler runs in every cluster; its rights are built into the API server.
pub const SCHEDULER: &str = "system:kube-scheduler";

/// Dropped in this order: the cluster first.
pub struct Setting {
    pub plane: ControlPlane,
    pub prometheus: PrometheusServer,
    pub edges: Vec<Edge>,
    _mesh: TrafficServer,
}

impl Setting {
    /// Four nodes, and this traffic.
    pub async fn start(edges: Vec<Edge>) -> Result<Self> {
        let mesh =
            Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
        let server = TrafficServer::start(Arc::new(mesh)).await?;
        let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await?;
        prometheus.wait_scraped(server.targets().len(), LIMIT).await?;
        let options = Options {
            users: vec![User { name: SCHEDULER.to_owned(), groups: Vec::new() }],
            service_accounts: true,
            stand_ins: vec![stand_in()],
            ..Options::default()
        };
        let plane = ControlPlane::start(&binaries(), options).await?;
        plane.create_nodes(&NodeSpec::numbered(4)).await?;
        Ok(Self { plane, prometheus, edges, _mesh: server })
    }

    /// The chart with the values of all tests, and these.
    pub fn install(&self, more: &[&str]) -> Result<Release<'_>> {
        Release::install(&self.plane, &chart(), &values(self.prometheus.url(), more))
    }
}
