//! Snapshot files that are right, wrong and made up; apart only for their length.

use super::*;
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
        ("\"version\": 1", "\"version\": 2", "has version 2, and this program reads version 1"),
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
            version: VERSION,
            taken_at,
            identity: Identity::Workload,
            nodes: nodes.into_iter().map(|(name, (zone, region, cpu, memory))| FileNode {
                name,
                zone,
                region,
                allocatable_cpu_cores: Resources { cpu_millicores: cpu, memory_bytes: 0 }.cores(),
                allocatable_memory_bytes: memory,
            }).collect(),
            pods: pods.into_iter().map(|(name, (application, node, cpu, memory))| FilePod {
                name,
                application,
                node,
                labels: BTreeMap::new(),
                cpu_request_cores: Resources { cpu_millicores: cpu.into(), memory_bytes: 0 }.cores(),
                memory_request_bytes: memory.into(),
            }).collect(),
            flows_at: Some(flows_at),
            flows: flows.into_iter().map(|((source, destination), bytes_per_second)| FileFlow {
                source,
                destination,
                bytes_per_second,
            }).collect(),
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
