//! The chart's second kube-scheduler beside the cluster's own: it takes the pods of a namespace that was opted in, and leaves
//! all others alone.

use crate::support::LIMIT;
use crate::support::release::NAMESPACE;
use crate::support::setting::Setting;
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::{ControlPlane, DeploymentSpec, SchedulerOptions, until};
use netmarks_test_traffic::Edge;

/// The second scheduler's account, as the API server knows it.
const ACCOUNT: &str = "system:serviceaccount:netmarks:netmarks-scheduler";

/// Applications that talk to `shop/hub`; each is a Deployment of one pod.
const SPOKES: usize = 6;

/// `POD-PREFIX SCHEDULER NODE` of each pod of a namespace.
fn pods(plane: &ControlPlane, namespace: &str) -> Result<Vec<(String, String, String)>> {
    let template = r#"-o=jsonpath={range .items[*]}{.metadata.labels.app} {.spec.schedulerName} {.spec.nodeName}{"\n"}{end}"#;
    let text = plane.kubectl(&["-n", namespace, "get", "pods", template])?;
    let pods = text.lines().map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        Some((words.next()?, words.next()?, words.next()?))
    });
    pods.collect::<Option<Vec<_>>>().context("a pod without a scheduler")
}

/// Who leads, by the second scheduler's own lease.
fn holder(plane: &ControlPlane) -> Result<String> {
    let template = "-o=jsonpath={.spec.holderIdentity}";
    let holder = plane.kubectl(&["-n", NAMESPACE, "get", "lease", "netmarks-scheduler", template])?;
    ensure!(!holder.is_empty(), "nobody leads");
    Ok(holder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opted_in_namespace_is_placed_by_traffic_and_others_are_left_alone() {
    let spokes: Vec<String> = (0..SPOKES).map(|number| format!("spoke-{number}")).collect();
    let edges: Vec<Edge> = ["shop", "other"]
        .iter()
        .flat_map(|namespace| spokes.iter().map(move |spoke| Edge::new(namespace, spoke, "hub", 400_000.0)))
        .collect();
    let setting = Setting::start(edges).await.unwrap();
    let Setting { plane, edges, .. } = &setting;
    for namespace in ["shop", "other"] {
        plane.create_namespace(namespace).await.unwrap();
    }
    let release = setting.install(&["scheduler.enabled=true", "scheduler.optIn.enabled=true"]).unwrap();
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(edges).await.unwrap();
    // The cluster's own, which knows of no extender, and the chart's.
    let _own = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let second = release.scheduler().await.unwrap();

    plane.kubectl(&["label", "namespace", "shop", "netmarks.dev/scheduler=enabled"]).unwrap();
    crate::support::opted_in(plane, "shop", "netmarks").await.unwrap();
    let (mut hub_of_shop, mut asked) = (String::new(), 0);
    for namespace in ["shop", "other"] {
        plane.create_deployment(&DeploymentSpec::new(namespace, "hub", 1)).await.unwrap();
        let hub = plane.wait_bound(namespace, 1, LIMIT).await.unwrap().remove(0).node;
        extender.wait_pods(namespace, 1).await.unwrap();
        for spoke in &spokes {
            plane.create_deployment(&DeploymentSpec::new(namespace, spoke, 1)).await.unwrap();
        }
        plane.wait_bound(namespace, 1 + SPOKES, LIMIT).await.unwrap();
        let answers: u64 = extender.answers().await.unwrap().values().sum();
        if namespace == "shop" {
            (hub_of_shop, asked) = (hub, answers);
            continue;
        }
        assert_eq!(answers, asked, "nobody asked about the namespace that was not opted in");
        let elsewhere = pods(plane, "other").unwrap().iter().filter(|(.., node)| *node != hub).count();
        assert!(elsewhere >= SPOKES / 2, "left alone, the scheduler spreads");
    }
    assert_eq!(asked, 1 + SPOKES as u64, "each pod was asked about once");
    for (app, scheduler, node) in pods(plane, "shop").unwrap() {
        assert_eq!((scheduler.as_str(), &node), ("netmarks", &hub_of_shop), "{app}");
    }
    for (app, scheduler, _) in pods(plane, "other").unwrap() {
        assert_eq!(scheduler, "default-scheduler", "{app}");
    }

    // Who asks for another scheduler by name keeps it, in the opted-in namespace, too.
    let pod = r#"{"spec": {"schedulerName": "somebody-else"}}"#;
    let run = ["-n", "shop", "run", "stubborn", "--image=none.invalid/none", "--overrides", pod];
    plane.kubectl(&[&run[..], &["-o=jsonpath={.spec.schedulerName}"]].concat()).unwrap();
    let stubborn = pods(plane, "shop").unwrap();
    assert!(stubborn.iter().any(|(_, scheduler, node)| scheduler == "somebody-else" && node.is_empty()));

    // It leads by a lease of its own, and was allowed everything that it asked for.
    holder(plane).unwrap();
    let calls = plane.calls_of(ACCOUNT).unwrap();
    let refused: Vec<_> = calls.iter().filter(|call| call.status == 403 || call.status == 401).collect();
    assert!(refused.is_empty() && calls.len() > 20, "{} calls, refused {refused:?}", calls.len());
    drop(second);

    // Opted out again: the policy goes with its value.
    setting.install(&["scheduler.enabled=true", "scheduler.optIn.enabled=false"]).unwrap();
    let policies = plane.kubectl(&["get", "mutatingadmissionpolicies", "-o", "name"]).unwrap();
    assert_eq!(policies, "");
    crate::support::opted_in(plane, "shop", "default-scheduler").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_dies_the_other_takes_over() {
    let setting = Setting::start(vec![Edge::new("shop", "frontend", "cart", 400_000.0)]).await.unwrap();
    let plane = &setting.plane;
    plane.create_namespace("shop").await.unwrap();
    let release = setting.install(&["scheduler.enabled=true", "scheduler.optIn.enabled=true"]).unwrap();
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();
    plane.kubectl(&["label", "namespace", "shop", "netmarks.dev/scheduler=enabled"]).unwrap();
    crate::support::opted_in(plane, "shop", "netmarks").await.unwrap();

    // The first leads before there is another.
    let leader = release.scheduler().await.unwrap();
    let first = until("somebody leads", LIMIT, async || holder(plane).map(Some)).await.unwrap();
    let _follower = release.scheduler().await.unwrap();
    plane.create_deployment(&DeploymentSpec::new("shop", "cart", 1)).await.unwrap();
    plane.wait_bound("shop", 1, LIMIT).await.unwrap();
    assert_eq!(holder(plane).unwrap(), first, "who leads goes on");

    drop(leader);
    plane.create_deployment(&DeploymentSpec::new("shop", "frontend", 1)).await.unwrap();
    let pods = plane.wait_bound("shop", 2, LIMIT).await.unwrap();
    assert_ne!(holder(plane).unwrap(), first);
    let answered: u64 = extender.answers().await.unwrap().values().sum();
    assert_eq!(answered, 2, "the other asks the extender, too: {pods:?}");
}
