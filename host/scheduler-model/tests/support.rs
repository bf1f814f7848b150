//! Short ways to nodes and pods.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]

use std::collections::BTreeMap;

use netmarks_scheduler_model::{Cluster, Node, Plugin, Pod, ResourceList, Scheduler, SchedulerOptions};
use serde_json::{Value, json};

pub const ZONE: &str = "topology.kubernetes.io/zone";
pub const HOST: &str = "kubernetes.io/hostname";

pub fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// With 4 cores, 8 GiB and room for 10 pods.
pub fn node(name: &str, pairs: &[(&str, &str)]) -> Node {
    let mut node = Node { name: name.to_owned(), labels: labels(pairs), ..Node::default() };
    node.labels.insert(HOST.to_owned(), name.to_owned());
    node.allocatable = ResourceList { pods: 10, ..ResourceList::new(4_000, 8 << 30) };
    node
}

/// Two nodes in each of these zones, named after it.
pub fn zones(zones: &[&str]) -> Vec<Node> {
    zones
        .iter()
        .flat_map(|zone| {
            [node(&format!("{zone}0"), &[(ZONE, zone)]), node(&format!("{zone}1"), &[(ZONE, zone)])]
        })
        .collect()
}

/// A pod of `shop` that requests nothing, with these fields as Kubernetes writes them.
#[allow(clippy::needless_pass_by_value, reason = "callers write the fields in place")]
pub fn pod(app: &str, fields: Value) -> Pod {
    let mut object = json!({"namespace": "shop", "name": app, "labels": {"app": app}});
    for (name, value) in fields.as_object().unwrap() {
        object[name] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

pub fn app(app: &str) -> Value {
    json!({"matchLabels": {"app": app}})
}

/// Puts a pod on a node by its name.
pub fn place(cluster: &mut Cluster, pod: &Pod, node: &str) {
    let template = cluster.template(pod);
    let node = cluster.node_index(node).unwrap();
    cluster.place(template, node);
}

/// Names of the nodes that a pod could run on, and the reasons of the others.
pub fn feasible(cluster: &mut Cluster, pod: &Pod) -> (Vec<String>, BTreeMap<String, String>) {
    let template = cluster.template(pod);
    let feasibility = cluster.feasible(template);
    let name = |node: usize| cluster.nodes()[node].name.clone();
    for node in &feasibility.nodes {
        assert_eq!(cluster.could_run(template, *node), Ok(()));
    }
    for (node, reason) in &feasibility.others {
        assert_eq!(cluster.could_run(template, *node), Err(reason.clone()));
    }
    let nodes = feasibility.nodes.iter().map(|node| name(*node)).collect();
    (nodes, feasibility.others.iter().map(|(node, reason)| (name(*node), reason.to_string())).collect())
}

/// The scores of a plugin by node.
pub fn scores(cluster: &mut Cluster, pod: &Pod, plugin: Plugin) -> BTreeMap<String, i64> {
    let template = cluster.template(pod);
    let options = SchedulerOptions { keep_scores: true, ..SchedulerOptions::default() };
    let decision = Scheduler::new(options).decide(cluster, template, None);
    let of_plugin = decision.scores.iter().find(|scores| scores.plugin == plugin).unwrap();
    let names = decision.candidates.iter().map(|node| cluster.nodes()[*node].name.clone());
    names.zip(of_plugin.scores.iter().copied()).collect()
}

pub fn by_name(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
    pairs.iter().map(|(name, score)| ((*name).to_owned(), *score)).collect()
}
