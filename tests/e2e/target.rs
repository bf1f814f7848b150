//! The target placement and a real kube-scheduler: ordinary rollouts of Deployments bring pods where the target has them.
#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]
#![allow(clippy::print_stderr, reason = "figures are for whoever reads the output of the test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, LIMIT, applications, binaries, roll_out};
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::{
    ControlPlane, ExtenderConfig, NodeSpec, Options, PlacedPod, PrometheusServer, SchedulerOptions, until,
};
use netmarks_test_traffic::{
    Edge, Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock,
};
use serde_json::{Value, json};

/// Of each Deployment.
const REPLICAS: i32 = 2;

/// What kube-scheduler's configuration gives the extender: a place of the target then counts more than all that kube-scheduler's own plugins
/// can say for another node.
const WEIGHT: i64 = 10;

/// So much (of 1) of the pods must be where the target has them after two rollouts, and so much of what it keeps on nodes must be kept.
const NEAR: f64 = 0.8;

/// The share (0 to 1) of all bytes that stay on a node when calls prefer pods there.
fn gained(edges: &[Edge], pods: &[PlacedPod]) -> f64 {
    let mut shares: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for pod in pods {
        *shares.entry(&pod.app).or_default().entry(&pod.node).or_default() += 1.0 / f64::from(REPLICAS);
    }
    let kept = |edge: &Edge| {
        let (Some(from), Some(to)) = (shares.get(&*edge.source), shares.get(&*edge.destination)) else {
            return 0.0;
        };
        let common = from.iter().map(|(node, share)| share.min(to.get(node).copied().unwrap_or(0.0)));
        edge.bytes_per_s * common.sum::<f64>()
    };
    edges.iter().map(kept).sum::<f64>() / edges.iter().map(|edge| edge.bytes_per_s).sum::<f64>()
}

/// Gives all Deployments a new revision, and waits until all pods are of it. Each old pod ends before a new one comes.
async fn roll_over(plane: &ControlPlane, namespace: &str, names: &[String], round: u32) -> Result<()> {
    let change = json!({"spec": {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "template": {"metadata": {"annotations": {"round": round.to_string()}}},
    }});
    let change = change.to_string();
    for name in names {
        let patch = ["patch", "deployment", name, "--type=merge", "--patch", &change];
        plane.kubectl(&[&["--namespace", namespace], &patch[..]].concat())?;
    }
    until(&format!("rollout {round} is over"), LIMIT, async || {
        let listed = plane.kubectl(&["--namespace", namespace, "get", "deployments", "-o", "json"])?;
        let listed: Value = serde_json::from_str(&listed)?;
        let deployments = listed["items"].as_array().context("no list")?;
        for Deployment { name, seen, status } in deployments.iter().map(Deployment::of) {
            let counts = ["replicas", "updatedReplicas", "availableReplicas"];
            let done = counts.iter().all(|count| status[*count] == REPLICAS);
            ensure!(seen && done, "{name}: {status}");
        }
        ensure!(deployments.len() == names.len(), "{} of {}", deployments.len(), names.len());
        Ok(Some(()))
    })
    .await
}

/// What the API server says of a Deployment.
struct Deployment<'a> {
    name: &'a Value,
    /// Whether its controller has seen the last change.
    seen: bool,
    status: &'a Value,
}

impl<'a> Deployment<'a> {
    fn of(object: &'a Value) -> Self {
        let (metadata, status) = (&object["metadata"], &object["status"]);
        let seen = status["observedGeneration"] == metadata["generation"];
        Self { name: &metadata["name"], seen, status }
    }
}

/// What the extender says of its target, once there is one and it is as wanted.
async fn report(extender: &Extender, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    until(what, LIMIT, async || {
        let report = extender.json("/v1/target").await?;
        ensure!(report["state"] == "ready" && wanted(&report), "{report}");
        Ok(Some(report))
    })
    .await
}

fn share(report: &Value, key: &str) -> Result<f64> {
    report[key].as_f64().with_context(|| format!("no {key} in {report}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rollouts_bring_pods_where_the_target_has_them() -> Result<()> {
    let edges = online_boutique()?;
    let (names, namespace) = (applications(&edges), edges[0].source_namespace.clone());
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let traffic = TrafficServer::start(Arc::new(mesh)).await?;
    let prometheus = PrometheusServer::start(&traffic.targets(), Duration::from_millis(500)).await?;
    let plane = ControlPlane::start(&binaries(), Options::default()).await?;
    // Seven pods fill a node, and all of them three nodes and a bit of another.
    let nodes = NodeSpec::numbered(6).into_iter().map(|node| node.with_capacity("1500m", "8Gi"));
    plane.create_nodes(&nodes.collect::<Vec<_>>()).await?;
    plane.create_namespace(&namespace).await?;
    // Spread over the nodes, before anybody asks the extender.
    let mut stock = plane.start_scheduler(SchedulerOptions::default()).await?;
    let pods = roll_out(&plane, &namespace, &names, REPLICAS, "200m").await?.len();
    let before = gained(&edges, &plane.wait_running(&namespace, pods, LIMIT).await?);
    stock.kill()?;

    // It looks at the cluster every quarter of a minute. No rollout changes how many pods there are, so the target stays.
    prometheus.wait_scraped(traffic.targets().len(), LIMIT).await?;
    let keys = [("NETMARKS_POLICY_BUILT_IN", "recommended"), ("NETMARKS_TARGET_EVERY_SECONDS", "15")];
    let extender = Extender::start(&plane, &prometheus, &keys)?;
    extender.wait_ready().await?;
    extender.wait_flows(&edges).await?;
    let first = report(&extender, "there is a target", |_| true).await?;
    ensure!(share(&first, "in_place")? < NEAR, "nothing to do: {first}");
    let scheduler = SchedulerOptions {
        name: "with-target".to_owned(),
        extender: Some(ExtenderConfig { weight: WEIGHT, ..ExtenderConfig::new(extender.url()) }),
        ..SchedulerOptions::default()
    };
    let _scheduler = plane.start_scheduler(scheduler).await?;
    for round in 1..=2 {
        roll_over(&plane, &namespace, &names, round).await?;
        let now = gained(&edges, &plane.wait_running(&namespace, pods, LIMIT).await?);
        eprintln!("after rollout {round}, {:.1}% of the bytes stay on nodes", now * 100.0);
    }

    let in_place = |report: &Value| report["in_place"].as_f64() >= Some(NEAR);
    let last = report(&extender, "most pods are where the target has them", in_place).await?;
    let after = gained(&edges, &plane.wait_running(&namespace, pods, LIMIT).await?);
    let (aimed, target) = (share(&first, "target")?, share(&last, "target")?);
    eprintln!(
        "{:.1}% of the bytes stayed on nodes and {:.1}% do, of {:.1}% that the target keeps there; {:.0}% of the pods are in place",
        before * 100.0,
        after * 100.0,
        target * 100.0,
        share(&last, "in_place")? * 100.0
    );
    ensure!(after > before, "{after} is not more than {before}");
    ensure!(after >= NEAR * target, "{after} is far from the target: {last}");
    // Pods came to the target, and not the target to the pods.
    ensure!(target >= 0.95 * aimed, "{first}, then {last}");
    Ok(())
}
