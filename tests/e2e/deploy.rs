//! The files in `deploy` as they are, against the programs that read them in production.

mod support;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::{
    ControlPlane, DeploymentSpec, NodeSpec, Options, PrometheusServer, SchedulerOptions, User, until,
};
use netmarks_test_traffic::{Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock};
use serde_json::{Value, json};
use support::{Extender, LIMIT, binaries, scratch};

/// The user as whom kube-scheduler runs in every cluster; its rights are built into the API server.
const SCHEDULER: &str = "system:kube-scheduler";

/// kubectl as the user who may do everything; what it printed.
fn kubectl(plane: &ControlPlane, arguments: &[&str]) -> Result<String> {
    let output = Command::new(&plane.binaries().kubectl)
        .arg(format!("--kubeconfig={}", plane.kubeconfig().display()))
        .args(arguments)
        .output()
        .context("failed to run kubectl")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl {arguments:?} failed: {errors}");
    ensure!(errors.is_empty(), "kubectl {arguments:?} warned: {errors}");
    Ok(String::from_utf8(output.stdout)?)
}

/// `text` with the one place where it says `from` saying `to`.
fn substitute(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.matches(from).count() == 1, "{from:?} is there {} times", text.matches(from).count());
    Ok(text.replace(from, to))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_files_work_as_they_are() {
    let edges = online_boutique().unwrap();
    let namespace = &edges[0].source_namespace;
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let server = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await.unwrap();
    let account = User::service_account("kube-system", "netmarks");
    let scheduler = User { name: SCHEDULER.to_owned(), groups: Vec::new() };
    let options = Options { users: vec![account.clone(), scheduler], ..Options::default() };
    let plane = ControlPlane::start(&binaries(), options).await.unwrap();
    plane.create_nodes(&NodeSpec::numbered(4)).await.unwrap();
    plane.create_namespace(namespace).await.unwrap();

    // The rights: accepted without a warning, and no more than reading two kinds of objects.
    let rbac = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/rbac.yaml");
    kubectl(&plane, &["apply", "--validate=strict", "--dry-run=server", "-f", rbac]).unwrap();
    kubectl(&plane, &["apply", "--validate=strict", "-f", rbac]).unwrap();
    let role = kubectl(&plane, &["get", "clusterrole", "netmarks", "-o", "json"]).unwrap();
    let role: Value = serde_json::from_str(&role).unwrap();
    let reading =
        json!([{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "watch"]}]);
    assert_eq!(role["rules"], reading);

    // They suffice: it is ready only after it has listed pods and nodes.
    let kubeconfig = plane.kubeconfig_for(&account.name).unwrap();
    let extender = Extender::start_as(&plane, &kubeconfig, &prometheus, &[]).unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&edges).await.unwrap();

    // The scheduler's configuration, with the two lines changed that it says to change.
    let shipped = include_str!("../../deploy/kube-scheduler/config.yaml");
    let kubeconfig = plane.kubeconfig_for(SCHEDULER).unwrap();
    let config =
        substitute(shipped, "/etc/kubernetes/scheduler.conf", &kubeconfig.to_string_lossy()).unwrap();
    let config = substitute(&config, "http://127.0.0.1:9820", extender.url()).unwrap();
    let config_file = scratch(&plane, "shipped.yaml", &config).unwrap();
    let options = SchedulerOptions { config_file: Some(config_file), ..SchedulerOptions::default() };
    let _scheduler = plane.start_scheduler(options).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new(namespace, "productcatalogservice", 1)).await.unwrap();
    plane.wait_bound(namespace, 1, LIMIT).await.unwrap();
    until("the extender has seen where the first pod is", LIMIT, async || {
        let snapshot = extender.json("/v1/snapshot").await?;
        Ok(snapshot.pointer("/pods/0/node").and_then(Value::as_str).map(drop))
    })
    .await
    .unwrap();
    plane.create_deployment(&DeploymentSpec::new(namespace, "frontend", 1)).await.unwrap();
    plane.wait_bound(namespace, 2, LIMIT).await.unwrap();

    // Left alone, the scheduler takes an empty node for the second pod.
    assert_eq!(extender.answered("scored").await.unwrap(), 1, "{:?}", extender.answers().await);
    let pods = plane.placement(namespace).await.unwrap();
    assert_eq!(pods[0].node, pods[1].node, "{pods:?}");
}
