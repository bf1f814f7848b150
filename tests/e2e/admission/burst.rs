//! Hundreds of pods at once, and a replica of ours that is killed meanwhile.

use std::net::SocketAddr;

use anyhow::Result;
use futures::{StreamExt as _, stream};
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

/// As many as controllers make at once.
const AT_ONCE: usize = 20;

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
    let mut creations = stream::iter(0..PODS).map(create).buffer_unordered(AT_ONCE);
    let mut created = 0;
    let mut survivor = None;
    while let Some(done) = creations.next().await {
        done.unwrap();
        created += 1;
        if created == BEFORE {
            // The one that is asked.
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
    let listed = pods.list(&ListParams::default().labels("app=bare")).await.unwrap().items;
    let steered = listed.iter().filter(|pod| {
        pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key("netmarks.dev/decision"))
    });
    let node = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    let steered: Vec<String> = steered.map(node).collect();
    // Those under way when it was killed go anywhere.
    assert!(steered.len() >= PODS - 2 * AT_ONCE, "{}", steered.len());
    let beside = steered.iter().filter(|node| **node == hub).count();
    assert_eq!(beside, steered.len(), "its node has room for all of them");
    nothing_is_assumed(survivor, LIMIT).await.unwrap();
}
