//! A real Prometheus scrapes every topology, and the usual query over each finds the rates that went in.

use netmarks_test_cluster::{PrometheusServer, Sample, until};
use netmarks_test_traffic::{EVERY_TOPOLOGY, Edge, Mesh, Pods, Replay, Topology, TrafficServer, wall_clock};
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// Each edge is counted once however many sides report it: sum over families in a reporter, then the maximum over reporters.
const ISTIO: &str = "max by (source_workload,destination_workload) (sum by (reporter,source_workload,destination_workload) (\
    rate(istio_request_bytes_sum{SELECTOR}[4s]) or rate(istio_tcp_received_bytes_total{SELECTOR}[4s])))";
const LINKERD: &str = "sum(rate(tcp_write_bytes_total{direction=\"outbound\",peer=\"dst\",SELECTOR}[4s]))";
const BEYLA: &str = "max(sum by (instance) (rate(beyla_network_flow_bytes_total{SELECTOR}[4s])))";

/// What to ask for the flows of a topology, and how many there should be of one edge.
fn query(topology: Topology) -> (&'static str, usize) {
    match topology {
        Topology::Linkerd => (LINKERD, 1),
        Topology::Beyla => (BEYLA, 1),
        // The logical edge and two hops, each with the same rate.
        Topology::AmbientWaypoint => (ISTIO, 3),
        _ => (ISTIO, 1),
    }
}

fn selector(topology: Topology, namespace: &str) -> String {
    match topology {
        Topology::Linkerd => format!("dst_namespace=\"{namespace}\""),
        Topology::Beyla => format!("k8s_src_namespace=\"{namespace}\",k8s_src_owner_name=\"web\""),
        _ => format!("destination_workload_namespace=\"{namespace}\""),
    }
}

fn all_near(samples: &[Sample], expected: f64) -> bool {
    samples.iter().all(|sample| (sample.value / expected - 1.0).abs() < 0.05)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_finds_the_rates_that_went_in() {
    let mut servers = Vec::new();
    for (namespace, topology, protocol) in EVERY_TOPOLOGY {
        let edge = Edge::new(namespace, "web", "cart", 400_000.0);
        let mesh = Mesh::new(topology, protocol, vec![edge], &Pods::default(), wall_clock());
        servers.push(TrafficServer::start(Arc::new(mesh)).await.unwrap());
    }
    servers.push(TrafficServer::start(Arc::new(Replay::ztunnel(wall_clock()).unwrap())).await.unwrap());
    let targets: Vec<_> = servers.iter().flat_map(TrafficServer::targets).collect();
    let mut prometheus = PrometheusServer::start(&targets, Duration::from_millis(500)).await.unwrap();
    prometheus.wait_scraped(targets.len(), LIMIT).await.unwrap();

    for (namespace, topology, _) in EVERY_TOPOLOGY {
        let (query, edges) = query(topology);
        let query = query.replace("SELECTOR", &selector(topology, namespace));
        until(&format!("100,000 bytes/s from {query}"), LIMIT, async || {
            let samples = prometheus.query(&query).await?;
            anyhow::ensure!(samples.len() == edges && all_near(&samples, 100_000.0), "{samples:?}");
            Ok(Some(()))
        })
        .await
        .unwrap();
    }
    let capture = ISTIO.replace("SELECTOR", "destination_workload=\"cartservice\"");
    until("9,300 bytes/s from the replayed capture", LIMIT, async || {
        let samples = prometheus.query(&capture).await?;
        anyhow::ensure!(samples.len() == 1 && all_near(&samples, 9_300.0), "{samples:?}");
        Ok(Some(()))
    })
    .await
    .unwrap();

    // It comes back on the same port, with what it had stored.
    prometheus.kill().unwrap();
    prometheus.query("up").await.unwrap_err();
    prometheus.restart().await.unwrap();
    assert_eq!(prometheus.query("count(up)").await.unwrap().len(), 1);
}
