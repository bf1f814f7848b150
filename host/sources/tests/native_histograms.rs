//! Istio's bytes as native histograms, scraped and asked by a real Prometheus.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;

use crate::support::{Flows, LIMIT, SCRAPE, config, wait_flows};
use netmarks_core::application::Identity;
use netmarks_sources::prometheus::MetricsConfig;
use netmarks_sources::prometheus::choice::PresetName;
use netmarks_test_cluster::{PrometheusOptions, PrometheusServer};
use netmarks_test_traffic::{Edge, EveryTopology, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};

/// The namespaces: Envoys that show native histograms, those that show classic ones, and bytes that are counters at all times.
const MESHES: [(&str, Topology, Protocol, bool); 4] = [
    ("native", Topology::Sidecar, Protocol::Http, true),
    ("native-waypoint", Topology::AmbientWaypoint, Protocol::Http, true),
    ("classic", Topology::Sidecar, Protocol::Http, false),
    ("tcp", Topology::Sidecar, Protocol::Tcp, true),
];

/// The edges that applications have, in the namespaces of which `wanted` holds.
fn flows(wanted: fn(&str) -> bool) -> Flows {
    let namespaces = MESHES.iter().map(|(namespace, ..)| *namespace).filter(|namespace| wanted(namespace));
    let edges = namespaces.flat_map(EveryTopology::edges);
    let end = |namespace: &str, name: &str| format!("{namespace}/{name}");
    let flow = |edge: Edge| {
        let ends =
            (end(&edge.source_namespace, &edge.source), end(&edge.destination_namespace, &edge.destination));
        (ends, edge.bytes_per_s)
    };
    edges.map(flow).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_in_native_histograms_are_found_where_the_setting_is_on() {
    let mut servers = Vec::new();
    for (namespace, topology, protocol, native) in MESHES {
        let edges = EveryTopology::edges(namespace).into();
        let mesh = Mesh::new(topology, protocol, edges, &Pods::default(), wall_clock());
        let mesh = if native { mesh.with_native_histograms() } else { mesh };
        servers.push(TrafficServer::start(Arc::new(mesh)).await.unwrap());
    }
    let targets: Vec<_> = servers.iter().flat_map(TrafficServer::targets).collect();
    let options = PrometheusOptions { native_histograms: true, ..PrometheusOptions::new(&targets, SCRAPE) };
    let prometheus = PrometheusServer::start_with(&options).await.unwrap();
    prometheus.wait_scraped(targets.len(), LIMIT).await.unwrap();

    let off = config(prometheus.url(), PresetName::IstioLogical);
    let on = MetricsConfig { native_histograms: true, ..off.clone() };
    for identity in [Identity::App, Identity::Workload] {
        wait_flows("native and classic", &on, identity, &flows(|_| true)).await.unwrap();
        let counted = flows(|namespace| !namespace.starts_with("native"));
        wait_flows("classic alone", &off, identity, &counted).await.unwrap();
    }
    // The series are what they are meant to be: without sums of their own, and with sizes to ask for.
    let native = r#"destination_workload_namespace="native""#;
    let sums = prometheus.query(&format!("istio_request_bytes_sum{{{native}}}")).await.unwrap();
    assert!(sums.is_empty(), "{sums:?}");
    let median = format!("histogram_quantile(0.5, sum(rate(istio_response_bytes{{{native}}}[5s])))");
    let median = prometheus.query(&median).await.unwrap()[0].value;
    // Every answer has 3,000 bytes; a bucket is 9% wide.
    assert!((median / 3_000.0 - 1.0).abs() < 0.09, "{median}");
}
