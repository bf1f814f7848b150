//! Snapshot files that are right, wrong and made up; apart only for their length.

use std::collections::HashSet;
use std::path::Path;

use super::*;
use netmarks_core::application::{Application, Identity};
use netmarks_core::facts::Resources;
use netmarks_core::native::netmarks_score;
use netmarks_core::needs::Needs;
use netmarks_core::request::{Candidates, gather};
use proptest::prelude::*;

const WORKED_EXAMPLE: &str = include_str!("../../../netmarks/sample/worked-example.json");
const ONLINE_BOUTIQUE: &str = include_str!("../../../netmarks/sample/online-boutique.json");

/// The first pending pod's raw NetMARKS score on every node of the file.
fn scores(json: &str) -> Vec<(String, f64)> {
    let file = SnapshotFile::from_json(json.as_bytes()).unwrap();
    let snapshot = file.to_index().snapshot();
    let names: Vec<&str> = file.nodes.iter().map(|node| node.name.as_str()).collect();
    let candidates = Candidates::new(&snapshot, &names);
    let pod = file.pods.iter().find(|pod| pod.node.is_none()).unwrap().pending();
    let request = gather(&snapshot, &pod, &candidates, &Needs::parse(["peers"]).unwrap(), &[]);
    names.iter().map(|name| (*name).to_owned()).zip(netmarks_score(&request)).collect()
}

#[test]
fn the_worked_example_scores_as_in_the_paper() {
    let scores = scores(WORKED_EXAMPLE);
    let expected = [("node-1", 80.0), ("node-2", 110.0), ("node-3", 160.0), ("node-4", 0.0)];
    assert_eq!(scores, expected.map(|(name, score)| (name.to_owned(), score)));
}

#[test]
fn the_sample_asks_a_question_that_the_heaviest_peer_alone_does_not_answer() {
    let file = SnapshotFile::from_json(ONLINE_BOUTIQUE.as_bytes()).unwrap();
    let zones: HashSet<_> = file.nodes.iter().map(|node| node.zone.as_deref()).collect();
    let pending: Vec<_> = file.pods.iter().filter(|pod| pod.node.is_none()).collect();
    assert_eq!((file.nodes.len(), zones.len(), file.flows.len(), pending.len()), (6, 3, 15, 1));
    let scores = scores(ONLINE_BOUTIQUE);
    let best = scores.iter().max_by(|left, right| left.1.total_cmp(&right.1)).unwrap();
    assert_eq!(best.0, "node-b1");
    let heaviest = file
        .flows
        .iter()
        .filter(|flow| Some(&flow.source) == pending[0].application.as_ref())
        .max_by(|left, right| left.bytes_per_second.total_cmp(&right.bytes_per_second))
        .unwrap();
    assert!(!file.pods.iter().any(|pod| {
        pod.application.as_ref() == Some(&heaviest.destination) && pod.node.as_deref() == Some("node-b1")
    }));
}

#[test]
fn files_that_say_something_impossible_are_refused_with_what_to_fix() {
    let edit = |from: &str, to: &str| {
        assert!(WORKED_EXAMPLE.contains(from), "{from}");
        let error = SnapshotFile::from_json(WORKED_EXAMPLE.replace(from, to).as_bytes()).unwrap_err();
        netmarks_core::errors::chain(&error)
    };
    let expected = [
        ("\"version\": 1", "\"version\": 3", "has version 3, and this program reads versions 1 to 2"),
        ("\"default/w-0\"", "\"default/s-0\"", "pod `default/s-0` is listed twice"),
        ("\"name\": \"node-2\"", "\"name\": \"node-1\"", "node `node-1` is listed twice"),
        ("\"default/w-0\"", "\"w-0\"", "pod `w-0` must be named as namespace/name"),
        (
            "\"bytes_per_second\": 50",
            "\"bytes_per_second\": -50",
            "`bytes_per_second` of `default/f -> default/p`",
        ),
        ("\"taken_at\"", "\"taken\"", "unknown field `taken`"),
        ("\"source\": \"default/f\"", "\"source\": \"f\"", "`f` is not of the form namespace/name"),
    ];
    for (from, to, complaint) in expected {
        let error = edit(from, to);
        assert!(error.starts_with("failed to read snapshot -") && error.contains(complaint), "{error}");
    }
    let missing = SnapshotFile::read(Path::new("/nowhere/snapshot.json")).unwrap_err();
    assert_eq!(missing.to_string(), "failed to read snapshot /nowhere/snapshot.json");
}

