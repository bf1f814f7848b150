//! `netmarks plan` as a user runs it, without a cluster.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do; JSON without a key is null"
)]

use std::collections::BTreeSet;
use std::path::Path;

use netmarks_snapshots::collect::kinds::KINDS;
use netmarks_test_cluster::repository;
use serde_json::{Value, json};

use crate::support::binary::{failure, netmarks, netmarks_with, success};
use crate::support::worked_example_file;

/// Cores of a node, and of a pod.
const CORES: (f64, f64) = (2.0, 0.5);

/// Pods by the nodes that they are on: no application is where the one is that it talks to.
const APART: [(&str, [usize; 3]); 4] =
    [("a", [0, 0, 1]), ("b", [2, 2, 3]), ("c", [0, 1, 1]), ("d", [2, 3, 3])];

/// Four nodes in two zones; `a` talks to `b`, `c` to `d`.
fn snapshot(folder: &Path, change: impl FnOnce(&mut Value)) -> String {
    let node = |index: usize| {
        json!({
            "name": format!("n{index}"),
            "labels": {"kubernetes.io/hostname": format!("n{index}"), "topology.kubernetes.io/zone": format!("z{}", index % 2)},
            "allocatable_cpu_cores": CORES.0, "allocatable_memory_bytes": 8_589_934_592u64,
            "scheduling": {"allocatable": {"pods": "110"}},
        })
    };
    let pod = |of: &str, index: usize, node: usize| {
        json!({
            "name": format!("x/{of}-{index}"), "uid": format!("{of}{index}"), "application": format!("x/{of}"),
            "node": format!("n{node}"), "labels": {"app": of},
            "cpu_request_cores": CORES.1, "memory_request_bytes": 134_217_728u64,
            "scheduling": {"owner": {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": of}},
        })
    };
    let pods = APART.iter().flat_map(|(of, nodes)| {
        nodes.iter().enumerate().map(|(index, node)| pod(of, index, *node)).collect::<Vec<_>>()
    });
    let service = |of: &str| json!({"namespace": "x", "name": of, "selector": {"app": of}});
    let services = ["b", "d"].map(service);
    let mut file = json!({
        "version": 2, "taken_at": 1.0, "identity": "app",
        "nodes": (0..4).map(node).collect::<Vec<_>>(), "pods": pods.collect::<Vec<_>>(),
        "services": services, "flows_at": 1.0,
        "flows": [{"source": "x/a", "destination": "x/b", "bytes_per_second": 1e6},
                  {"source": "x/c", "destination": "x/d", "bytes_per_second": 3e5}],
    });
    change(&mut file);
    let path = folder.join("snapshot.json");
    std::fs::write(&path, file.to_string()).unwrap();
    path.display().to_string()
}

/// So that a plan has every move that gains anything.
const ALL: [&str; 6] = ["--routing", "same-node", "--stop-at", "1", "--most-on-node", "1"];

fn plan(file: &str, more: &[&str]) -> Value {
    let arguments = [&["plan", "--snapshot", file, "--extender-weight", "10", "-o", "json"], &ALL[..], more];
    let output = netmarks(&arguments.concat()).unwrap();
    serde_json::from_str(&success(&output).unwrap()).unwrap()
}

fn moves(plan: &Value) -> &[Value] {
    plan["moves"].as_array().unwrap()
}

fn node_of(name: &Value) -> usize {
    name.as_str().unwrap()[1..].parse().unwrap()
}

/// The exit code, and what was said.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = netmarks(&[&["plan"], arguments].concat()).unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A kubeconfig of a cluster that does not answer.
fn kubeconfig(folder: &Path) -> String {
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "none",
        "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
        "users": [{"name": "none", "user": {}}],
    });
    let path = folder.join("kubeconfig");
    std::fs::write(&path, text.to_string()).unwrap();
    path.display().to_string()
}

