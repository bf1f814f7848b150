//! Real kube-scheduler, real Prometheus, real mesh label sets: where do the pods go?

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, LIMIT, applications, binaries, local_share, roll_out, shuffled};
use anyhow::{Result, ensure};
use netmarks_test_cluster::{
    ControlPlane, ExtenderConfig, NodeSpec, Options, PrometheusServer, SchedulerOptions,
};
use netmarks_test_traffic::{
    Edge, Mesh, Pods, Protocol, Replay, Topology, TrafficServer, online_boutique, social_network, wall_clock,
};

/// Orders in which the Deployments are created: the first ones placed see no neighbours, so order matters. Six, since without the extender
/// one heavy pair that lands together by luck is most of an order's bytes: three orders were between 2% and 40% on average.
const SEEDS: [u64; 6] = [1, 2, 3, 4, 5, 6];

/// The share of bytes that stay on a node must grow by at least this much (of 1), averaged over the orders ...
const GAIN: f64 = 0.25;
/// ... and to at least so many times what it is without the extender.
const FACTOR: f64 = 1.8;

/// The mean share over all orders, with whatever scheduler is running.
async fn mean_local_share(plane: &ControlPlane, namespace: &str, edges: &[Edge]) -> Result<f64> {
    let names = applications(edges);
    let mut sum = 0.0;
    for seed in SEEDS {
        let pods = roll_out(plane, namespace, &shuffled(&names, seed), 1, "200m").await?;
        ensure!(pods.len() == names.len(), "{} of {} pods were bound", pods.len(), names.len());
        sum += local_share(edges, &pods);
        plane.clear_namespace(namespace, LIMIT).await?;
    }
    Ok(sum / SEEDS.len() as f64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_land_next_to_what_they_talk_to() {
    let boutique = online_boutique().unwrap();
    let social = social_network().unwrap();
    let samples = [(boutique, Topology::Sidecar, Protocol::Http), (social, Topology::Ambient, Protocol::Tcp)];
    let mut servers = Vec::new();
    for (edges, topology, protocol) in &samples {
        let mesh = Mesh::new(*topology, *protocol, edges.clone(), &Pods::default(), wall_clock());
        servers.push(TrafficServer::start(Arc::new(mesh)).await.unwrap());
    }
    let targets: Vec<_> = servers.iter().flat_map(TrafficServer::targets).collect();
    let prometheus = PrometheusServer::start(&targets, Duration::from_millis(500)).await.unwrap();

    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    // Six nodes of one core: five pods of 200m fill one, so no application fits on a single node.
    let nodes: Vec<NodeSpec> =
        NodeSpec::numbered(6).into_iter().map(|node| node.with_capacity("1100m", "8Gi")).collect();
    plane.create_nodes(&nodes).await.unwrap();
    for (edges, ..) in &samples {
        plane.create_namespace(&edges[0].source_namespace).await.unwrap();
    }

    let extender = Extender::start(&plane, &prometheus, &[]).unwrap();
    extender.wait_ready().await.unwrap();
    let all: Vec<Edge> = samples.iter().flat_map(|(edges, ..)| edges.clone()).collect();
    extender.wait_flows(&all).await.unwrap();

    let mut stock = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let mut without = Vec::new();
    for (edges, ..) in &samples {
        without.push(mean_local_share(&plane, &edges[0].source_namespace, edges).await.unwrap());
    }
    stock.kill().unwrap();
    assert_eq!(extender.answered("scored").await.unwrap(), 0, "the stock scheduler does not know it");

    let options = SchedulerOptions {
        name: "with-extender".to_owned(),
        extender: Some(ExtenderConfig { weight: 2, ..ExtenderConfig::new(extender.url()) }),
        ..SchedulerOptions::default()
    };
    let _scheduler = plane.start_scheduler(options).await.unwrap();
    for ((edges, ..), without) in samples.iter().zip(without) {
        let namespace = &edges[0].source_namespace;
        let with = mean_local_share(&plane, namespace, edges).await.unwrap();
        eprintln!(
            "{namespace}: {:.0}% of bytes stay on a node, {:.0}% without",
            with * 100.0,
            without * 100.0
        );
        assert!(with >= without + GAIN && with >= without * FACTOR, "{namespace}: {with} against {without}");
    }

    // Every pod was asked about, and each decision says why.
    let pods = samples.iter().map(|(edges, ..)| applications(edges).len() * SEEDS.len()).sum::<usize>();
    let answers = extender.answers().await.unwrap();
    assert!(answers.values().sum::<u64>() >= pods as u64, "{answers:?} for {pods} pods");
    assert!(answers["scored"] > pods as u64 / 2, "{answers:?}");
    let decisions = extender.json("/v1/decisions?limit=200").await.unwrap();
    let explained = decisions.as_array().unwrap().iter().find(|decision| decision["named"] != 0).unwrap();
    let best = &explained["nodes"][0];
    assert!(best["score"].as_u64().unwrap() > 0 && best["raw"].as_f64().unwrap() > 0.0, "{explained}");
    assert!(best["peers"][0]["pods"].as_u64().unwrap() > 0, "{explained}");
}

/// What a real ztunnel exposed, growing by its captured values every second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_captured_ztunnel_gives_the_rates_that_it_carried() {
    let server = TrafficServer::start(Arc::new(Replay::ztunnel(wall_clock()).unwrap())).await.unwrap();
    let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await.unwrap();
    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    let extender = Extender::start(&plane, &prometheus, &[]).unwrap();
    extender.wait_ready().await.unwrap();
    // 20 calls of 465 bytes out and 5,114 back; 20 of 165 and 20,115: every second.
    let edges = [("cartservice", 111_580.0), ("productcatalogservice", 405_600.0)]
        .map(|(destination, rate)| Edge::new("boutique", "frontend", destination, rate));
    extender.wait_flows(&edges).await.unwrap();
}
