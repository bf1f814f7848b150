//! Row 13: a review of the API server, from its body to the answer: decode, filter all nodes, score them, grade, write the patch. HTTP and TLS
//! are not in it, nor is what is remembered of a review.

use std::hint::black_box;
use std::time::Instant;

use netmarks::config::Config;
use netmarks_admission::{Model, Outcome, review};
use netmarks_core::facts::Resources;
use netmarks_core::index::Index;
use netmarks_scheduler_model::{LiveCluster, Node, Pod, ResourceList};
use serde_json::{Value, json};

use crate::report::{Figure, Times};
use crate::synthetic::{MEASURED, Size, index, scoring};

pub fn figures(size: Size, repetitions: usize) -> Vec<Figure> {
    let of = |share: u32| Size { nodes: size.nodes / share, pods: size.pods / share, ..size };
    let mut figures: Vec<Figure> =
        [10, 5, 2, 1].into_iter().flat_map(|share| reviews(of(share), repetitions, false)).collect();
    figures.extend(reviews(size, repetitions, true));
    figures
}

/// With `each_new`, no two pods are alike, so that each is compiled first; without, there is also a point of the drawing of what grows.
fn reviews(size: Size, repetitions: usize, each_new: bool) -> Vec<Figure> {
    let (_state, scoring) = scoring(size);
    let admission = scoring.admission(&Config::default(), Model::new(model(&index(size))));
    let mut times = Times::default();
    let mut terms = 0;
    let began = Instant::now();
    for number in 0..repetitions {
        let body = body(if each_new { number } else { 0 });
        let started = Instant::now();
        let review = review::decode(&body).unwrap();
        let decided = admission.decide(&review);
        black_box(review::allow_with(&review.uid, &decided.patch));
        times.push(started.elapsed());
        assert_eq!(decided.outcome, Outcome::Patched);
        terms += decided.terms.len();
    }
    let rate = repetitions as f64 / began.elapsed().as_secs_f64();
    let what = if each_new { "no two pods alike" } else { "one workload" };
    let name = |figure: &str| format!("review at {} nodes, {what}, {figure}", size.nodes);
    let detail = format!("p50 {:.2}; {} terms", times.p50() / 1_000.0, terms / repetitions);
    let mut figures = vec![
        Figure { row: "13", name: name("p99"), value: times.p99() / 1_000.0, unit: "ms", detail },
        Figure {
            row: "13",
            name: name("rate on one core"),
            value: rate,
            unit: "/s",
            detail: format!("{} pods", size.pods),
        },
    ];
    if !each_new {
        figures.push(Figure {
            row: "13",
            name: format!("flat: review by nodes, {}", size.nodes),
            value: times.p50() / 1_000.0,
            unit: "ms",
            detail: format!("{} pods", size.pods),
        });
    }
    figures
}

/// The same nodes and pods, as the scheduler's model takes them.
fn model(index: &Index) -> LiveCluster {
    let nodes = index.nodes().map(|facts| {
        let labels = [
            ("kubernetes.io/hostname", Some(facts.name.clone())),
            ("topology.kubernetes.io/zone", facts.zone),
            ("topology.kubernetes.io/region", facts.region),
        ];
        let labels = labels.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let Resources { cpu_millicores, memory_bytes } = facts.allocatable;
        Node {
            labels: labels.collect(),
            allocatable: ResourceList { pods: 110, ..ResourceList::new(cpu_millicores, memory_bytes) },
            name: facts.name,
            ..Node::default()
        }
    });
    let pods = index.pods().map(|facts| {
        let (namespace, name) = facts.key.split_once('/').unwrap();
        let app = facts.application.map_or("none", |application| application.name());
        let mut pod = Pod {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: [("app".to_owned(), app.to_owned())].into(),
            node_name: facts.node.map(str::to_owned),
            ..Pod::default()
        };
        pod.scheduling.requests =
            ResourceList::new(facts.requests.cpu_millicores, facts.requests.memory_bytes);
        pod
    });
    LiveCluster::fixed(nodes, pods)
}

/// As a ReplicaSet creates a pod of the measured application.
fn body(workload: usize) -> Vec<u8> {
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "m-5d9c", "uid": "rs", "controller": true});
    let metadata = json!({
        "generateName": "m-5d9c-", "ownerReferences": [owner],
        "labels": {"app": MEASURED, "workload": workload.to_string()},
    });
    let containers = json!([{"name": "c", "image": "none", "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}]);
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let object: Value = json!({"metadata": metadata, "spec": {"containers": containers}});
    let request =
        json!({"uid": "u-1", "kind": kind, "namespace": "bench", "operation": "CREATE", "object": object});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    review.to_string().into_bytes()
}
