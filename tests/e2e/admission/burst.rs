//! Hundreds of pods at once, and a replica of ours that is killed meanwhile.
#![allow(clippy::print_stderr, reason = "figures are for whoever reads the output of the test")]

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, PostParams};
use netmarks_test_cluster::{Authority, DeploymentSpec, SchedulerOptions};
use netmarks_test_traffic::Edge;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::{apply, configuration, nothing_is_assumed, pod, start};
use crate::support::setting::Setting;
use crate::support::steered::{choose, wait_steered};
use crate::support::{Extender, LIMIT};

const PODS: usize = 200;

/// When so many are there, a replica is killed.
const BEFORE: usize = 60;

/// Pods that come later, at once as well: the replica that is left answers for each.
const LATER: usize = 40;

/// How many of these at once: reviews are answered one after the other, and the API server waits a second for each.
const LATER_AT_ONCE: usize = 8;

/// In the place of the Service: a connection goes to the first of the replicas that takes it, each beginning with the next one.
async fn balance(replicas: [SocketAddr; 2]) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let mut turn = 0;
        while let Ok((mut client, _)) = listener.accept().await {
            turn += 1;
            let order = [replicas[turn % 2], replicas[(turn + 1) % 2]];
            tokio::spawn(async move {
                for replica in order {
                    if let Ok(mut replica) = TcpStream::connect(replica).await {
                        return copy_bidirectional(&mut client, &mut replica).await.map(drop);
                    }
                }
                Ok(())
            });
        }
    });
    Ok(address)
}

async fn reviewed(replica: &Extender) -> Result<u64> {
    let page = replica.get("/metrics").await?;
    let lines = page.lines().filter(|line| line.starts_with("netmarks_admission_reviews_total"));
    Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum())
}

/// How many pods name a decision. All of them must be beside their peer, whose node has room for them.
async fn steered_to(pods: &Api<Pod>, hub: &str) -> Result<usize> {
    let listed = pods.list(&ListParams::default().labels("app=bare")).await?.items;
    let named = |pod: &&Pod| {
        pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key("netmarks.dev/decision"))
    };
    let node = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    let nodes: Vec<String> = listed.iter().filter(named).map(node).collect();
    ensure!(nodes.iter().all(|node| node == hub), "not all are on {hub}: {nodes:?}");
    Ok(nodes.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_pods_are_created_while_a_replica_is_killed() {
    let edges = vec![Edge::new("shop", "bare", "hub", 400_000.0)];
    let setting = Setting::start(edges).await.unwrap();
    let plane = &setting.plane;
    let authority = Authority::new("webhook").unwrap();
    plane.create_namespace("shop").await.unwrap();
    choose(plane, "shop").unwrap();
    let (mut one, _port, url) = start(&setting, &authority).unwrap();
    let (mut two, _port, other_url) = start(&setting, &authority).unwrap();
    let _scheduler = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new("shop", "hub", 1)).await.unwrap();
    let hub = plane.wait_bound("shop", 1, LIMIT).await.unwrap().remove(0).node;
    for replica in [&one, &two] {
        replica.wait_ready().await.unwrap();
        replica.wait_flows(&setting.edges).await.unwrap();
        replica.wait_pods("shop", 1).await.unwrap();
    }
    let address = |url: &str| url.trim_start_matches("https://").parse::<SocketAddr>().unwrap();
    let service = balance([address(&url), address(&other_url)]).await.unwrap();
    apply(plane, &configuration(plane, &format!("https://{service}"), &authority).unwrap()).unwrap();
    wait_steered(plane, "shop", "bare").await.unwrap();

    let pods: Api<Pod> = Api::namespaced(plane.client().clone(), "shop");
    let create = async |number: usize| {
        let mut pod = pod("bare");
        pod["metadata"]["name"] = json!(format!("bare-{number}"));
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("10m");
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        anyhow::Ok(())
    };
    let mut creations = stream::iter(0..PODS).map(&create).buffer_unordered(PODS);
    let mut created = 0;
    let mut survivor = None;
    while let Some(done) = creations.next().await {
        done.unwrap();
        created += 1;
        if created == BEFORE {
            // The one that was asked more often.
            let asked = (reviewed(&one).await.unwrap(), reviewed(&two).await.unwrap());
            survivor = Some(if asked.0 > asked.1 {
                one.kill().unwrap();
                &two
            } else {
                two.kill().unwrap();
                &one
            });
        }
    }
    drop(creations);
    let survivor = survivor.unwrap();
    assert_eq!(created, PODS, "each is created, whoever answers");
    plane.wait_bound("shop", PODS + 1, LIMIT).await.unwrap();
    // Those under way when it was killed go anywhere, as far as they were put to it.
    let (steered, under_way) = (steered_to(&pods, &hub).await.unwrap(), PODS - BEFORE);
    eprintln!("{under_way} of {PODS} were under way at the kill, {} got no terms", PODS - steered);
    assert!(PODS - steered <= under_way, "{steered}");
    stream::iter(PODS..PODS + LATER)
        .map(&create)
        .buffer_unordered(LATER_AT_ONCE)
        .try_collect::<Vec<()>>()
        .await
        .unwrap();
    plane.wait_bound("shop", PODS + LATER + 1, LIMIT).await.unwrap();
    assert_eq!(steered_to(&pods, &hub).await.unwrap(), steered + LATER, "all that came after it");
    nothing_is_assumed(survivor, LIMIT).await.unwrap();
}
