//! `netmarks plan --apply` beside a mesh whose requests begin to fail.

use std::sync::Arc;
use std::time::Duration;

use super::{Cluster, SHOP, WINDOW_SECONDS, ended, names};
use crate::support::LIMIT;
use netmarks_test_cluster::{PrometheusServer, until};
use netmarks_test_traffic::{Edge, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_fail_end_a_run_before_its_next_move() {
    let edges = vec![Edge::new(SHOP, "web", "cart", 4e6)];
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges, &Pods::default(), wall_clock());
    let mesh = Arc::new(mesh);
    let traffic = TrafficServer::start(mesh.clone()).await.unwrap();
    let prometheus = PrometheusServer::start(&traffic.targets(), Duration::from_millis(500)).await.unwrap();
    let cluster = Cluster::held(&[("cart", 3)]).await.unwrap();
    let _scheduler = cluster.schedule().await.unwrap();
    let pods = cluster.pods("cart").await.unwrap();
    let plan = cluster.plan("plan.json", &[(names(&pods)[0], "to"), (names(&pods)[1], "to")]).unwrap();
    until("requests are measured", LIMIT, async || {
        let rates = prometheus.query("sum(rate(istio_requests_total[5s]))").await?;
        Ok(rates.first().filter(|rate| rate.value > 0.0).map(|_| ()))
    })
    .await
    .unwrap();

    // Without a pause, the guard makes one of its own.
    let watching = ["--metrics-url", prometheus.url(), "--pause-seconds", "0", "--worse-seconds", "1"];
    let flags = [&["--yes"], &watching[..]].concat();
    let running = cluster.begin(&plan, &flags, "replaced").await.unwrap();
    mesh.fail("web", "cart", 0.1).unwrap();
    let stopped = ended(running).await.unwrap();
    assert_eq!((stopped.code, stopped.counts()), (Some(5), [1, 0, 0, 1]), "{stopped:?}");
    assert_eq!(stopped.report["stopped"]["reason"], "worse", "{stopped:?}");
    for says in [
        "before the first move, 0.00% of the requests fail",
        "no move begins: the share of errors is",
        "no further pod is evicted",
        "goes on",
    ] {
        assert!(stopped.said.contains(says), "{says}: {stopped:?}");
    }
    let journal = std::fs::read_to_string(format!("{plan}.journal")).unwrap();
    let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let replaced = lines.iter().position(|line| line["what"]["event"] == "replaced").unwrap();
    let at = |line: usize| lines[line]["at"].as_f64().unwrap();
    let waited = at(replaced + 1) - at(replaced);
    assert!(waited >= WINDOW_SECONDS, "rates have something of before the move after {waited} s: {journal}");
    let now = cluster.pods("cart").await.unwrap();
    assert!(now.contains_key(names(&pods)[1]) && !now.contains_key(names(&pods)[0]), "{now:?}");

    // Whoever does not mind goes on.
    let resumed = cluster.run(&plan, &["--yes", "--without-guard"]).unwrap();
    assert_eq!((resumed.code, resumed.counts()), (Some(0), [2, 0, 0, 0]), "{resumed:?}");
}
