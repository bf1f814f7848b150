//! Service mesh proxies that expose known byte rates, for tests of whatever reads them through Prometheus.
//!
//! No mesh is needed: for each edge "source calls destination with so many bytes per second" the expositions that the
//! proxies of a given [`Topology`] would show are served, label for label, each proxy as a scrape target of its own. Counters are a
//! function of an injected clock, so that a test can ask for the state at any instant and knows the right answer exactly.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use netmarks_test_traffic::{Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock};
//! use std::sync::Arc;
//!
//! let mesh = Arc::new(Mesh::new(Topology::Sidecar, Protocol::Http, online_boutique()?, &Pods::default(), wall_clock()));
//! let server = TrafficServer::start(mesh.clone()).await?;
//! // netmarks_test_cluster::PrometheusServer::start(&server.targets(), scrape_interval).await?;
//! mesh.set_rate("frontend", "cartservice", 1e6)?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod beyla;
mod clock;
mod edge;
mod everything;
mod exposition;
mod istio;
mod linkerd;
mod mesh;
mod native;
mod pods;
mod proxy;
mod replay;
mod server;
mod topology;

pub use clock::{Clock, wall_clock};
pub use edge::{Edge, bookinfo, online_boutique, parse_edges, social_network};
pub use everything::{EVERY_TOPOLOGY, EveryTopology};
pub use exposition::{Page, Pages};
pub use mesh::Mesh;
pub use pods::{PodInstance, Pods};
pub use replay::Replay;
pub use server::TrafficServer;
pub use topology::{Protocol, Topology};
