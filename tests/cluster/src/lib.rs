//! A real Kubernetes control plane, and a real Prometheus, as plain local processes.
//!
//! Holds what a test needs to see the extender work against the programs that users run: etcd, kube-apiserver,
//! kube-controller-manager and kube-scheduler, with [kwok](https://kwok.sigs.k8s.io) in the role of the kubelets, so that
//! thousands of nodes fit on a laptop. It is a crate of its own because the end-to-end tests, the benchmarks and
//! `cargo xtask cluster` all start the same thing.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use netmarks_test_cluster::{Binaries, ControlPlane, DeploymentSpec, NodeSpec, Options, SchedulerOptions};
//! use std::time::Duration;
//!
//! let binaries = Binaries::ensure(&|line| eprintln!("{line}"))?;
//! let plane = ControlPlane::start(&binaries, Options::default()).await?;
//! let _scheduler = plane.start_scheduler(SchedulerOptions::default()).await?;
//! plane.create_nodes(&NodeSpec::numbered(3)).await?;
//! plane.create_namespace("shop").await?;
//! plane.create_deployment(&DeploymentSpec::new("shop", "cart", 2)).await?;
//! let pods = plane.wait_bound("shop", 2, Duration::from_secs(30)).await?;
//! assert_eq!(pods.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Every process dies with the test, also when the test is killed; see [`process`] for how. Working folders are removed,
//! except when the test panics or `NETMARKS_KEEP` is set; then their path is printed.

#![forbid(unsafe_code)]

mod audit;
mod authority;
mod components;
mod control_plane;
mod definitions;
pub mod documents;
mod health;
mod http;
mod objects;
mod oci_registry;
mod ports;
pub mod process;
mod prometheus;
mod scheduler;
mod stand_in;
mod tools;
mod victoria_metrics;
mod wait;
mod workdir;

pub use audit::Call;
pub use authority::Authority;
pub use components::GANGS;
pub use control_plane::{ControlPlane, Options, User};
pub use netmarks_test_tools::{
    Binaries, MetricsStores, cache_folder, cached, cert_manager, claim_path, definitions, kubeadm, repository,
};
pub use objects::{DeploymentSpec, NodeSpec, PlacedPod};
pub use oci_registry::{OciOptions, OciRegistry};
pub use ports::Port;
pub use prometheus::{PrometheusOptions, PrometheusServer, Sample, ScrapeTarget};
pub use scheduler::{ExtenderConfig, ExtenderTls, Scheduler, SchedulerOptions};
pub use stand_in::StandIn;
pub use victoria_metrics::{VictoriaMetrics, VmAuth};
pub use wait::until;