#[test]
fn a_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot.json");
    let file = SnapshotFile::from_json(WORKED_EXAMPLE.as_bytes()).unwrap();
    std::fs::write(&path, "an older file").unwrap();
    file.write(&path).unwrap();
    assert_eq!(SnapshotFile::read(&path).unwrap(), file);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    let error = file.write(&folder.path().join("missing/snapshot.json")).unwrap_err();
    assert!(error.to_string().starts_with("failed to write snapshot"), "{error}");
}

/// What version 2 can say.
const VERSION_2: &str = r#"{
  "version": 2, "taken_at": 1, "identity": "app",
  "missing": [{ "what": "namespaces", "why": "no right to list them" }],
  "nodes": [{
    "name": "a",
    "labels": { "topology.kubernetes.io/zone": "z1", "disk": "ssd" },
    "allocatable_cpu_cores": 4, "allocatable_memory_bytes": 8589934592,
    "scheduling": {
      "taints": [{ "key": "gpu", "effect": "NoSchedule" }],
      "unschedulable": true,
      "allocatable": { "pods": "32", "nvidia.com/gpu": "2" },
      "conditions": [{ "type": "Ready", "status": "True" }]
    }
  }],
  "pods": [{
    "name": "shop/cart-0", "application": "shop/cart", "node": "a", "labels": { "app": "cart" },
    "cpu_request_cores": 0.5, "memory_request_bytes": 1048576,
    "scheduling": {
      "requests": { "nvidia.com/gpu": "1" },
      "nonZeroRequests": { "cpu": "600m", "memory": "201Mi" },
      "nodeSelector": { "disk": "ssd" },
      "tolerations": [{ "key": "gpu", "operator": "Exists" }],
      "hostPorts": [{ "hostPort": 8080 }],
      "priority": 7,
      "owner": { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-5d" },
      "startTime": "2026-01-01T00:00:00Z"
    }
  }],
  "services": [{ "namespace": "shop", "name": "cart", "selector": { "app": "cart" }, "trafficDistribution": "PreferClose" }],
  "workloads": [{ "namespace": "shop", "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-5d", "selector": { "matchLabels": { "app": "cart" } } }],
  "disruption_budgets": [{ "namespace": "shop", "name": "cart", "selector": { "matchLabels": { "app": "cart" } }, "maxUnavailable": 1, "disruptionsAllowed": 1 }],
  "namespaces": [{ "name": "shop", "labels": { "team": "a" } }],
  "flows_at": 1,
  "flows": [{ "source": "shop/web", "destination": "shop/cart", "bytes_per_second": 5 }]
}"#;

#[test]
fn version_2_gives_the_scheduler_s_model_what_it_reads() {
    let file = SnapshotFile::from_json(VERSION_2.as_bytes()).unwrap();
    assert_eq!(SnapshotFile::from_json(file.to_json().unwrap().as_bytes()).unwrap(), file);
    let node = file.nodes[0].model();
    assert_eq!((node.name.as_str(), node.labels["disk"].as_str(), node.unschedulable), ("a", "ssd", true));
    assert_eq!(node.labels.get("kubernetes.io/hostname"), None, "its labels are known");
    assert_eq!((node.allocatable.cpu_millicores, node.allocatable.memory_bytes), (4_000, 8 << 30));
    assert_eq!((node.allocatable.pods, node.allocatable.get("nvidia.com/gpu")), (32, 2));
    assert_eq!(node.taints[0].key, "gpu");
    assert_eq!(file.nodes[0].zone(), Some("z1"));
    let pod = file.pods[0].model();
    assert_eq!((pod.namespace.as_str(), pod.name.as_str()), ("shop", "cart-0"));
    assert_eq!((pod.node_name.as_deref(), pod.scheduling.priority), (Some("a"), 7));
    assert_eq!(
        (pod.scheduling.requests.cpu_millicores, pod.scheduling.requests.get("nvidia.com/gpu")),
        (500, 1)
    );
    assert_eq!(pod.scheduling.non_zero_requests.unwrap().cpu_millicores, 600);
    assert_eq!(
        (pod.scheduling.host_ports[0].host_port, pod.scheduling.node_selector["disk"].as_str()),
        (8_080, "ssd")
    );
    assert_eq!(pod.scheduling.owner.unwrap(), file.workloads[0].owner);
    assert_eq!(netmarks_scheduler_model::Service::from(&file.services[0]).selector["app"], "cart");
    assert_eq!(file.services[0].traffic_distribution, Some(TrafficDistribution::PreferSameZone));
    assert_eq!(file.disruption_budgets[0].disruptions_allowed, 1);
}