#[test]
fn each_move_has_room_in_its_turn_and_the_file_is_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    let kept = folder.path().join("plan.json").display().to_string();
    let made = plan(&file, &["--file", &kept, "--percentage-of-nodes-to-score", "50"]);
    assert!(!moves(&made).is_empty(), "{made}");
    assert_eq!(made["conditions"]["percentage_of_nodes_to_score"], 50);
    let mut pods = [0.0; 4];
    APART.iter().flat_map(|(_, nodes)| nodes).for_each(|node| pods[*node] += 1.0);
    let mut gained = made["report"]["before"]["within_nodes"].as_f64().unwrap();
    for planned in moves(&made) {
        // The old pod still ends when the new one is placed.
        pods[node_of(&planned["to"])] += 1.0;
        assert!(pods[node_of(&planned["to"])] * CORES.1 <= CORES.0, "{made}");
        pods[node_of(&planned["from"])] -= 1.0;
        gained += planned["gain"]["within_nodes_bytes_per_second"].as_f64().unwrap();
    }
    let after = made["report"]["after"]["within_nodes"].as_f64().unwrap();
    assert!((gained - after).abs() < 1e-3, "{gained} is not {after}");
    let read: Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    assert_eq!(read, made);
    let again = success(&netmarks(&["plan", "--from", &kept, "-o", "json"]).unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), made);
    let table = success(&netmarks_with(&["plan", "--from", &kept], &[("COLUMNS", "80")]).unwrap()).unwrap();
    assert!(table.contains("OF ALL GAIN") && table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn the_recommended_policy_and_none_at_all_make_plans() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    for policy in ["recommended", "default", "netmarks=2,spread=1"] {
        assert_eq!(plan(&file, &["--policy", policy])["conditions"]["policy"], policy);
    }
}

#[test]
fn what_pays_only_with_others_is_never_left_alone_and_no_prefix_is_worse_than_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    let gain = |planned: &Value| planned["gain"]["within_nodes_bytes_per_second"].as_f64().unwrap();
    for more in [&[][..], &["--moves", "3"], &["--moves", "5"]] {
        let made = plan(&file, &[&["--policy", "recommended"], more].concat());
        let moves = moves(&made);
        assert!(!moves.is_empty(), "{made}");
        let mut sum = 0.0;
        for (index, planned) in moves.iter().enumerate() {
            sum += gain(planned);
            assert!(sum >= -1e-6, "{made}");
            let risks = planned["risks"].as_array().into_iter().flatten();
            let mut with = risks.filter_map(|risk| risk["with-next"]["moves"].as_u64());
            let next = usize::try_from(with.next().unwrap_or(0)).unwrap();
            assert!(next > 0 || gain(planned) > 0.0, "{made}");
            assert!(index + next < moves.len(), "{made}");
        }
    }
    let with =
        |policy| plan(&file, &["--policy", policy])["report"]["after"]["within_nodes"].as_f64().unwrap();
    assert!(with("recommended") >= with("default"));
}

#[test]
fn what_is_frozen_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |file| {
        let other = |pod: &mut Value| {
            let name = pod["name"].as_str().unwrap().replace("x/", "y/");
            pod["name"] = name.into();
        };
        file["pods"].as_array_mut().unwrap()[..3].iter_mut().for_each(other);
    });
    let of = |plan: &Value, namespace: &str| {
        moves(plan).iter().filter(|planned| planned["pod"].as_str().unwrap().starts_with(namespace)).count()
    };
    let all = plan(&file, &[]);
    assert!(of(&all, "x/") > 0 && of(&all, "y/") > 0, "{all}");
    let frozen = plan(&file, &["--frozen-namespace", "y"]);
    assert!(of(&frozen, "x/") > 0 && of(&frozen, "y/") == 0, "{frozen}");
    let named = plan(&file, &["--namespace", "x", "--namespace", "x"]);
    assert_eq!(moves(&named), moves(&frozen));
    assert_eq!(named["conditions"]["limits"]["frozen_namespaces"], json!(["y"]));
    let nodes = plan(&file, &["--frozen-node", "n2"]);
    let touched = |planned: &&Value| planned["from"] == "n2" || planned["to"] == "n2";
    assert!(!moves(&nodes).is_empty() && moves(&nodes).iter().find(touched).is_none(), "{nodes}");
}

#[test]
fn settings_that_are_advised_are_patches() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    let arguments = ["plan", "--snapshot", &file, "--extender-weight", "10", "-o", "yaml"];
    let text = success(&netmarks(&arguments).unwrap()).unwrap();
    assert!(text.contains("kind: Service") && text.contains("trafficDistribution: PreferSame"), "{text}");
}

