//! The chart's CronJob, with what its pod would be given.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support::release::{NAMESPACE, Release, chart, stand_in, values};
use crate::support::{Extender, LIMIT, applications, binaries, local_share, roll_out, scratch};
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::{
    ControlPlane, ExtenderConfig, NodeSpec, Options, PrometheusServer, SchedulerOptions,
};
use netmarks_test_traffic::{Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock};
use serde_json::Value;

use super::Ended;

/// The arguments of the CronJob's container, with the files of the pod where they are here.
fn arguments(plane: &ControlPlane, config: &Path, state: &Path) -> Result<Vec<String>> {
    let text =
        plane.kubectl(&["--namespace", NAMESPACE, "get", "cronjob", "netmarks-rebalance", "-o", "json"])?;
    let job: Value = serde_json::from_str(&text)?;
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    ensure!(pod["serviceAccountName"] == "netmarks-rebalance", "{pod}");
    let container = &pod["containers"][0];
    let mounted = |path: &str| {
        container["volumeMounts"]
            .as_array()
            .is_some_and(|mounts| mounts.iter().any(|mount| mount["mountPath"] == path))
    };
    ensure!(mounted("/etc/netmarks/config") && mounted("/var/lib/netmarks"), "{container}");
    let here = |argument: &Value| {
        let argument = argument.as_str().context("not a text")?;
        let config = config.to_string_lossy();
        Ok(argument
            .replace("/etc/netmarks/config/config.yaml", &config)
            .replace("/var/lib/netmarks", &state.to_string_lossy()))
    };
    container["args"].as_array().context("no arguments")?.iter().map(here).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_charts_cron_job_moves_pods_to_what_they_talk_to() {
    let edges = online_boutique().unwrap();
    let namespace = edges[0].source_namespace.clone();
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let traffic = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let prometheus = PrometheusServer::start(&traffic.targets(), Duration::from_millis(500)).await.unwrap();
    let options = Options { service_accounts: true, stand_ins: vec![stand_in()], ..Options::default() };
    let plane = ControlPlane::start(&binaries(), options).await.unwrap();
    let nodes = NodeSpec::numbered(6).into_iter().map(|node| node.with_capacity("1100m", "8Gi"));
    plane.create_nodes(&nodes.collect::<Vec<_>>()).await.unwrap();
    plane.create_namespace(&namespace).await.unwrap();
    let extender = Extender::start(&plane, &prometheus, &[]).unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&edges).await.unwrap();
    // Spread over the nodes, before anybody asks the extender.
    let mut stock = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    roll_out(&plane, &namespace, &applications(&edges), 2, "100m").await.unwrap();
    let bound = 2 * applications(&edges).len();
    let before = plane.wait_running(&namespace, bound, LIMIT).await.unwrap();
    stock.kill().unwrap();
    let scheduler = SchedulerOptions {
        name: "with-extender".to_owned(),
        extender: Some(ExtenderConfig { weight: 2, ..ExtenderConfig::new(extender.url()) }),
        ..SchedulerOptions::default()
    };
    let _scheduler = plane.start_scheduler(scheduler).await.unwrap();

    // With the flows of the extender that runs, no store is asked.
    let admin = plane.kubeconfig().display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmarks"));
    isolated(&mut command).args(["plan", "--kubeconfig", &admin, "--server", extender.url(), "-o", "json"]);
    let planned = Ended::of(command.output().unwrap()).unwrap();
    assert_eq!(
        (planned.code, &planned.report["report"]["flows"]),
        (Some(0), &edges.len().into()),
        "{planned:?}"
    );

    let only = format!("rebalance.namespaces[0]={namespace}");
    // With the limit that it has by default, more than three moves that end elsewhere would end it.
    let more = ["rebalance.enabled=true", &only, "rebalance.dryRun=false", "rebalance.pauseSeconds=0"];
    let release = Release::install(&plane, &chart(), &values(prometheus.url(), &more)).unwrap();
    let config = scratch(&plane, "rebalance.yaml", &release.config("netmarks").unwrap()).unwrap();
    let state: PathBuf = plane.folder().join("rebalance-state");
    std::fs::create_dir_all(&state).unwrap();
    let mut arguments = arguments(&plane, &config, &state).unwrap();
    arguments.extend(["-o", "json"].map(str::to_owned));
    let kubeconfig = plane.kubeconfig_of_account(NAMESPACE, "netmarks-rebalance").await.unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmarks"));
    isolated(&mut command).args(&arguments).env("KUBECONFIG", &kubeconfig);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let done = Ended::of(output).unwrap();
    assert_eq!(done.code, Some(0), "{done:?}");
    let [moved, elsewhere, skipped, left] = done.counts();
    let unreplaced = done.report["counts"]["unreplaced"].as_i64().unwrap();
    let all = moved + elsewhere + unreplaced + skipped;
    assert!(moved > 0 && all <= 10 && left == 0, "{done:?}");
    assert!(5 * moved >= 4 * all, "fewer than four of five are where the plan has them: {done:?}");
    assert!(done.said.contains("before the first move,"), "the mesh is watched: {}", done.said);
    assert!(!done.said.contains("not listed") && !done.said.contains("warning"), "{}", done.said);
    let after = plane.wait_running(&namespace, bound, LIMIT).await.unwrap();
    let (before, after) = (local_share(&edges, &before), local_share(&edges, &after));
    assert!(after > before, "{before} of the bytes stayed on a node, and {after} do");
}
