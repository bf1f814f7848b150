//! The model of kube-scheduler decides as kube-scheduler does: seeded rollouts go through both, and each pod is compared.
//!
//! kube-scheduler logs in which order it took pods up, and the total score of every node that it compared. The model is
//! fed in that order, so that both decide about the same cluster. Among nodes of equal score the real one chooses at
//! random; so its choice must be one of the model's best, and the totals must be the same.

mod log;
mod shapes;

use std::collections::BTreeMap;

use crate::support::{LIMIT, binaries};
use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use kube::Api;
use kube::api::{ListParams, ObjectList, PostParams};
use netmarks_scheduler_model::{self as model, Cluster, Owner, Workload};
use netmarks_test_cluster::{ControlPlane, Options, Scheduler, SchedulerOptions, until};
use shapes::Shape;

/// Of a hundred pods so many must be where the model might have put them.
const AGREED: usize = 99;

/// What came of one shape.
#[derive(Debug, Default)]
struct Comparison {
    bound: usize,
    pending: usize,
    /// Pods whose node is one of the model's best.
    agreed: usize,
    /// Pods of which kube-scheduler compared several nodes.
    compared: usize,
    /// Those of them for which the totals of all nodes are the same.
    same_totals: usize,
    differences: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_decides_as_kube_scheduler_does() {
    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    let options = SchedulerOptions {
        percentage_of_nodes_to_score: Some(100),
        // From here on it logs the scores of each node.
        verbosity: 10,
        ..SchedulerOptions::default()
    };
    let scheduler = plane.start_scheduler(options).await.unwrap();
    let mut all = Vec::new();
    for seed in [1, 2] {
        for shape in shapes::all(seed) {
            let namespace = shape.namespace.clone();
            let comparison = compare(&plane, &scheduler, shape).await.unwrap();
            let Comparison { bound, pending, agreed, compared, same_totals, differences } = &comparison;
            eprintln!(
                "{namespace}: {agreed} of {bound} pods where the model might put them, {pending} pending; totals \
                 the same for {same_totals} of {compared}"
            );
            for difference in differences {
                eprintln!("  {difference}");
            }
            all.push((namespace, comparison));
        }
    }
    for (namespace, Comparison { bound, pending, agreed, compared, same_totals, .. }) in &all {
        assert!(agreed * 100 >= bound * AGREED, "{namespace}: {agreed} of {bound}");
        assert!(same_totals * 100 >= compared * AGREED, "{namespace}: {same_totals} of {compared}");
        assert!(*bound >= 30 && *compared > 0, "{namespace}: too little to compare");
        assert_eq!(*pending > 0, namespace.starts_with("tight"), "{namespace}: {pending} pending");
    }
}

/// Rolls a shape out with the real scheduler, and asks the model about each pod.
async fn compare(plane: &ControlPlane, scheduler: &Scheduler, shape: Shape) -> Result<Comparison> {
    let Shape { namespace, nodes, patches, services, deployments } = shape;
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
    let mut expected = 0;
    for deployment in &deployments {
        api.create(&PostParams::default(), deployment).await.context("failed to create a deployment")?;
        let replicas = deployment.spec.replicas.unwrap_or(1);
        expected += usize::try_from(replicas)?;
    }
    let pods = wait_decided(plane, &namespace, expected).await?;
    let decisions = log::decisions(&scheduler.log()?, &namespace);

    let listed: ObjectList<Node> = Api::all(client.clone()).list(&ListParams::default()).await?;
    let services: ObjectList<Service> =
        Api::namespaced(client.clone(), &namespace).list(&ListParams::default()).await?;
    let sets: ObjectList<ReplicaSet> =
        Api::namespaced(client.clone(), &namespace).list(&ListParams::default()).await?;
    let cluster = Cluster::new(listed.items.iter().map(model::Node::from).collect())
        .with_services(services.items.iter().map(model::Service::from).collect())
        .with_workloads(sets.items.iter().map(workload).collect());
    let comparison = replay(cluster, &pods, &decisions)?;

    plane.clear_namespace(&namespace, LIMIT).await?;
    for node in &nodes {
        plane.delete_node(&node.name).await?;
    }
    Ok(comparison)
}

/// Waits until each pod is bound, or was tried and found no place.
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
        ensure!(decided == expected, "{decided} of {expected}");
        Ok(Some(pods))
    })
    .await
}

fn workload(set: &ReplicaSet) -> Workload {
    Workload {
        namespace: set.metadata.namespace.clone().unwrap_or_default(),
        owner: Owner {
            api_version: "apps/v1".to_owned(),
            kind: "ReplicaSet".to_owned(),
            name: set.metadata.name.clone().unwrap_or_default(),
        },
        selector: set.spec.selector.clone(),
    }
}

/// Decides for each pod in the order in which kube-scheduler took them up, and places it where that put it.
fn replay(mut cluster: Cluster, pods: &[Pod], decisions: &[log::Decided]) -> Result<Comparison> {
    let pods: BTreeMap<String, model::Pod> = pods
        .iter()
        .map(|pod| model::Pod::from_api(pod, |_| None))
        .map(|pod| (format!("{}/{}", pod.namespace, pod.name), pod))
        .collect();
    let mut scheduler = model::Scheduler::new(model::SchedulerOptions {
        percentage_of_nodes_to_score: Some(100),
        keep_scores: true,
        ..model::SchedulerOptions::default()
    });
    let mut comparison = Comparison::default();
    for decided in decisions {
        let pod = pods.get(&decided.pod).with_context(|| format!("{} is gone", decided.pod))?;
        let template = cluster.template(pod);
        let decision = scheduler.decide(&cluster, template, None);
        let name = |node: &usize| cluster.nodes().get(*node).map_or("?", |node| node.name.as_str());
        let Some(node) = &pod.node_name else {
            comparison.pending += 1;
            ensure!(decision.candidates.is_empty(), "{} is pending and need not be", decided.pod);
            continue;
        };
        comparison.bound += 1;
        let best: Vec<&str> = decision.best.iter().map(name).collect();
        if best.contains(&node.as_str()) {
            comparison.agreed += 1;
        } else {
            comparison.differences.push(format!("{} went to {node}, expected {best:?}", decided.pod));
        }
        if !decided.totals.is_empty() {
            comparison.compared += 1;
            let totals = decision.candidates.iter().map(name).map(str::to_owned).zip(decision.totals.clone());
            let totals: BTreeMap<String, i64> = totals.collect();
            if totals == decided.totals {
                comparison.same_totals += 1;
            } else {
                let (scores, real) = (&decision.scores, &decided.totals);
                let difference = format!("{}: {totals:?} of {scores:?}, real {real:?}", decided.pod);
                comparison.differences.push(difference);
            }
        }
        let node = cluster.node_index(node).with_context(|| format!("{node} is gone"))?;
        cluster.place(template, node);
    }
    Ok(comparison)
}
