//! The model of kube-scheduler decides as kube-scheduler does: seeded rollouts go through both, and each pod is compared.
//!
//! kube-scheduler logs in which order it took pods up, and the total score of every node that it compared. The model is
//! fed in that order, so that both decide about the same cluster. Among nodes of equal score the real one chooses at
//! random; so its choice must be one of the model's best, and the totals must be the same.

mod log;
mod replay;
mod shapes;

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, LIMIT, binaries};
use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use kube::Api;
use kube::api::{ListParams, ObjectList, PostParams};
use netmarks_scheduler_model::{self as model, Cluster, Owner, Workload};
use netmarks_test_cluster::{
    ControlPlane, ExtenderConfig, Options, PrometheusServer, Scheduler, SchedulerOptions, until,
};
use netmarks_test_traffic::{Edge, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};
use replay::{Comparison, Replay};
use serde_json::json;
use shapes::Shape;

/// Of a hundred pods so many must be where the model might have put them.
const AGREED: usize = 99;
const EXTENDER_WEIGHT: i64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_decides_as_kube_scheduler_does() {
    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    let scheduler = plane.start_scheduler(options(None)).await.unwrap();
    let mut all = Vec::new();
    for seed in [1, 2] {
        for shape in shapes::all(seed) {
            let namespace = shape.namespace.clone();
            let comparison = compare(&plane, &scheduler, shape).await.unwrap();
            comparison.report(&namespace);
            all.push((namespace, comparison));
        }
    }
    let nowhere = compare(&plane, &scheduler, shapes::nowhere()).await.unwrap();
    nowhere.report("nowhere");
    assert_eq!((nowhere.agreed, nowhere.same_totals), (nowhere.bound, nowhere.compared));
    // A reason of each filter but those of volumes.
    assert!(nowhere.same_reasons == nowhere.refused && nowhere.reasons.len() == 13, "{:?}", nowhere.reasons);
    for (namespace, comparison) in &all {
        judge(namespace, comparison);
        assert!(comparison.pending > 0 || !namespace.starts_with("tight"), "{namespace} was not tight");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_adds_an_extender_as_kube_scheduler_does() {
    let namespace = "extended";
    let rates = [("e0", "e1", 9_000_000.0), ("e1", "e2", 4_000_000.0), ("e3", "e0", 1_000_000.0)];
    let edges =
        rates.map(|(source, destination, rate)| Edge::new(namespace, source, destination, rate)).to_vec();
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let server = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await.unwrap();
    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    let extender = Extender::start(&plane, &prometheus, &[]).unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&edges).await.unwrap();
    let scheduler = plane.start_scheduler(options(Some(&extender))).await.unwrap();

    let apps = ["e0", "e1", "e2", "e3", "e4"];
    let deployments = apps.map(|app| {
        let requests = json!({"cpu": "300m", "memory": "200Mi"});
        shapes::deployment(app, 8, requests, json!({}))
    });
    let mut shape = shapes::shape(namespace, (0..8).map(shapes::node).collect(), deployments.to_vec());
    for deployment in &mut shape.deployments {
        deployment.metadata.namespace = Some(namespace.to_owned());
    }
    let comparison = compare(&plane, &scheduler, shape).await.unwrap();
    comparison.report(namespace);
    judge(namespace, &comparison);
    assert!(comparison.extended > 10, "the extender scored {} pods", comparison.extended);
}

fn options(extender: Option<&Extender>) -> SchedulerOptions {
    let extender = extender
        .map(|extender| ExtenderConfig { weight: EXTENDER_WEIGHT, ..ExtenderConfig::new(extender.url()) });
    SchedulerOptions {
        extender,
        percentage_of_nodes_to_score: Some(100),
        // From here on it logs the scores of each node.
        verbosity: 10,
        ..SchedulerOptions::default()
    }
}

fn judge(namespace: &str, comparison: &Comparison) {
    let Comparison { bound, agreed, compared, same_totals, .. } = comparison;
    assert!(agreed * 100 >= bound * AGREED, "{namespace}: {agreed} of {bound}");
    assert!(same_totals * 100 >= compared * AGREED, "{namespace}: {same_totals} of {compared}");
    assert_eq!(comparison.same_reasons, comparison.refused, "{namespace}");
    assert!(*bound >= 40 && *compared >= 35, "{namespace}: too little to compare");
}

/// Rolls a shape out with the real scheduler, and asks the model about each pod. Where there is room, half of the applications
/// then shrink and the others grow.
async fn compare(plane: &ControlPlane, scheduler: &Scheduler, shape: Shape) -> Result<Comparison> {
    let Shape { namespace, nodes, patches, services, mut deployments, one_by_one } = shape;
    let before = scheduler.log()?.len();
    plane.create_nodes(&nodes).await?;
    for (node, arguments) in &patches {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (verb, rest) = arguments.split_first().context("an empty command")?;
        plane.kubectl(&[&[*verb, "node", node.as_str()], rest].concat())?;
    }
    plane.create_namespace(&namespace).await?;
    let client = plane.client();
    let api: Api<Service> = Api::namespaced(client.clone(), &namespace);
    for service in &services {
        api.create(&PostParams::default(), service).await.context("failed to create a service")?;
    }
    let api: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    for (before, deployment) in deployments.iter().enumerate() {
        if one_by_one {
            let created = deployments.get(..before).unwrap_or_default();
            wait_decided(plane, &namespace, replicas(created)?).await?;
        }
        api.create(&PostParams::default(), deployment).await.context("failed to create a deployment")?;
    }
    let pods = wait_decided(plane, &namespace, replicas(&deployments)?).await?;
    let mut replay = Replay::new(cluster(plane, &namespace).await?, EXTENDER_WEIGHT);
    let log = scheduler.log()?;
    replay.step(&pods, &log::decisions(log.get(before..).context("a shorter log")?, &namespace))?;

    if replay.comparison().pending == 0 {
        scale(plane, &namespace, deployments.iter_mut().step_by(2), |_| 1).await?;
        wait_decided(plane, &namespace, replicas(&deployments)?).await?;
        let before = scheduler.log()?.len();
        scale(plane, &namespace, deployments.iter_mut().skip(1).step_by(2), |replicas| replicas + 3).await?;
        let pods = wait_decided(plane, &namespace, replicas(&deployments)?).await?;
        let log = scheduler.log()?;
        replay.step(&pods, &log::decisions(log.get(before..).context("a shorter log")?, &namespace))?;
    }

    plane.clear_namespace(&namespace, LIMIT).await?;
    for node in &nodes {
        plane.delete_node(&node.name).await?;
    }
    Ok(replay.into_comparison())
}

/// Changes how many replicas some Deployments have.
async fn scale(
    plane: &ControlPlane,
    namespace: &str,
    deployments: impl Iterator<Item = &mut Deployment>,
    change: impl Fn(i32) -> i32,
) -> Result<()> {
    for deployment in deployments {
        let replicas = change(deployment.spec.replicas.unwrap_or(1));
        deployment.spec.replicas = Some(replicas);
        let name = deployment.metadata.name.as_deref().unwrap_or_default();
        plane.scale_deployment(namespace, name, replicas).await?;
    }
    Ok(())
}

fn replicas(deployments: &[Deployment]) -> Result<usize> {
    let replicas: i32 = deployments.iter().map(|deployment| deployment.spec.replicas.unwrap_or(1)).sum();
    Ok(usize::try_from(replicas)?)
}

/// Waits until there are so many pods, and each is bound or was tried and found no place.
async fn wait_decided(plane: &ControlPlane, namespace: &str, expected: usize) -> Result<Vec<Pod>> {
    let api: Api<Pod> = Api::namespaced(plane.client().clone(), namespace);
    until(&format!("{expected} pods of {namespace} are decided about"), LIMIT, async || {
        let pods = api.list(&ListParams::default()).await?.items;
        let decided = pods.iter().filter(|pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
            let mut conditions = conditions.unwrap_or_default().iter();
            conditions.any(|condition| condition.type_ == "PodScheduled")
        });
        let decided = decided.count();
        ensure!(
            decided == expected && pods.len() == expected,
            "{decided} of {}, expected {expected}",
            pods.len()
        );
        Ok(Some(pods))
    })
    .await
}

/// The cluster without its pods.
async fn cluster(plane: &ControlPlane, namespace: &str) -> Result<Cluster> {
    let client = plane.client();
    let nodes: ObjectList<Node> = Api::all(client.clone()).list(&ListParams::default()).await?;
    let services: ObjectList<Service> =
        Api::namespaced(client.clone(), namespace).list(&ListParams::default()).await?;
    let sets: ObjectList<ReplicaSet> =
        Api::namespaced(client.clone(), namespace).list(&ListParams::default()).await?;
    let workload = |set: &ReplicaSet| Workload {
        namespace: namespace.to_owned(),
        owner: Owner {
            api_version: "apps/v1".to_owned(),
            kind: "ReplicaSet".to_owned(),
            name: set.metadata.name.clone().unwrap_or_default(),
        },
        selector: set.spec.selector.clone(),
    };
    Ok(Cluster::new(nodes.items.iter().map(model::Node::from).collect())
        .with_services(services.items.iter().map(model::Service::from).collect())
        .with_workloads(sets.items.iter().map(workload).collect()))
}