#[test]
fn version_1_gives_the_scheduler_s_model_what_it_has() {
    let file = SnapshotFile::from_json(ONLINE_BOUTIQUE.as_bytes()).unwrap();
    assert_eq!(file.version, VERSION);
    let node = file.nodes[0].model();
    assert_eq!(node.labels.get("topology.kubernetes.io/zone"), file.nodes[0].zone.as_ref());
    assert_eq!(node.labels["kubernetes.io/hostname"], node.name);
    assert_eq!(node.allocatable.cpu_millicores, file.nodes[0].allocatable().cpu_millicores);
    assert!(node.allocatable.pods > 0 && node.taints.is_empty());
    let pod = file.pods[0].model();
    assert_eq!(format!("{}/{}", pod.namespace, pod.name), file.pods[0].name);
    assert_eq!(pod.scheduling.requests.memory_bytes, file.pods[0].memory_request_bytes);
}

fn application() -> impl Strategy<Value = Application> {
    ("[a-c]", "[a-f]").prop_map(|(namespace, name)| Application::new(&namespace, &name))
}

prop_compose! {
    /// Any snapshot in the order in which one is written.
    fn snapshot()(
        nodes in prop::collection::btree_map(
            "[a-z]{1,5}",
            (prop::option::of("[xyz]"), prop::option::of("[r]"), 0u64..1_000_000, any::<u64>()),
            0..8,
        ),
        pods in prop::collection::btree_map(
            "[a-c]/[a-z]{1,5}",
            (prop::option::of(application()), prop::option::of("[a-z]{1,2}"), 0u32..100_000, any::<u32>()),
            0..20,
        ),
        flows in prop::collection::btree_map((application(), application()), 1e-3f64..1e12, 0..20),
        taken_at in 0.0f64..2e9,
        flows_at in 0.0f64..2e9,
    ) -> SnapshotFile {
        SnapshotFile {
            taken_at,
            identity: Identity::Workload,
            nodes: nodes.into_iter().map(|(name, (zone, region, cpu, memory))| FileNode {
                name,
                zone,
                region,
                allocatable_cpu_cores: Resources { cpu_millicores: cpu, memory_bytes: 0 }.cores(),
                allocatable_memory_bytes: memory,
                ..FileNode::default()
            }).collect(),
            pods: pods.into_iter().map(|(name, (application, node, cpu, memory))| FilePod {
                name,
                application,
                node,
                cpu_request_cores: Resources { cpu_millicores: cpu.into(), memory_bytes: 0 }.cores(),
                memory_request_bytes: memory.into(),
                ..FilePod::default()
            }).collect(),
            flows_at: Some(flows_at),
            flows: flows.into_iter().map(|((source, destination), bytes_per_second)| FileFlow {
                source,
                destination,
                bytes_per_second, calls_per_second: 0.0 }).collect(),
            ..SnapshotFile::default()
        }
    }
}

proptest! {
    /// What is written is read back, and what a cluster made from it is written as, to the last bit.
    #[test]
    fn a_snapshot_survives_the_file_and_the_index(file in snapshot()) {
        let read = SnapshotFile::from_json(file.to_json().unwrap().as_bytes()).unwrap();
        prop_assert_eq!(&read, &file);
        let taken = SnapshotFile::from_index(&read.to_index(), file.identity, file.taken_at);
        prop_assert_eq!(taken, file);
    }
}
