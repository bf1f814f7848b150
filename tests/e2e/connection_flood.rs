//! A flood of connections that do nothing, or next to nothing, beside a kube-scheduler that loses nothing by it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::support::flood::{Flood, Habit};
use crate::support::scheduling::attempts;
use crate::support::{Extender, LIMIT, binaries};
use anyhow::Result;
use netmarks_test_cluster::{
    Authority, ControlPlane, DeploymentSpec, NodeSpec, Options, Port, PrometheusServer, Scheduler, until,
};
use netmarks_test_traffic::{Edge, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};

const NAMESPACE: &str = "shop";

/// Pods created at once; the next come when these are bound.
const STEP: usize = 10;

/// Pods of one phase.
const PODS: usize = 100;

/// What kube-scheduler waits for an extender where its configuration says nothing else.
const TIMEOUT: Duration = Duration::from_secs(5);

const HALF_HEAD: Habit = Habit::Send(b"POST /prioritize HTTP/1.1\r\nHost: localhost\r\nContent-Len");
const HALF_BODY: Habit =
    Habit::Send(b"POST /prioritize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{\"Pod\":");
/// The first bytes of a record that a handshake begins with.
const HALF_HELLO: Habit = Habit::Send(&[0x16, 3, 1, 2, 0]);
const UNREAD: Habit = Habit::NeverRead(b"GET /v1/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n");

/// The same for those that never stand still.
const SLOW_HEAD: Habit = Habit::Drip(b"POST /prioritize HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"x");
const SLOW_BODY: Habit = Habit::Drip(
    b"POST /prioritize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{\"Pod\":",
    b" ",
);
const SLOW_HELLO: Habit = Habit::Drip(&[0x16, 3, 1, 2, 0], &[1]);
/// Asks more often than it reads.
const SLOW_READER: Habit = Habit::Drip(
    b"GET /v1/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
);

/// A quantile of what came between two readings, as PromQL's `histogram_quantile` has it.
fn quantile(quantile: f64, before: &[(f64, f64)], after: &[(f64, f64)]) -> Duration {
    let earlier =
        |bound: f64| before.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, count)| *count);
    let grown: Vec<(f64, f64)> =
        after.iter().map(|(bound, count)| (*bound, count - earlier(*bound))).collect();
    let rank = quantile * grown.last().unwrap().1;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, count) in grown {
        if count >= rank {
            let upper = if bound.is_finite() { bound } else { lower };
            let part = if count > below { (rank - below) / (count - below) } else { 1.0 };
            return Duration::from_secs_f64(lower + (upper - lower) * part);
        }
        (lower, below) = (bound, count);
    }
    Duration::MAX
}

/// Schedules pods a few at a time; returns kube-scheduler's median and 99th percentile meanwhile.
async fn schedule(plane: &ControlPlane, scheduler: &Scheduler, from: usize) -> Result<[Duration; 2]> {
    let before = attempts(scheduler).await.unwrap_or_default();
    for bound in (from + STEP..=from + PODS).step_by(STEP) {
        plane.scale_deployment(NAMESPACE, "web", i32::try_from(bound)?).await?;
        plane.wait_bound(NAMESPACE, bound + 1, LIMIT).await?;
    }
    let after = attempts(scheduler).await?;
    Ok([0.5, 0.99].map(|part| quantile(part, &before, &after)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduler_loses_nothing_by_a_flood_of_connections() {
    let edges = vec![Edge::new(NAMESPACE, "web", "store", 1_000_000.0)];
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let server = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await.unwrap();
    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    plane.create_nodes(&NodeSpec::numbered(6)).await.unwrap();
    plane.create_namespace(NAMESPACE).await.unwrap();
    let (certificate, key) = Authority::new("ours").unwrap().issue().unwrap();
    let [certificate, key] = [("admin.crt", certificate), ("admin.key", key)].map(|(name, content)| {
        crate::support::scratch(&plane, name, &content).unwrap().display().to_string()
    });
    let admin_port = Port::reserve().unwrap();
    let admin = SocketAddr::from(([127, 0, 0, 1], admin_port.number()));
    let extender = Extender::start(
        &plane,
        &prometheus,
        &[
            ("NETMARKS_ADMIN_LISTEN", &admin.to_string()),
            ("NETMARKS_ADMIN_TLS_CERT_FILE", &certificate),
            ("NETMARKS_ADMIN_TLS_KEY_FILE", &key),
        ],
    )
    .unwrap();
    let scheduler = extender.start_scheduler(&plane, &edges).await.unwrap();
    for name in ["store", "web"] {
        let replicas = i32::from(name == "store");
        let spec = DeploymentSpec::new(NAMESPACE, name, replicas).with_requests("10m", "16Mi");
        plane.create_deployment(&spec).await.unwrap();
    }
    plane.wait_bound(NAMESPACE, 1, LIMIT).await.unwrap();
    extender.wait_pods(NAMESPACE, 1).await.unwrap();
    let quiet = schedule(&plane, &scheduler, 0).await.unwrap();

    netmarks::open_files::raise_limit();
    let address: SocketAddr = extender.url().trim_start_matches("http://").parse().unwrap();
    let mut flood = Flood::default();
    flood.add(2_000, address, Habit::Send(b""));
    for (stopped, slow, each, listener) in [
        (HALF_HEAD, SLOW_HEAD, 500, address),
        (HALF_BODY, SLOW_BODY, 500, address),
        (UNREAD, SLOW_READER, 100, address),
        (HALF_HELLO, SLOW_HELLO, 100, admin),
    ] {
        flood.add(each, listener, stopped);
        flood.add(each, listener, slow);
    }
    flood.add(600, admin, Habit::Send(b""));
    until("places run short", LIMIT, async || {
        let displaced = "netmarks_connections_closed_total{listener=\"server\",reason=\"displaced\"}";
        Ok((extender.metric(displaced).await? > 1_000.0).then_some(()))
    })
    .await
    .unwrap();
    let before = extender.answers().await.unwrap();
    let flooded = schedule(&plane, &scheduler, PODS).await.unwrap();
    let after = extender.answers().await.unwrap();
    drop(flood);

    let answered =
        |outcome: &str| after.get(outcome).copied().unwrap_or(0) - before.get(outcome).copied().unwrap_or(0);
    assert!(answered("scored") >= PODS as u64, "{before:?}, then {after:?}");
    for lost in ["overloaded", "deadline", "policy-fault"] {
        assert_eq!(answered(lost), 0, "{lost}");
    }
    // Told, not asserted: what a busy machine adds is not a fault, and how much the flood adds is a measurement.
    println!("kube-scheduler's median and p99 went from {quiet:?} to {flooded:?}");
    assert!(flooded[1] < TIMEOUT, "a pod waited as long as for an extender that is away: {flooded:?}");
    let warnings = extender.log().unwrap().matches("connections run short").count();
    assert!((1..=2).contains(&warnings), "{warnings} warnings for two listeners");
}
