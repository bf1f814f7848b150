//! Replicas beside one API server and one Prometheus give the same answers, whenever they were started.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, LIMIT, applications, binaries, roll_out};
use anyhow::{Result, ensure};
use netmarks_test_cluster::{
    ControlPlane, NodeSpec, Options, PrometheusServer, SchedulerOptions, repository, until,
};
use netmarks_test_traffic::{Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock};
use serde_json::{Value, json};

const NODES: usize = 4;

/// What kube-scheduler once sent, as if it were for a pod of this application and these nodes.
fn captured(namespace: &str, application: &str, nodes: &[String]) -> Value {
    let file = repository::read("tests/e2e/captures/prioritize-request-kube-scheduler-1.36.3.json").unwrap();
    let mut request: Value = serde_json::from_str(&file).unwrap();
    request["Pod"]["metadata"]["namespace"] = json!(namespace);
    request["Pod"]["metadata"]["labels"]["app"] = json!(application);
    request["NodeNames"] = json!(nodes);
    request
}

async fn answer(extender: &Extender, request: &Value) -> Result<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/prioritize", extender.url());
    let response = client.post(url).body(request.to_string()).send().await?;
    Ok(response.error_for_status()?.text().await?)
}

/// Waits until all replicas give the same bytes for every request; gives how many nodes the answers name. A share that
/// lies between two scores may fall to either side while the flows differ in their last digits, so not every moment
/// will do.
async fn wait_same_answers(replicas: &[&Extender], requests: &[Value]) -> Result<usize> {
    until("all replicas answer the same", LIMIT, async || {
        let mut named = 0;
        for request in requests {
            let first = answer(replicas[0], request).await?;
            for other in &replicas[1..] {
                let other = answer(other, request).await?;
                ensure!(other == first, "{first} and {other} for {}", request["Pod"]["metadata"]["labels"]);
            }
            named += serde_json::from_str::<Vec<Value>>(&first)?.len();
        }
        Ok(Some(named))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_answer_the_same_whenever_they_were_started() {
    let edges = online_boutique().unwrap();
    let namespace = edges[0].source_namespace.as_str();
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let server = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await.unwrap();
    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    let nodes = NodeSpec::numbered(NODES);
    plane.create_nodes(&nodes).await.unwrap();
    plane.create_namespace(namespace).await.unwrap();

    let start = async || {
        let replica = Extender::start(&plane, &prometheus, &[("NETMARKS_SCORING_ASSUME_SECONDS", "0")])?;
        replica.wait_ready().await?;
        replica.wait_flows(&edges).await?;
        anyhow::Ok(replica)
    };
    let first = start().await.unwrap();
    let second = start().await.unwrap();
    let _scheduler = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let names = applications(&edges);
    let pods = roll_out(&plane, namespace, &names, 1, "50m").await.unwrap();

    let nodes: Vec<String> = pods
        .iter()
        .map(|pod| pod.node.clone())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let requests: Vec<Value> = names.iter().map(|name| captured(namespace, name, &nodes)).collect();
    let knows_all = async |replica: &Extender| {
        until("every pod is known", LIMIT, async || {
            let known = replica.json("/v1/snapshot").await?["pods"].as_array().map_or(0, Vec::len);
            ensure!(known == pods.len(), "{known} of {}", pods.len());
            Ok(Some(()))
        })
        .await
    };
    for replica in [&first, &second] {
        knows_all(replica).await.unwrap();
    }
    assert!(wait_same_answers(&[&first, &second], &requests).await.unwrap() >= names.len());

    let third = start().await.unwrap();
    knows_all(&third).await.unwrap();
    assert!(wait_same_answers(&[&first, &second, &third], &requests).await.unwrap() >= names.len());
}
