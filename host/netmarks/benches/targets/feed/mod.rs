//! A cluster of any size behind real sockets: what kube's watchers list and watch, and what a metrics store answers.
//!
//! [`objects`] writes objects as the API server does, [`cluster`] has them and what changed, [`api_server`] and [`metrics_store`] speak
//! HTTP, [`churn`] changes pods at a rate. Nothing in the program that is measured knows that it is not a cluster.

mod api_server;
mod churn;
mod cluster;
mod metrics_store;
mod objects;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::ListenerExt as _;
use netmarks_core::facts::PodFacts;
use serde_json::json;
use tokio::runtime::Runtime;

pub use self::churn::Churn;
use self::cluster::Cluster;
use self::metrics_store::MetricsStore;
use crate::synthetic::{Size, Synthetic};

/// Holds both servers; they end when it is dropped.
pub struct Feed {
    address: SocketAddr,
    cluster: Arc<Cluster>,
    store: Arc<MetricsStore>,
    has_flows: bool,
    _runtime: Runtime,
}

impl Feed {
    /// Serves a cluster of this size on a free port.
    pub fn start(size: Size) -> Self {
        let Synthetic { nodes, pods, flows } = Synthetic::new(size);
        let has_flows = !flows.is_empty();
        let (cluster, store) = (Arc::new(Cluster::new(&nodes, &pods)), Arc::new(MetricsStore::new(&flows)));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let router = api_server::router(cluster.clone()).merge(metrics_store::router(store.clone()));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        // As an API server does. Otherwise an event waits until the one before it is acknowledged or a packet is full, which over
        // loopback holds 64 KiB: twelve changes, 24 ms at 500 a second.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, cluster, store, has_flows, _runtime: runtime }
    }

    /// Where the metrics store is, if there are flows.
    pub fn metrics_url(&self) -> Option<String> {
        self.has_flows.then(|| format!("http://{}", self.address))
    }

    /// Writes a kubeconfig that leads here.
    pub fn write_kubeconfig(&self, file: &Path) {
        let server = format!("http://{}", self.address);
        let content = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        });
        std::fs::write(file, content.to_string()).unwrap();
    }

    /// What was served so far: how long pages of pods took to be made, and how many bytes they were.
    pub fn listed(&self) -> (Duration, u64) {
        self.cluster.listed()
    }

    /// When the metrics store was asked.
    pub fn asked(&self) -> Vec<Instant> {
        self.store.asked()
    }

    /// The pod is there from now on, bound if it has a node; watchers are told.
    pub fn apply(&self, pod: &PodFacts) {
        self.cluster.apply(pod);
    }

    /// The pod is gone; watchers are told.
    pub fn delete(&self, key: &str) {
        self.cluster.delete(key);
    }

    /// Changes pods at this rate until it is dropped.
    pub fn churn(&self, per_second: u32) -> Churn {
        Churn::start(self.cluster.clone(), per_second)
    }
}
