//! What grows with the cluster and what does not: a request, a change of a pod, memory and a refresh, against nodes, pods and flows over
//! three decades.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use netmarks_core::application::{Application, Identity};
use netmarks_core::clock::unix_now;
use netmarks_extender::protocol::{decode, encode};
use netmarks_sources::kubernetes::fold::Change;
use netmarks_sources::kubernetes::watch::take_pods;
use netmarks_sources::prometheus::{MetricsConfig, Poller};

use crate::feed::Feed;
use crate::report::{Figure, Times};
use crate::synthetic::{PEERS, Random, Size, body, pod, scoring};

/// What each is measured at, while the other two stay as they are in the middle.
const NODES: [u32; 4] = [100, 1_000, 10_000, 100_000];
const PODS: [u32; 4] = [300, 3_000, 30_000, 300_000];
const FLOWS: [u32; 4] = [100, 1_000, 10_000, 100_000];
const MIDDLE: [u32; 3] = [1_000, 30_000, 10_000];

const APPLICATIONS: u32 = 500;

/// Names in a request: as many as the smallest cluster has nodes.
const CANDIDATES: u32 = 100;

/// What is measured at each size, in the order in which a child prints them.
const MEASURES: [(&str, &str); 4] =
    [("request", "us"), ("change of a pod", "us"), ("memory", "MB"), ("refresh", "ms")];

pub fn figures(quick: bool) -> Vec<Figure> {
    let axes = [("nodes", NODES), ("pods", PODS), ("flows", FLOWS)];
    let mut figures = Vec::new();
    for (axis, (name, counts)) in axes.into_iter().enumerate() {
        for count in &counts[..if quick { 2 } else { 4 }] {
            let mut size = MIDDLE;
            size[axis] = *count;
            for ((measure, unit), value) in MEASURES.into_iter().zip(of_child(size, quick)) {
                let name = format!("flat: {measure} by {name}, {count}");
                let [nodes, pods, flows] = size;
                let detail = format!("{nodes} nodes, {pods} pods, {flows} flows");
                figures.push(Figure { row: "flat", name, value, unit, detail });
            }
        }
    }
    figures
}

/// Each size in a process of its own, so that its memory is its own.
fn of_child(size: [u32; 3], quick: bool) -> Vec<f64> {
    let size = size.map(|count| count.to_string()).join(",");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--flat-point", &size]).args(quick.then_some("--quick"));
    let child = command.output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let text = String::from_utf8(child.stdout).unwrap();
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// In the child: prints what [`MEASURES`] names.
pub fn measure(nodes: u32, pods: u32, flows: u32, quick: bool) {
    let repetitions = if quick { 20 } else { 2_000 };
    let size = Size { nodes, pods, applications: APPLICATIONS, flows };
    let (state, scoring) = scoring(size);
    let [mut requests, mut changes, mut refreshes] = std::array::from_fn(|_| Times::default());
    let body = body(CANDIDATES);
    for _ in 0..repetitions {
        let started = Instant::now();
        let request = decode(&body, Identity::App.into()).unwrap();
        let answer = scoring.scorer.decide(&request.pod, &request.nodes);
        black_box(encode(&request.nodes, &answer.scores));
        requests.push(started.elapsed());
    }
    // Before a feed takes memory of its own.
    let resident = resident();
    let mut random = Random(7);
    for number in 0..repetitions {
        let peer = Application::new("bench", &format!("peer-{:02}", random.below(PEERS)));
        let bound = pod(1_000_000 + number, peer, random.below(nodes));
        let started = Instant::now();
        take_pods(&state, vec![Change::Apply(bound)]);
        changes.push(started.elapsed());
    }
    let feed = Feed::start(Size { nodes: 0, pods: 0, ..size });
    let config = MetricsConfig { url: feed.metrics_url().unwrap(), ..MetricsConfig::default() };
    let mut poller = Poller::new(config, Identity::App).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // The first asks for the past as well.
    runtime.block_on(poller.refresh(unix_now(), &state)).unwrap();
    for _ in 0..repetitions.min(20) {
        let started = Instant::now();
        runtime.block_on(poller.refresh(unix_now(), &state)).unwrap();
        refreshes.push(started.elapsed());
    }
    println!("{} {} {resident} {}", requests.p50(), changes.p50(), refreshes.p50() / 1e3);
}

/// MB of 2^20 bytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}
