//! `netmarks snapshot --kubeconfig`: a cluster and its store read from outside, with the rights that `--print-role` names and with fewer.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use crate::support::{LIMIT, applications, binaries, roll_out, scratch};
use anyhow::{Context as _, Result};
use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::{
    ControlPlane, NodeSpec, Options, PrometheusServer, SchedulerOptions, User, until,
};
use netmarks_test_traffic::{Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock};
use serde_json::{Value, json};

/// Runs it with the same short window as the extenders of these tests.
fn snapshot(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmarks"));
    isolated(&mut command).arg("snapshot").args(arguments).env("NETMARKS_METRICS_WINDOW_SECONDS", "5");
    command.output().context("netmarks does not start")
}

fn read(file: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

fn objects(namespace: &str) -> String {
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "frontend", "namespace": namespace},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "frontend"}}},
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "frontend", "namespace": namespace},
        "spec": {"selector": {"app": "frontend"}, "ports": [{"port": 80}], "trafficDistribution": "PreferSameZone"},
    });
    format!("{budget}\n---\n{service}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_read_with_the_rights_of_the_printed_role_and_with_fewer() {
    let edges = online_boutique().unwrap();
    let namespace = edges[0].source_namespace.clone();
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let traffic = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let prometheus = PrometheusServer::start(&traffic.targets(), Duration::from_millis(500)).await.unwrap();
    prometheus.wait_scraped(traffic.targets().len(), LIMIT).await.unwrap();
    let reader = User { name: "reader".to_owned(), groups: Vec::new() };
    let options = Options { users: vec![reader.clone()], ..Options::default() };
    let plane = ControlPlane::start(&binaries(), options).await.unwrap();
    let mut nodes = NodeSpec::numbered(3);
    nodes[0] = nodes[0].clone().in_zone("zone-a");
    plane.create_nodes(&nodes).await.unwrap();
    plane.create_namespace(&namespace).await.unwrap();
    let _scheduler = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let names = applications(&edges);
    let placed = roll_out(&plane, &namespace, &names, 2, "100m").await.unwrap();
    let apply = |name: &str, text: &str| {
        let file: PathBuf = scratch(&plane, name, text).unwrap();
        plane.kubectl(&["apply", "-f", &file.to_string_lossy()]).unwrap();
    };
    apply("objects.yaml", &objects(&namespace));
    plane.kubectl(&["taint", "node", "node-0001", "gpu=yes:NoSchedule"]).unwrap();
    plane.kubectl(&["cordon", "node-0002"]).unwrap();

    let kubeconfig = plane.kubeconfig_for(&reader.name).unwrap().display().to_string();
    let file = plane.folder().join("cluster.json");
    let to = file.display().to_string();
    let cluster = ["--kubeconfig", &kubeconfig, "--file", &to];
    let store = ["--metrics-url", prometheus.url(), "--preset", "istio"];

    // No right at all: no file, and what would give the rights.
    let output = snapshot(&[&cluster as &[&str], &store].concat()).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("failed to list nodes") && errors.contains("--print-role"), "{errors}");
    assert!(!file.exists());

    // The rights of the printed role.
    let role = String::from_utf8(snapshot(&["--print-role"]).unwrap().stdout).unwrap();
    apply("role.yaml", &role);
    plane
        .kubectl(&[
            "create",
            "clusterrolebinding",
            "reader",
            "--clusterrole=netmarks-snapshot",
            "--user=reader",
        ])
        .unwrap();
    let taken = until("all flows are measured", LIMIT, async || {
        let output = snapshot(&[&cluster as &[&str], &store].concat())?;
        let taken = output.status.success().then(|| read(&file)).transpose()?;
        Ok(taken.filter(|taken| taken["flows"].as_array().is_some_and(|flows| flows.len() == edges.len())))
    });
    let taken = taken.await.unwrap();
    assert_eq!(taken["missing"], Value::Null, "nothing is missing");
    assert_eq!(taken["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(taken["nodes"][0]["labels"]["topology.kubernetes.io/zone"], "zone-a");
    assert_eq!(taken["nodes"][1]["scheduling"]["taints"][0]["key"], "gpu");
    assert_eq!(taken["nodes"][2]["scheduling"]["unschedulable"], true);
    let pods: Vec<&Value> = taken["pods"].as_array().unwrap().iter().collect();
    assert_eq!(pods.len(), placed.len());
    for pod in &placed {
        let name = format!("{namespace}/{}", pod.pod);
        let found = pods.iter().find(|found| found["name"] == name.as_str()).unwrap();
        assert_eq!(found["node"], pod.node.as_str());
        assert_eq!(found["application"], format!("{namespace}/{}", pod.app));
        assert_eq!(found["cpu_request_cores"], 0.1);
        assert_eq!(found["scheduling"]["owner"]["kind"], "ReplicaSet");
    }
    assert_eq!(taken["workloads"].as_array().unwrap().len(), names.len());
    let services = taken["services"].as_array().unwrap();
    let service = services.iter().find(|service| service["name"] == "frontend").unwrap();
    assert_eq!(service["trafficDistribution"], "PreferSameZone");
    assert_eq!(taken["disruption_budgets"][0]["maxUnavailable"], 1);

    // Fewer rights, and a store that is not there: the file says what it lacks.
    plane
        .kubectl(&[
            "patch",
            "clusterrole",
            "netmarks-snapshot",
            "--type=json",
            r#"-p=[{"op": "remove", "path": "/rules/2"}]"#,
        ])
        .unwrap();
    let nobody = netmarks_test_cluster::Port::reserve().unwrap();
    let gone = format!("http://127.0.0.1:{}", nobody.number());
    let output = snapshot(&[&cluster as &[&str], &["--metrics-url", &gone]].concat()).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{errors}");
    assert!(errors.contains("without poddisruptionbudgets, flows"), "{errors}");
    let taken = read(&file).unwrap();
    let missing: Vec<&str> = taken["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|missing| missing["what"].as_str().unwrap())
        .collect();
    assert_eq!(missing, ["poddisruptionbudgets", "flows"]);
    assert!(taken["missing"][0]["why"].as_str().unwrap().contains("cannot list resource"), "{taken}");
    assert_eq!(taken["pods"].as_array().unwrap().len(), placed.len());
}
