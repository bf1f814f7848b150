//! Clusters and pods that nobody wrote down: seeded random ones, the edges of what may come, and large ones.
//!
//! One seed gives the same scenarios everywhere.

use fastrand::Rng;
use netmarks_core::facts::Resources;
use netmarks_core::request::PendingPod;
use netmarks_core::snapshot::Snapshot;

use crate::cluster::{Cluster, Node};
use crate::pod::Pod;

/// The application of the pod that waits.
const OWN: &str = "shop/own";

/// What a large scenario has: 20 peers of 50 pods each.
const LARGE_PEERS: usize = 20;
const LARGE_PODS: usize = 50;

/// One cluster, a pod that waits in it, and the nodes to choose from.
pub(crate) struct Scenario {
    /// For people, in reports.
    pub(crate) what: String,
    pub(crate) snapshot: Snapshot,
    pub(crate) pod: PendingPod,
    pub(crate) nodes: Vec<String>,
}

impl Scenario {
    fn new(what: impl Into<String>, cluster: &Cluster, pod: &Pod, nodes: Vec<String>) -> Self {
        let setting = cluster.setting();
        let snapshot = setting.index(None).snapshot();
        Self { what: what.into(), snapshot, pod: pod.pending(setting.snapshot.identity), nodes }
    }
}

/// The name of a node.
fn node(number: usize) -> String {
    format!("node-{number:04}")
}

fn nodes(count: usize) -> Vec<String> {
    (0..count).map(node).collect()
}

/// Some nodes with capacity, in three zones of two regions.
fn base(count: usize) -> Cluster {
    (0..count).fold(Cluster::default(), |cluster, number| {
        let zone = number % 3;
        let labels = Node::default().zone(&format!("zone-{zone}")).region(&format!("region-{}", zone / 2));
        cluster.node(&node(number), labels.cores(8.0).memory_bytes(32 << 30))
    })
}

fn own_pod() -> Pod {
    Pod::of(OWN).label("app", "own").cores(0.5).memory_bytes(256 << 20)
}

/// What is rare and must not surprise a policy.
pub(crate) fn edges() -> Vec<Scenario> {
    let peer = |cluster: Cluster, on: &[(&str, u32)], rate: f64| {
        cluster.pods("shop/peer", on).flow(OWN, "shop/peer", rate).flow("shop/peer", OWN, rate / 2.0)
    };
    let here: &[(&str, u32)] = &[("node-0000", 2), ("node-0002", 1)];
    let usual = peer(base(4), here, 1_000.0);
    let bare =
        (0..4).fold(Cluster::default(), |cluster, number| cluster.node(&node(number), Node::default()));
    let crowd = Resources { cpu_millicores: 64_000, memory_bytes: 512 << 30 };
    let each = Resources { cpu_millicores: 500, memory_bytes: 256 << 20 };
    let awaited = usual.clone().replicas("shop/peer", 9, each).replicas(OWN, 4, each);
    let aimed = awaited
        .clone()
        .target(OWN, &[("node-0001", 3), ("node-0002", 1)])
        .target("shop/peer", &[("node-0001", 6), ("node-0002", 3)]);
    let other = |name: &str| vec![name.to_owned()];
    vec![
        Scenario::new("one candidate", &usual, &own_pod(), nodes(1)),
        Scenario::new("one candidate without any pod", &usual, &own_pod(), other("node-0003")),
        Scenario::new("an application without peers", &base(4), &own_pod(), nodes(4)),
        Scenario::new("a pod of no application", &usual, &Pod::default(), nodes(4)),
        Scenario::new("an application that nobody knows", &usual, &Pod::of("shop/new"), nodes(4)),
        Scenario::new("peers without pods", &peer(base(4), &[], 1_000.0), &own_pod(), nodes(4)),
        Scenario::new("peers on no candidate", &usual, &own_pod(), vec![node(1), node(3)]),
        Scenario::new("candidates that the snapshot does not know", &usual, &own_pod(), other("new-node")),
        Scenario::new("a cluster of which nothing is known", &Cluster::default(), &own_pod(), nodes(3)),
        Scenario::new(
            "nodes without zone, region and capacity",
            &peer(bare, here, 1.0),
            &own_pod(),
            nodes(4),
        ),
        Scenario::new(
            "nodes that are more than full",
            &usual.clone().pods_requesting("shop/batch", here, crowd),
            &own_pod(),
            nodes(4),
        ),
        Scenario::new("pods that are still to come", &awaited, &own_pod(), nodes(4)),
        Scenario::new("a target placement", &aimed, &own_pod(), nodes(4)),
        Scenario::new("a target placement on no candidate", &aimed, &own_pod(), vec![node(0), node(3)]),
        Scenario::new("flows of no bytes", &peer(base(4), here, 0.0), &own_pod(), nodes(4)),
        Scenario::new("a petabyte per second", &peer(base(4), here, 1e15), &own_pod(), nodes(4)),
        Scenario::new("hardly a byte", &peer(base(4), here, 1e-9), &own_pod(), nodes(4)),
        Scenario::new(
            "an application that calls itself",
            &usual.pods(OWN, &[("node-0001", 3)]).flow(OWN, OWN, 500.0),
            &own_pod(),
            nodes(4),
        ),
    ]
}

