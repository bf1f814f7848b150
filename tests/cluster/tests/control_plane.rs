//! The control plane works as a whole: pods of a Deployment run, and components can be killed and come back.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail as tests do")]

use netmarks_test_cluster::{
    Binaries, ControlPlane, DeploymentSpec, ExtenderConfig, NodeSpec, Options, SchedulerOptions, User,
};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

fn binaries() -> Binaries {
    Binaries::ensure(&|line| eprintln!("{line}")).unwrap()
}

#[tokio::test]
async fn pods_run_and_components_come_back_after_they_were_killed() {
    let mut plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    let mut scheduler = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let nodes: Vec<NodeSpec> = NodeSpec::numbered(4).into_iter().map(|node| node.in_zone("zone-a")).collect();
    plane.create_nodes(&nodes).await.unwrap();
    plane.create_namespace("shop").await.unwrap();
    plane
        .create_deployment(&DeploymentSpec::new("shop", "cart", 3).with_requests("100m", "64Mi"))
        .await
        .unwrap();
    let pods = plane.wait_running("shop", 3, LIMIT).await.unwrap();
    assert!(pods.iter().all(|pod| pod.app == "cart" && pod.node.starts_with("node-")), "{pods:?}");

    // With the scheduler dead a pod stays unbound; the restarted one binds it.
    scheduler.kill().unwrap();
    plane.scale_deployment("shop", "cart", 4).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new("shop", "web", 1)).await.unwrap();
    assert_eq!(plane.placement("shop").await.unwrap().len(), 3);
    scheduler.restart().await.unwrap();
    plane.wait_bound("shop", 5, LIMIT).await.unwrap();

    // The API server comes back on the same port with the same state.
    plane.kill_apiserver().unwrap();
    plane.placement("shop").await.unwrap_err();
    plane.restart_apiserver().await.unwrap();
    assert_eq!(plane.placement("shop").await.unwrap().len(), 5);
    plane.clear_namespace("shop", LIMIT).await.unwrap();
}

#[tokio::test]
async fn an_extender_that_refuses_connections_does_not_stop_scheduling() {
    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    // Port 1 is reserved and never listened on.
    let extender = Some(ExtenderConfig::new("http://127.0.0.1:1"));
    let options =
        SchedulerOptions { extender, percentage_of_nodes_to_score: Some(100), ..Default::default() };
    let scheduler = plane.start_scheduler(options).await.unwrap();
    plane.create_nodes(&NodeSpec::numbered(2)).await.unwrap();
    plane.create_namespace("shop").await.unwrap();
    plane.create_deployment(&DeploymentSpec::new("shop", "cart", 2)).await.unwrap();
    plane.wait_bound("shop", 2, LIMIT).await.unwrap();
    let metrics = scheduler.metrics().await.unwrap();
    assert!(metrics.contains("scheduler_schedule_attempts_total"), "{metrics}");
    let log = scheduler.log().unwrap();
    assert!(log.contains("127.0.0.1:1"), "the extender was not called: {log}");
}

#[tokio::test]
async fn further_users_may_do_nothing_until_a_role_binding_allows_it() {
    let user = User::service_account("kube-system", "netmarks");
    let name = user.name.clone();
    let plane =
        ControlPlane::start(&binaries(), Options { users: vec![user], ..Options::default() }).await.unwrap();
    let list = async |arguments: &[&str]| {
        tokio::process::Command::new(&plane.binaries().kubectl)
            .arg(format!("--kubeconfig={}", plane.kubeconfig_for(&name).unwrap().display()))
            .args(arguments)
            .output()
            .await
            .unwrap()
    };
    let answer = list(&["auth", "can-i", "list", "pods", "--all-namespaces"]).await;
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "no");
    let admin = tokio::process::Command::new(&plane.binaries().kubectl)
        .arg(format!("--kubeconfig={}", plane.kubeconfig().display()))
        .args(["create", "clusterrolebinding", "see", "--clusterrole=view", &format!("--user={name}")])
        .output()
        .await
        .unwrap();
    assert!(admin.status.success(), "{admin:?}");
    netmarks_test_cluster::until("the binding to be seen", LIMIT, async || {
        let answer = list(&["auth", "can-i", "list", "pods", "--all-namespaces"]).await;
        Ok((String::from_utf8_lossy(&answer.stdout).trim() == "yes").then_some(()))
    })
    .await
    .unwrap();
}