#[test]
fn what_contradicts_is_a_wrong_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let (file, kubeconfig) = (snapshot(folder.path(), |_| ()), kubeconfig(folder.path()));
    for arguments in [
        &[] as &[&str],
        &["--snapshot", &file, "--kubeconfig", &kubeconfig],
        &["--snapshot", &file, "--from", &file],
        &["--snapshot", &file, "--apply"],
        &["--snapshot", &file, "--server", "http://127.0.0.1:9820"],
        &["--from", &file, "--moves", "3"],
        &["--from", &file, "--policy", "default"],
        &["--from", &file, "--apply"],
        &["--from", &file, "--yes"],
        &["--from", &file, "--journal", "j"],
        &["--server", "http://127.0.0.1:9820"],
        &["--kubeconfig", &kubeconfig, "--in-cluster"],
        &["--kubeconfig", &kubeconfig, "--apply"],
        &["--kubeconfig", &kubeconfig, "--namespace", "x", "--frozen-namespace", "y"],
        &["--from", &file, "--apply", "--kubeconfig", &kubeconfig, "--dry-run", "server", "--yes"],
        &["--print-role", "--snapshot", &file],
    ] {
        assert_eq!(refused(arguments).0, Some(2), "{arguments:?}");
    }
}

#[test]
fn the_roles_read_and_evict() {
    let roles = success(&netmarks(&["plan", "--print-role"]).unwrap()).unwrap();
    for part in ["name: netmarks-snapshot", "\n---\n", "name: netmarks-evictions", "pods/eviction"] {
        assert!(roles.contains(part), "{part}: {roles}");
    }
    assert!(!roles.contains("secrets") && !roles.contains("delete\""), "{roles}");
}

#[test]
fn the_chart_grants_what_the_roles_grant() {
    let template = repository::read("deploy/helm/netmarks/templates/rebalance.yaml").unwrap();
    let lists =
        template.lines().filter_map(|line| line.trim().strip_prefix("resources: [")?.strip_suffix(']'));
    let granted: BTreeSet<&str> = lists.flat_map(|list| list.split(", ")).collect();
    let read = KINDS.iter().map(|kind| kind.resource);
    assert_eq!(granted, read.chain(["pods/eviction"]).collect(), "{template}");
}

