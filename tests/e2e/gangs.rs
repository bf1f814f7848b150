//! Pod groups: a real kube-scheduler with gang scheduling asks member by member in one cycle, before any is bound.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, binaries};
use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::pinned_kind;
use netmarks_test_cluster::{
    ControlPlane, DeploymentSpec, ExtenderConfig, GANGS, NodeSpec, Options, PrometheusServer,
    SchedulerOptions,
};
use netmarks_test_traffic::{Edge, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};
use serde_json::{Value, json};

/// A thousand pods on two busy cores.
const LIMIT: Duration = Duration::from_secs(300);

/// More members between the first and the last than are assumed at once without a group.
const MEMBERS: usize = 1_100;

/// Far less than the cycle of a group with so many members takes.
const ASSUME_SECONDS: f64 = 1.0;

/// Creates an object whose kind the client may not know.
async fn create(plane: &ControlPlane, namespace: Option<&str>, object: Value) -> Result<()> {
    let text = |key: &str| object[key].as_str().with_context(|| format!("no {key}"));
    let (group, version) = text("apiVersion")?.split_once('/').unwrap_or(("", text("apiVersion")?));
    let kind = GroupVersionKind::gvk(group, version, text("kind")?);
    let (resource, _) = pinned_kind(plane.client(), &kind).await?;
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(plane.client().clone(), namespace, &resource),
        None => Api::all_with(plane.client().clone(), &resource),
    };
    api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

/// In which order kube-scheduler takes the members of a group.
async fn priorities(plane: &ControlPlane) -> Result<()> {
    for (name, value) in [("first", 100), ("last", -100)] {
        let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
            "value": value, "preemptionPolicy": "Never"});
        create(plane, None, class).await?;
    }
    Ok(())
}

/// A member of the group `gang` with the label `app`.
fn pod(name: &str, app: &str, class: &str) -> Result<k8s_openapi::api::core::v1::Pod> {
    let pod = json!({
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {
            "schedulingGroup": {"podGroupName": "gang"},
            "priorityClassName": class,
            "containers": [{"name": app, "image": "none.invalid/none"}],
        },
    });
    serde_json::from_value(pod).map_err(Into::into)
}

/// A database that runs, and then a group: a cache that talks to it, `workers` that do, too, and a website that talks to the cache alone.
async fn deploy(plane: &ControlPlane, extender: &Extender, namespace: &str, workers: usize) -> Result<()> {
    plane.create_namespace(namespace).await?;
    plane.create_deployment(&DeploymentSpec::new(namespace, "database", 1)).await?;
    plane.wait_bound(namespace, 1, LIMIT).await?;
    extender.wait_pods(namespace, 1).await?;
    let group = json!({"apiVersion": "scheduling.k8s.io/v1alpha2", "kind": "PodGroup", "metadata": {"name": "gang"},
        "spec": {"schedulingPolicy": {"gang": {"minCount": workers + 2}}}});
    create(plane, Some(namespace), group).await?;
    let mut pods = vec![pod("cache", "cache", "first")?, pod("website", "website", "last")?];
    for position in 0..workers {
        pods.push(pod(&format!("worker-{position}"), "worker", "")?);
    }
    let api: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(plane.client().clone(), namespace);
    let create = |pod| {
        let api = &api;
        async move { api.create(&PostParams::default(), &pod).await.map(drop) }
    };
    stream::iter(pods).map(create).buffer_unordered(16).try_collect::<()>().await?;
    plane.wait_bound(namespace, workers + 3, LIMIT).await.map(drop)
}

/// What was answered for a pod the last time: a group for which not all members were at hand is tried again.
async fn decision(extender: &Extender, pod: &str) -> Result<Value> {
    let decisions = extender.json("/v1/decisions?limit=4000").await?;
    let decisions = decisions.as_array().context("no decisions")?;
    let of_pod = decisions.iter().filter(|decision| decision["pod"] == pod);
    let last = of_pod.max_by(|left, right| left["at"].as_f64().partial_cmp(&right["at"].as_f64()).unwrap());
    last.cloned().with_context(|| format!("{pod} was not asked about"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_member_of_a_large_group_finds_the_first() {
    let mut edges = Vec::new();
    for namespace in ["large", "unremembered"] {
        edges.push(Edge::new(namespace, "website", "cache", 2_000_000.0));
        edges.push(Edge::new(namespace, "cache", "database", 2_000_000.0));
        edges.push(Edge::new(namespace, "worker", "database", 500_000.0));
    }
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let server = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await.unwrap();
    let options = Options { gangs: true, ..Options::default() };
    let plane = ControlPlane::start(&binaries(), options).await.unwrap();
    let mut nodes = NodeSpec::numbered(4);
    nodes.iter_mut().for_each(|node| node.pods = 5_000);
    plane.create_nodes(&nodes).await.unwrap();
    priorities(&plane).await.unwrap();

    let seconds = ASSUME_SECONDS.to_string();
    let keys = [("NETMARKS_SCORING_ASSUME_SECONDS", &*seconds), ("NETMARKS_SCORING_DECISIONS", "4000")];
    let extender = Extender::start(&plane, &prometheus, &keys).unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&edges).await.unwrap();
    let scheduler = |name: &str, extender: &Extender| SchedulerOptions {
        name: name.to_owned(),
        extender: Some(ExtenderConfig { weight: 2, ..ExtenderConfig::new(extender.url()) }),
        arguments: vec![GANGS.to_owned()],
        ..SchedulerOptions::default()
    };
    let running = plane.start_scheduler(scheduler("with-memory", &extender)).await.unwrap();
    deploy(&plane, &extender, "large", MEMBERS).await.unwrap();
    let (first, last) = (
        decision(&extender, "large/cache").await.unwrap(),
        decision(&extender, "large/website").await.unwrap(),
    );
    let between = last["at"].as_f64().unwrap() - first["at"].as_f64().unwrap();
    eprintln!("a group of {} members: {between:.1} s from the first answer to the last", MEMBERS + 2);
    assert!(between > ASSUME_SECONDS, "the cycle was too short to show anything: {between} s");
    assert_eq!(last["nodes"][0]["peers"][0]["application"], "large/cache", "{last}");
    let node = |app: &'static str| {
        let plane = &plane;
        async move {
            let pods = plane.placement("large").await.unwrap();
            pods.into_iter().find(|pod| pod.app == app).unwrap().node
        }
    };
    assert_eq!(node("website").await, node("cache").await);
    drop(running);

    // The same without the memory: nobody of the group is bound while it is asked about, so there is nothing to score by.
    let keys = [("NETMARKS_SCORING_ASSUME_SECONDS", "0"), ("NETMARKS_SCORING_DECISIONS", "4000")];
    let without = Extender::start(&plane, &prometheus, &keys).unwrap();
    without.wait_ready().await.unwrap();
    without.wait_flows(&edges).await.unwrap();
    let _running = plane.start_scheduler(scheduler("without-memory", &without)).await.unwrap();
    deploy(&plane, &without, "unremembered", 10).await.unwrap();
    let last = decision(&without, "unremembered/website").await.unwrap();
    assert_eq!(last["empty"], "no-preference", "{last}");
}
