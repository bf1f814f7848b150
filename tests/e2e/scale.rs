//! A Deployment of 200 replicas over 50 nodes spreads and packs as the documentation predicts, and what is drained lands next
//! to its peers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, LIMIT, binaries};
use anyhow::{Result, ensure};
use netmarks_test_cluster::{
    ControlPlane, DeploymentSpec, ExtenderConfig, NodeSpec, Options, PlacedPod, PrometheusServer, Scheduler,
    SchedulerOptions, until,
};
use netmarks_test_traffic::{Edge, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};

const NODES: usize = 50;
const REPLICAS: usize = 200;
/// Replicas of the peer, each on a node of its own.
const PEERS: usize = 10;
/// How many replicas fit on a node: of 4 cores, 0.5 each.
const FIT: usize = 8;

/// A cluster, and an extender that knows that `web` talks to `store`.
struct Setting {
    plane: ControlPlane,
    extender: Extender,
    _prometheus: PrometheusServer,
    _mesh: TrafficServer,
}

impl Setting {
    async fn start(nodes: &[NodeSpec]) -> Result<Self> {
        let edges = vec![Edge::new("shop", "web", "store", 1_000_000.0)];
        let mesh =
            Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
        let server = TrafficServer::start(Arc::new(mesh)).await?;
        let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await?;
        let plane = ControlPlane::start(&binaries(), Options::default()).await?;
        plane.create_nodes(nodes).await?;
        plane.create_namespace("shop").await?;
        let extender = Extender::start(&plane, &prometheus, &[])?;
        extender.wait_ready().await?;
        extender.wait_flows(&edges).await?;
        Ok(Self { plane, extender, _prometheus: prometheus, _mesh: server })
    }

    /// kube-scheduler with this weight of the extender, or without one.
    async fn scheduler(&self, weight: Option<i64>) -> Result<Scheduler> {
        let extender =
            weight.map(|weight| ExtenderConfig { weight, ..ExtenderConfig::new(self.extender.url()) });
        let name = format!("weight-{}", weight.unwrap_or_default());
        self.plane.start_scheduler(SchedulerOptions { name, extender, ..SchedulerOptions::default() }).await
    }
}

/// How many pods of an application each node has.
fn counts(pods: &[PlacedPod], app: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for pod in pods.iter().filter(|pod| pod.app == app) {
        *counts.entry(pod.node.clone()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_replicas_spread_and_pack_as_predicted() {
    let nodes: Vec<NodeSpec> =
        NodeSpec::numbered(NODES).into_iter().map(|node| node.with_capacity("4050m", "32Gi")).collect();
    let setting = Setting::start(&nodes).await.unwrap();
    let plane = &setting.plane;
    let mut stock = setting.scheduler(None).await.unwrap();
    let store =
        DeploymentSpec::new("shop", "store", i32::try_from(PEERS).unwrap()).with_requests("50m", "16Mi");
    plane.create_deployment(&store).await.unwrap();
    let peers = plane.wait_bound("shop", PEERS, LIMIT).await.unwrap();
    let beside: BTreeSet<String> = peers.iter().map(|pod| pod.node.clone()).collect();
    assert_eq!(beside.len(), PEERS, "the scheduler gives each replica of the peer a node of its own");
    setting.extender.wait_pods("shop", PEERS).await.unwrap();
    stock.kill().unwrap();

    for weight in [None, Some(1), Some(2), Some(10)] {
        let _scheduler = setting.scheduler(weight).await.unwrap();
        let web = DeploymentSpec::new("shop", "web", i32::try_from(REPLICAS).unwrap())
            .with_requests("500m", "16Mi");
        plane.create_deployment(&web).await.unwrap();
        let pods = plane.wait_bound("shop", PEERS + REPLICAS, LIMIT).await.unwrap();
        let counts = counts(&pods, "web");
        let of = |node: &str| counts.get(node).copied().unwrap_or(0);
        let (mut near, mut far): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for NodeSpec { name, .. } in &nodes {
            if beside.contains(name) { near.push(of(name)) } else { far.push(of(name)) }
        }
        near.sort_unstable();
        far.sort_unstable();
        eprintln!("weight {weight:?}: {near:?} beside a peer, elsewhere {far:?}");
        let (even, rest) = (REPLICAS / NODES, (REPLICAS - PEERS * FIT) / (NODES - PEERS));
        match weight {
            // Left alone, the scheduler spreads: as many everywhere.
            None => assert_eq!((near, far), (vec![even; PEERS], vec![even; NODES - PEERS])),
            // Traffic and spreading find a balance: more beside each peer than anywhere else, and no node is full.
            Some(1) => {
                let (fewest, most) = (near.first().unwrap(), near.last().unwrap());
                assert!(fewest > far.last().unwrap() && *most < FIT, "{near:?} {far:?}");
                assert!(far.last().unwrap() - far.first().unwrap() <= 1, "the rest is spread: {far:?}");
            }
            // The best node's 200 points beat what the other plugins differ by: full beside each peer, then spread.
            Some(_) => assert_eq!((near, far), (vec![FIT; PEERS], vec![rest; NODES - PEERS])),
        }
        plane.scale_deployment("shop", "web", 0).await.unwrap();
        plane.wait_bound("shop", PEERS, LIMIT).await.unwrap();
        let delete = ["delete", "deployment", "web", "--cascade=foreground", "--timeout=90s"];
        plane.kubectl(&[&["-n", "shop"], &delete[..]].concat()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_drained_lands_next_to_its_peers() {
    let setting = Setting::start(&NodeSpec::numbered(6)).await.unwrap();
    let plane = &setting.plane;
    let _scheduler = setting.scheduler(Some(3)).await.unwrap();
    plane
        .create_deployment(&DeploymentSpec::new("shop", "store", 2).with_requests("100m", "16Mi"))
        .await
        .unwrap();
    let stores = plane.wait_running("shop", 2, LIMIT).await.unwrap();
    let homes: BTreeSet<String> = stores.iter().map(|pod| pod.node.clone()).collect();
    assert_eq!(homes.len(), 2);
    setting.extender.wait_pods("shop", 2).await.unwrap();
    plane
        .create_deployment(&DeploymentSpec::new("shop", "web", 8).with_requests("100m", "16Mi"))
        .await
        .unwrap();
    let pods = plane.wait_running("shop", 10, LIMIT).await.unwrap();
    let web = counts(&pods, "web");
    assert!(web.keys().all(|node| homes.contains(node)) && web.len() == 2, "{web:?} beside {homes:?}");
    setting.extender.wait_pods("shop", 10).await.unwrap();

    let drained = homes.first().unwrap();
    let stays = homes.last().unwrap();
    let output = plane.kubectl_command().args(["drain", drained, "--timeout=60s"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    until("every pod is beside its peers", LIMIT, async || {
        let pods = plane.placement("shop").await?;
        ensure!(pods.len() == 10, "{} of 10", pods.len());
        let nodes: BTreeSet<&String> = pods.iter().map(|pod| &pod.node).collect();
        ensure!(nodes == BTreeSet::from([stays]), "{pods:?}");
        Ok(Some(()))
    })
    .await
    .unwrap();
}