#[test]
fn a_plan_of_nothing_is_carried_out_and_its_journal_is_of_no_other_plan() {
    let folder = tempfile::tempdir().unwrap();
    let (file, kubeconfig) = (snapshot(folder.path(), |_| ()), kubeconfig(folder.path()));
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (full, none, journal) = (at("plan.json"), at("none.json"), at("journal"));
    plan(&file, &["--file", &full]);
    plan(&file, &["--file", &none, "--frozen-namespace", "x"]);
    let apply = |from: &str, more: &[&str]| {
        let arguments = ["plan", "--from", from, "--kubeconfig", &kubeconfig, "--apply"];
        netmarks(&[&arguments[..], more].concat()).unwrap()
    };
    // Nobody is there to be asked.
    let output = apply(&full, &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(failure(&output).unwrap().contains("nothing was evicted: there is no terminal"));
    assert!(!Path::new(&format!("{full}.journal")).exists());

    let done = success(&apply(&none, &["--yes", "-o", "json", "--journal", &journal])).unwrap();
    let report: Value = serde_json::from_str(&done).unwrap();
    assert_eq!(
        report["counts"],
        json!({"moved": 0, "elsewhere": 0, "unreplaced": 0, "skipped": 0, "left": 0})
    );
    assert_eq!(report["stopped"], Value::Null);
    let before = std::fs::read_to_string(&journal).unwrap();
    let output = apply(&full, &["--yes", "--journal", &journal]);
    assert_eq!(output.status.code(), Some(3));
    let errors = failure(&output).unwrap();
    assert!(
        errors.contains("is of another plan") && errors.contains("--journal with another file"),
        "{errors}"
    );
    assert_eq!(std::fs::read_to_string(&journal).unwrap(), before);
    let output = apply(&none, &["--yes", "-o", "yaml", "--journal", &journal]);
    assert!(failure(&output).unwrap().contains("leave --apply out"));

    // A plan that was begun is not replaced by a new one.
    success(&apply(&none, &["--yes"])).unwrap();
    let fresh = ["plan", "--kubeconfig", &kubeconfig, "--apply", "--yes", "--file", &none];
    let output = netmarks(&fresh).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(failure(&output).unwrap().contains("a plan was begun"));
}

mod hostile {
    use super::*;

    #[test]
    fn snapshots_that_no_plan_can_be_made_of_say_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let old = worked_example_file().display().to_string();
        let (code, said) = refused(&["--snapshot", &old]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("netmarks snapshot --kubeconfig FILE --metrics-url URL"), "{said}");
        let says = |change: fn(&mut Value), says: &str| {
            let file = snapshot(folder.path(), change);
            let (code, said) = refused(&["--snapshot", &file]);
            assert!(code == Some(3) && said.contains(says), "{code:?}, {says}: {said}");
        };
        says(|file| file["version"] = json!(9), "version 9");
        says(|file| file["flows"] = json!([]), "has no traffic");
        says(|file| file["nodes"] = json!([]), "no nodes");
        let strange = |file: &mut Value| {
            file["flows"] = json!([{"source": "y/one", "destination": "x/b", "bytes_per_second": 1.0}]);
        };
        says(strange, "y/one -> x/b");
        let (code, said) = refused(&["--snapshot", &folder.path().join("gone").display().to_string()]);
        assert_eq!(code, Some(4), "{said}");
    }

    #[test]
    fn limits_that_cannot_be_kept_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = snapshot(folder.path(), |_| ());
        for (arguments, code, says) in [
            (&["--share-of-pods", "0.01"][..], 3, "less than one pod"),
            (&["--moves", "1", "--per-node", "2"], 3, "more than the 1"),
            (&["--most-on-node", "0.9", "--most-in-zone", "0.5"], 3, "the zone that it is in"),
            (&["--frozen-namespace", "y"], 4, "namespace `y`"),
            (&["--namespace", "y"], 4, "namespace `y`"),
            (&["--frozen-node", "n9"], 4, "no node `n9`"),
            (&["--price-across-zones", "NaN"], 1, "give a number from 0"),
            (&["--policy", "nobody"], 2, "`nobody` is neither"),
            (&["--stop-at=NaN"], 2, "from 0 to 1"),
            (&["--stop-at=-1"], 2, "from 0 to 1"),
            (&["--share-of-pods=2"], 2, "from 0 to 1"),
            (&["--headroom=1.5"], 2, "from 0 to 1"),
            (&["--headroom=-1"], 2, "from 0 to 1"),
            (&["--most-on-node=-1"], 2, "from 0 to 1"),
            (&["--most-in-zone=inf"], 2, "from 0 to 1"),
            (&["--least-gain=NaN"], 2, "give a number from 0"),
            (&["--least-gain=-5"], 2, "give a number from 0"),
        ] {
            let (found, said) = refused(&[&["--snapshot", &file], arguments].concat());
            assert_eq!(found, Some(code), "{arguments:?}: {said}");
            assert!(said.contains(says), "{arguments:?}: {said}");
        }
    }

    #[test]
    fn plans_that_are_none_are_not_carried_out() {
        let folder = tempfile::tempdir().unwrap();
        let (file, kubeconfig) = (snapshot(folder.path(), |_| ()), kubeconfig(folder.path()));
        let path = folder.path().join("plan.json");
        let kept = path.display().to_string();
        let made = plan(&file, &["--file", &kept]);
        let apply = ["--from", &kept, "--apply", "--yes", "--kubeconfig", &kubeconfig];
        for (key, value, says) in [
            ("/version", json!(2), "it has version 2"),
            ("/moves/0/to", made["moves"][0]["from"].clone(), "to the same node"),
            ("/moves/0/pod", json!("a-0"), "namespace/name"),
            ("/made_from/anonymised", json!(true), "anonymised"),
        ] {
            let mut changed = made.clone();
            changed["made_from"]["anonymised"] = json!(false);
            *changed.pointer_mut(key).unwrap() = value;
            std::fs::write(&path, changed.to_string()).unwrap();
            let (code, said) = refused(&apply);
            assert!(code == Some(3) && said.contains(says), "{code:?}, {says}: {said}");
        }
        assert!(!folder.path().join("plan.json.journal").exists());
    }
}
