//! A cluster of any size, the same for one seed, built through the index that serves requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks::wiring::{self, Scoring};
use netmarks_core::application::Application;
use netmarks_core::facts::{NodeFacts, PodFacts, Resources};
use netmarks_core::flow::book::Flow;
use netmarks_core::index::Index;
use netmarks_policies::Compiling;
use netmarks_state::ClusterState;

#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub nodes: u32,
    pub pods: u32,
    pub applications: u32,
    pub flows: u32,
}

/// Target 6's size.
pub const LARGE: Size = Size { nodes: 5_000, pods: 150_000, applications: 2_000, flows: 20_000 };

/// A tenth of it.
pub const SMALL: Size = Size { nodes: 500, pods: 15_000, applications: 200, flows: 2_000 };

/// The application of the pod that is scored: 20 peers of 50 pods each.
pub const MEASURED: &str = "measured";
pub const PEERS: u32 = 20;
pub const PODS_PER_PEER: u32 = 50;

/// An application whose one peer has no pods until a benchmark binds one.
pub const WATCHED: &str = "watched";
pub const WATCHED_PEER: &str = "watched-peer";

/// SplitMix64: a fixed seed gives the same cluster everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((value ^ (value >> 31)) % u64::from(bound)) as u32
    }
}

pub fn node_name(node: u32) -> String {
    format!("node-{node:06}")
}

pub fn application(number: u32) -> Application {
    Application::new(&format!("team-{:02}", number % 40), &format!("service-{number:04}"))
}

pub fn pod(number: u32, application: Application, node: u32) -> PodFacts {
    PodFacts {
        key: format!("{}/{}-7d9f5b6c4d-{number:05}", application.namespace(), application.name()),
        application: Some(application),
        node: Some(node_name(node)),
        gone: false,
        requests: Resources { cpu_millicores: 100, memory_bytes: 128 << 20 },
        confined: false,
        revision: 0,
    }
}

/// All that a cluster has.
pub struct Synthetic {
    pub nodes: Vec<NodeFacts>,
    pub pods: Vec<PodFacts>,
    pub flows: Vec<Flow>,
}

impl Synthetic {
    /// A cluster of this size; where it has pods or flows, those of the measured application and the watched one are among them.
    pub fn new(size: Size) -> Self {
        let mut random = Random(42);
        let node = |node: u32| NodeFacts {
            name: node_name(node),
            zone: Some(format!("zone-{}", node % 3)),
            region: Some("region-a".to_owned()),
            allocatable: Resources { cpu_millicores: 32_000, memory_bytes: 128 << 30 },
            ..NodeFacts::default()
        };
        let numbers = 0..size.pods;
        let mut pods: Vec<PodFacts> = numbers
            .map(|number| pod(number, application(number % size.applications), random.below(size.nodes)))
            .collect();
        let measured = Application::new("bench", MEASURED);
        let mut flows: BTreeMap<(Application, Application), f64> = BTreeMap::new();
        for peer in 0..PEERS {
            let peer = Application::new("bench", &format!("peer-{peer:02}"));
            for number in 0..if size.pods > 0 { PODS_PER_PEER } else { 0 } {
                pods.push(pod(number, peer.clone(), random.below(size.nodes)));
            }
            flows.insert((measured.clone(), peer.clone()), f64::from(1 + random.below(1_000_000)));
            flows.insert((peer, measured.clone()), f64::from(1 + random.below(1_000_000)));
        }
        flows.insert((Application::new("bench", WATCHED), Application::new("bench", WATCHED_PEER)), 1_000.0);
        while flows.len() < size.flows as usize {
            let edge =
                (application(random.below(size.applications)), application(random.below(size.applications)));
            flows.insert(edge, f64::from(1 + random.below(1_000_000)));
        }
        let flow = |((source, destination), bytes_per_second)| Flow { source, destination, bytes_per_second };
        let flows = flows.into_iter().map(flow).take(size.flows as usize).collect();
        Self { nodes: (0..size.nodes).map(node).collect(), pods, flows }
    }
}

/// The cluster in the index.
pub fn index(size: Size) -> Index {
    let Synthetic { nodes, pods, flows } = Synthetic::new(size);
    let mut index = Index::default();
    nodes.iter().for_each(|node| index.apply_node(node));
    pods.iter().for_each(|pod| index.apply_pod(pod));
    index.replace_flows(1.0, flows);
    index
}

/// Waits for every answer, so that a machine that is busy with other things makes it slower and not empty.
pub fn be_patient(config: &mut Config) {
    config.policy.limits.deadline_ms = 10_000;
    config.server.request_timeout_ms = 30_000;
}

/// The cluster as a serving extender holds it.
pub fn scoring(size: Size) -> (Arc<ClusterState>, Scoring) {
    let state = Arc::new(ClusterState::fixed(index(size)));
    let mut config = Config::default();
    be_patient(&mut config);
    // What was just answered must not change what is measured next.
    config.scoring.assume_seconds = 0.0;
    // Dropped with its runtime: nothing that is measured here changes policies.
    let (runtime, mut tasks) = (tokio::runtime::Runtime::new().unwrap(), Tasks::default());
    let engine = wiring::engine(&config).unwrap();
    let scoring = wiring::scoring(engine, &config, state.clone(), Compiling::Here, &mut tasks);
    (state, runtime.block_on(scoring).unwrap())
}

/// A body as kube-scheduler 1.36 sends it (captured from one), for a pod of `MEASURED` and these candidates.
pub fn body(candidates: u32) -> Vec<u8> {
    body_of(MEASURED, candidates)
}

/// The same for a pod of another application.
pub fn body_of(application: &str, candidates: u32) -> Vec<u8> {
    // Changed as text: the order of the keys is part of what kube-scheduler sends.
    let captured =
        include_str!("../../../../tests/e2e/captures/prioritize-request-kube-scheduler-1.36.3.json");
    let (head, _) = captured.split_once(r#""NodeNames":["#).unwrap();
    let head = head
        .replace(r#""namespace":"default""#, r#""namespace":"bench""#)
        .replace(r#""app":"web""#, &format!(r#""app":"{application}""#));
    let names: Vec<String> = (0..candidates).map(|node| format!("\"{}\"", node_name(node))).collect();
    format!(r#"{head}"NodeNames":[{}]}}"#, names.join(",")).into_bytes()
}
