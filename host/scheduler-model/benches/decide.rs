//! How long it takes to place 50,000 pods on 5,000 nodes: `cargo bench -p netmarks-scheduler-model`.
//!
//! A thousand workloads, in three zones; each fourth is spread by constraints, and each fifth attracts or keeps away from
//! itself. With the search as kube-scheduler does it by default, 500 nodes are compared for each pod.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench speaks, and fails by panicking"
)]

use std::time::Instant;

use netmarks_scheduler_model::{Cluster, Node, Pod, ResourceList, Scheduler, SchedulerOptions, Service};
use serde_json::{Value, json};

const NODES: usize = 5_000;
const WORKLOADS: usize = 1_000;
const PODS_EACH: usize = 50;
const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

fn node(index: usize) -> Node {
    let name = format!("node-{index}");
    let zone = ["a", "b", "c"][index % 3];
    let labels = [(ZONE, zone), (HOST, name.as_str())];
    Node {
        labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        name,
        allocatable: ResourceList { pods: 110, ..ResourceList::new(16_000, 64 << 30) },
        ..Node::default()
    }
}

fn pod(index: usize) -> Pod {
    let app = format!("app-{index}");
    let selector = json!({"matchLabels": {"app": app}});
    let constraint = |key: &str, when: &str| json!({"topologyKey": key, "maxSkew": 2, "whenUnsatisfiable": when, "labelSelector": selector});
    let term = json!({"weight": 50, "podAffinityTerm": {"topologyKey": HOST, "labelSelector": selector}});
    let preferred = json!({"preferredDuringSchedulingIgnoredDuringExecution": [term]});
    let mut pod = json!({
        "namespace": format!("team-{}", index % 20),
        "name": app,
        "labels": {"app": app},
        "requests": {"cpu": format!("{}m", 100 + index % 7 * 100), "memory": "512Mi"},
    });
    if index.is_multiple_of(4) {
        pod["topologySpreadConstraints"] =
            json!([constraint(ZONE, "DoNotSchedule"), constraint(HOST, "ScheduleAnyway")]);
    }
    match index % 10 {
        1 => pod["affinity"] = json!({"podAffinity": preferred}),
        2 => pod["affinity"] = json!({"podAntiAffinity": preferred}),
        _ => {}
    }
    serde_json::from_value::<Pod>(pod).unwrap()
}

fn service(pod: &Pod) -> Service {
    Service { namespace: pod.namespace.clone(), name: pod.name.clone(), selector: pod.labels.clone() }
}

fn run(what: &str, percentage_of_nodes_to_score: Option<u32>, pods_each: usize) {
    let start = Instant::now();
    let pods: Vec<Pod> = (0..WORKLOADS).map(pod).collect();
    let mut cluster =
        Cluster::new((0..NODES).map(node).collect()).with_services(pods.iter().map(service).collect());
    let options = SchedulerOptions { percentage_of_nodes_to_score, ..SchedulerOptions::default() };
    let mut scheduler = Scheduler::new(options);
    let (mut placed, mut compared) = (0_usize, 0_usize);
    for turn in 0..pods_each {
        for pod in &pods {
            let template = cluster.template(pod);
            let decision = scheduler.decide(&cluster, template, None);
            compared += decision.candidates.len();
            let best = decision.best.get((placed + turn) % decision.best.len().max(1));
            if let Some(node) = best {
                cluster.place(template, *node);
                placed += 1;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let report: Value = json!({
        "what": what,
        "nodes": NODES,
        "placed": placed,
        "comparedEach": compared / (WORKLOADS * pods_each),
        "seconds": (seconds * 100.0).round() / 100.0,
        "microsecondsEach": (seconds * 1e6 / (WORKLOADS * pods_each) as f64).round(),
    });
    println!("{report}");
}

fn main() {
    run("the search as by default", None, PODS_EACH);
    run("all nodes compared", Some(100), PODS_EACH / 10);
}
