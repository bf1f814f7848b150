//! The extender, Prometheus and the API server are killed in turn during a rollout: pods go on being scheduled, and
//! everything recovers by itself.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;
use std::time::Duration;

use crate::support::invariants::Invariants;
use crate::support::rollout::{deploy, scale_until};
use crate::support::{Extender, LIMIT, binaries};
use netmarks_test_cluster::{ControlPlane, NodeSpec, Options, PrometheusServer};
use netmarks_test_traffic::{Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock};

/// The namespace of the sample's edges.
const NAMESPACE: &str = "online-boutique";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scheduling_goes_on_whatever_dies_and_the_extender_recovers() {
    let edges = online_boutique().unwrap();
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let server = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let mut prometheus =
        PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await.unwrap();
    let mut plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    plane.create_nodes(&NodeSpec::numbered(4)).await.unwrap();
    plane.create_namespace(NAMESPACE).await.unwrap();
    let stale = [("NETMARKS_SCORING_MAX_FLOW_AGE_SECONDS", "4"), ("NETMARKS_SCORING_WHEN_STALE", "ignore")];
    let mut extender = Extender::start(&plane, &prometheus, &stale).unwrap();
    let _scheduler = extender.start_scheduler(&plane, &edges).await.unwrap();
    deploy(&plane, NAMESPACE, "productcatalogservice", 1, 1).await;
    deploy(&plane, NAMESPACE, "frontend", 1, 2).await;
    let mut frontends = 1;
    scale_until(&plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    let invariants = Invariants::of(&extender, NAMESPACE, &edges).await.unwrap();

    // The extender is killed: pods are bound all the same; it comes back and scores.
    extender.kill().unwrap();
    let bound = plane.placement(NAMESPACE).await.unwrap().len();
    plane.wait_bound(NAMESPACE, usize::try_from(frontends).unwrap() + 1, LIMIT).await.unwrap();
    deploy(&plane, NAMESPACE, "cartservice", 3, usize::try_from(frontends).unwrap() + 4).await;
    assert!(plane.placement(NAMESPACE).await.unwrap().len() >= bound + 3);
    extender.restart().unwrap();
    extender.wait_ready().await.unwrap();
    scale_until(&plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    invariants.recovered(&plane, &extender).await.unwrap();

    // Prometheus is killed: answers turn empty when the flows have expired, pods are bound; it recovers.
    prometheus.kill().unwrap();
    scale_until(&plane, NAMESPACE, &extender, "stale-metrics", &mut frontends).await;
    plane.wait_bound(NAMESPACE, usize::try_from(frontends).unwrap() + 4, LIMIT).await.unwrap();
    invariants.hold(&extender).await.unwrap();
    prometheus.restart().await.unwrap();
    scale_until(&plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    invariants.recovered(&plane, &extender).await.unwrap();

    // The API server is killed: nothing can be bound, and the extender stays up and ready with what it knows. When
    // it is back, a pod that was never seen before counts.
    plane.kill_apiserver().unwrap();
    invariants.hold(&extender).await.unwrap();
    plane.restart_apiserver().await.unwrap();
    scale_until(&plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    let expected = usize::try_from(frontends).unwrap() + 4;
    plane.wait_bound(NAMESPACE, expected, LIMIT).await.unwrap();
    assert_eq!(invariants.recovered(&plane, &extender).await.unwrap(), expected);
}
