//! The way to Prometheus, to the API server, or to both is slow, cut, half-open, or leads to something else: pods go on being scheduled,
//! the extender stays ready, and when it is over everything recovers by itself.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::invariants::Invariants;
use crate::support::rollout::{deploy, scale_until};
use crate::support::scheduling::{above, attempts_and_pods, searches};
use crate::support::setting::Setting;
use crate::support::{Extender, LIMIT, through};
use netmarks_test_traffic::Edge;

const NAMESPACE: &str = "shop";

/// Faults, and what pods get while the way to Prometheus has them.
const FAULTS: [(Fault, &str); 4] = [
    (Fault::Slow(Duration::from_millis(300)), "scored"),
    (Fault::Cut, "stale-metrics"),
    (Fault::HalfOpen, "stale-metrics"),
    (
        Fault::Answers(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<h1>Log in</h1>",
        ),
        "stale-metrics",
    ),
];

/// The first bound of kube-scheduler's histogram above the second that it waits for an extender.
const LONGEST: Duration = Duration::from_millis(2_048);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_with_the_way_to_its_sources_pods_are_scheduled() {
    let setting = Setting::start(vec![Edge::new(NAMESPACE, "frontend", "cart", 1_000_000.0)]).await.unwrap();
    let plane = &setting.plane;
    plane.create_namespace(NAMESPACE).await.unwrap();
    let address = |url: &str| url.split("://").last().unwrap().parse::<SocketAddr>().unwrap();
    let metrics = FaultProxy::start(address(setting.prometheus.url())).await.unwrap();
    let api = FaultProxy::start(address(&plane.api_url())).await.unwrap();
    let keys = [
        ("NETMARKS_SCORING_MAX_FLOW_AGE_SECONDS", "4"),
        ("NETMARKS_SCORING_WHEN_STALE", "ignore"),
        ("NETMARKS_METRICS_TIMEOUT_SECONDS", "3"),
    ];
    let url = format!("http://{}", metrics.address());
    let extender = Extender::start_between(plane, &through(plane, &api).unwrap(), &url, &keys).unwrap();
    let scheduler = extender.start_scheduler(plane, &setting.edges).await.unwrap();
    deploy(plane, NAMESPACE, "cart", 1, 1).await;
    deploy(plane, NAMESPACE, "frontend", 1, 2).await;
    let mut frontends = 1;
    scale_until(plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    let invariants = Invariants::of(&extender, NAMESPACE, &setting.edges).await.unwrap();

    for (fault, outcome) in FAULTS {
        println!("{fault:?}");
        // The API server alone, both, Prometheus alone, neither: in this order the flows have to become too old only once.
        for (way, fault, outcome) in [
            (&api, fault, "scored"),
            (&metrics, fault, outcome),
            (&api, Fault::Nothing, outcome),
            (&metrics, Fault::Nothing, "scored"),
        ] {
            way.set(fault);
            scale_until(plane, NAMESPACE, &extender, outcome, &mut frontends).await;
            invariants.hold(&extender).await.unwrap();
        }
        let pods = usize::try_from(frontends).unwrap() + 1;
        plane.wait_bound(NAMESPACE, pods, LIMIT).await.unwrap();
        assert_eq!(invariants.recovered(plane, &extender).await.unwrap(), pods);
    }
    let took = searches(&scheduler).await.unwrap();
    assert!(above(LONGEST, &took).unwrap() < 1.0, "a pod waited longer than for the extender: {took:?}");
    let (attempts, pods) = attempts_and_pods(&scheduler).await.unwrap();
    assert!((attempts - pods).abs() < 0.5, "{pods} pods took {attempts} attempts");
}