/// A random one. Zones are in one region each; some nodes have neither.
pub(crate) fn random(seed: u64, number: u64) -> Scenario {
    let mut random = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number);
    let count = random.usize(1..=60);
    let zones = random.usize(1..=5);
    let mut cluster = Cluster::default();
    for number in 0..count {
        let mut labels = Node::default();
        if random.u8(..10) > 0 {
            let zone = random.usize(..zones);
            labels = labels.zone(&format!("zone-{zone}"));
            if random.u8(..10) > 0 {
                labels = labels.region(&format!("region-{}", zone % 2));
            }
        }
        if random.u8(..10) > 0 {
            labels = labels.cores(f64::from(random.u8(1..=64))).memory_bytes(random.u64(1..=256) << 30);
        }
        cluster = cluster.node(&node(number), labels);
    }
    let mut peers: Vec<String> = (0..random.usize(..12)).map(|peer| format!("shop/peer-{peer}")).collect();
    peers.push(OWN.to_owned());
    for peer in &peers {
        let pods = random.usize(..20);
        cluster = place(cluster, peer, count, pods, &mut random);
        // Traffic within the own application is one flow, below.
        for (from, to) in [(OWN, peer.as_str()), (peer, OWN)].into_iter().filter(|(from, to)| from != to) {
            if random.bool() {
                let rate = random.f64() * 10f64.powi(random.i32(-2..9));
                cluster = cluster.flow(from, to, rate);
            }
        }
    }
    if random.bool() {
        cluster = cluster.flow(OWN, OWN, random.f64() * 1e5);
    }
    let mut candidates = nodes(count);
    random.shuffle(&mut candidates);
    candidates.truncate(random.usize(1..=count));
    let mut pod = own_pod();
    if random.bool() {
        pod = pod.cores(random.f64() * 4.0).memory_bytes(random.u64(..8 << 30));
    }
    Scenario::new(format!("random scenario {number}"), &cluster, &pod, candidates)
}

/// So many nodes, all candidates, with 20 peers of 50 pods each and a few pods of the own application.
pub(crate) fn large(count: usize) -> Scenario {
    let mut random = Rng::with_seed(42);
    let mut cluster = place(base(count), OWN, count, 5, &mut random);
    for peer in 0..LARGE_PEERS {
        let name = format!("shop/peer-{peer:02}");
        cluster = place(cluster, &name, count, LARGE_PODS, &mut random)
            .flow(OWN, &name, random.f64() * 1e6)
            .flow(&name, OWN, random.f64() * 1e6);
    }
    Scenario::new(format!("{count} nodes"), &cluster, &own_pod(), nodes(count))
}

/// Pods of one application, each on a random node.
fn place(cluster: Cluster, application: &str, nodes: usize, pods: usize, random: &mut Rng) -> Cluster {
    let each = Resources { cpu_millicores: random.u64(..2_000), memory_bytes: random.u64(..1 << 30) };
    (0..pods).fold(cluster, |cluster, _| {
        cluster.pods_requesting(application, &[(&node(random.usize(..nodes)), 1)], each)
    })
}
