//! `netmarks simulate` as a user runs it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do; JSON without a key is null"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::repository::guest_file;
use netmarks_test_cluster::until;
use serde_json::{Value, json};

use crate::support::binary::{failure, netmarks, netmarks_with, success};

/// Two zones of two nodes; `a` and `b` talk, `c` does not.
fn snapshot(folder: &Path, change: impl FnOnce(&mut Value)) -> String {
    let node = |index: usize| {
        json!({
            "name": format!("n{index}"),
            "labels": {"kubernetes.io/hostname": format!("n{index}"), "topology.kubernetes.io/zone": format!("z{}", index % 2)},
            "allocatable_cpu_cores": 4.0, "allocatable_memory_bytes": 8_589_934_592u64,
        })
    };
    let pod = |application: &str, index: usize| {
        json!({
            "name": format!("x/{application}-{index}"), "application": format!("x/{application}"),
            "node": format!("n{index}"), "labels": {"app": application},
            "cpu_request_cores": 0.5, "memory_request_bytes": 134_217_728u64,
        })
    };
    let pods: Vec<Value> = ["a", "b", "c"]
        .into_iter()
        .flat_map(|of| (0..2).map(move |index| (of, index)))
        .map(|(of, index)| pod(of, index))
        .collect();
    let mut file = json!({
        "version": 2, "taken_at": 1.0, "identity": "app",
        "nodes": (0..4).map(node).collect::<Vec<_>>(), "pods": pods, "flows_at": 1.0,
        "flows": [{"source": "x/a", "destination": "x/b", "bytes_per_second": 1e6}],
    });
    change(&mut file);
    let path = folder.join("snapshot.json");
    std::fs::write(&path, file.to_string()).unwrap();
    path.display().to_string()
}

fn report(arguments: &[&str]) -> Value {
    let output = netmarks(&[&["simulate", "-o", "json"], arguments].concat()).unwrap();
    serde_json::from_str(&success(&output).unwrap()).unwrap()
}

fn mean(report: &Value, arm: usize, figure: &str) -> f64 {
    report["arms"][arm]["figures"][figure]["mean"].as_f64().unwrap()
}

/// A pod prefers its peers' nodes, as the webhook would have it, also where two come at once; where too little would be
/// saved, or pods are opted out, the arm is the scheduler alone.
#[test]
fn the_webhook_is_simulated_beside_the_extender() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    let doors = ["--snapshot", &file, "--door", "extender", "--door", "admission"];
    for burst in ["1", "2"] {
        let report = report(&[&doors[..], &["--created-at-once", burst]].concat());
        let names: Vec<&str> =
            report["arms"].as_array().unwrap().iter().map(|arm| arm["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["default", "netmarks", "netmarks (admission)"]);
        let within = |arm| mean(&report, arm, "bytes_within_node_local_routing");
        assert!(within(2) > within(0) + 0.2, "{burst} at once: {report}");
        assert_eq!(report["arms"][2]["faults"], 0);
    }
    let alone = |file: &str, config: &str| {
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, format!("admission: {config}\n")).unwrap();
        let path = path.display().to_string();
        let report = report(&["--snapshot", file, "--door", "admission", "--admission-config", &path]);
        assert_eq!(
            report["arms"][0]["figures"],
            without_difference(&report["arms"][1]["figures"]),
            "{config}"
        );
    };
    alone(&file, "{min_saved_bytes_per_second: 10000000}");
    alone(&file, "{schedulers: [other]}");
    let opted_out = snapshot(folder.path(), |file| {
        for pod in file["pods"].as_array_mut().unwrap() {
            pod["labels"]["netmarks.dev/admission"] = json!("disabled");
        }
    });
    alone(&opted_out, "{}");
}

fn without_difference(figures: &Value) -> Value {
    let mut figures = figures.clone();
    for figure in figures.as_object_mut().unwrap().values_mut() {
        figure.as_object_mut().unwrap().remove("difference");
    }
    figures
}

#[test]
fn traffic_stays_local_with_netmarks_and_the_seed_decides_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    let arguments = ["--snapshot", &file, "--repetitions", "20", "--price-across-zones", "0.02"];
    let first = report(&arguments);
    assert_eq!(first["arms"][1]["name"], "netmarks");
    let within = |arm| mean(&first, arm, "bytes_within_node_local_routing");
    assert!(within(1) > within(0) + 0.3, "{first}");
    let difference = &first["arms"][1]["figures"]["price_per_month"]["difference"];
    let (saved, half) = (difference["mean"].as_f64().unwrap(), difference["half_width"].as_f64().unwrap());
    assert!(saved + half < 0.0, "what crosses no zone costs nothing: {difference}");
    assert_eq!(first, report(&arguments), "the same seed, the same report");
    assert_ne!(first, report(&[&arguments[..], &["--seed", "2"]].concat()));
}

#[test]
fn every_order_and_arm_gives_a_report_that_fits_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    for order in ["creation", "random", "applications", "rollout", "rollout=3", "drain=n0"] {
        let arms = ["default", "netmarks=2,spread=1", "declared", "random", "optimal"];
        let arms: Vec<&str> = arms.into_iter().flat_map(|arm| ["--arm", arm]).collect();
        let arguments =
            [&["simulate", "--snapshot", &file, "--order", order, "--repetitions", "2"], &arms[..]].concat();
        let output = netmarks_with(&arguments, &[("COLUMNS", "80")]).unwrap();
        let text = success(&output).unwrap();
        assert!(text.contains("bytes within a node") && text.contains("Difference to `default`"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{order}: {text}");
    }
    let drained = report(&["--snapshot", &file, "--order", "drain=n0", "--repetitions", "3"]);
    assert_eq!(mean(&drained, 0, "pods_without_node"), 0.0);
    assert_eq!(drained["arms"][0]["decisions"], 9, "the three pods of the node, three times");
}

#[test]
fn recorded_decisions_are_replayed_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    let decisions = folder.path().join("decisions.json");
    let write = |text: &str| std::fs::write(&decisions, text).unwrap();
    let path = decisions.display().to_string();
    write(r#"[{"pod": "x/b-0", "more": 1}, {"pod": "x/gone"}, {"pod": "x/a-0"}, {"pod": "x/a-0"}]"#);
    let replayed = report(&["--snapshot", &file, "--replay", &path, "--repetitions", "2"]);
    assert_eq!(replayed["arms"][0]["decisions"], 4);
    write(r#"[{"pod": "x/gone"}]"#);
    let refused = netmarks(&["simulate", "--snapshot", &file, "--replay", &path]).unwrap();
    assert_eq!(refused.status.code(), Some(4));
    assert!(failure(&refused).unwrap().contains("none of the pods of"));
    write("no list");
    let refused = netmarks(&["simulate", "--snapshot", &file, "--replay", &path]).unwrap();
    assert!(failure(&refused).unwrap().contains("not a JSON list of decisions"));
}

#[tokio::test]
async fn ctrl_c_prints_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path(), |_| ());
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmarks"));
    isolated(&mut command).args(["simulate", "--snapshot", &file, "--repetitions", "100000", "-o", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let caught = until("it catches the signal", Duration::from_secs(60), async || {
        let status = std::fs::read_to_string(&status)?;
        let mask =
            status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim().to_owned();
        // SIGINT is the second signal.
        Ok((u64::from_str_radix(&mask, 16)? & 2 != 0).then_some(()))
    });
    caught.await.unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{errors}");
    assert!(errors.contains("the report is of what was done until then"), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["arms"][0]["repetitions"].as_u64().unwrap() < 100_000, "{report}");
}

#[test]
fn the_page_is_written_beside_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let (file, page) = (snapshot(folder.path(), |_| ()), folder.path().join("page.html"));
    let html = page.display().to_string();
    report(&["--snapshot", &file, "--repetitions", "2", "--html", &html]);
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(
        text.starts_with("<!DOCTYPE html>") && text.contains("netmarks"),
        "{}",
        &text[..text.len().min(200)]
    );
}

mod hostile {
    use super::*;

    #[test]
    fn a_full_disk_and_a_device_leave_no_half_page() {
        let folder = tempfile::tempdir().unwrap();
        let (file, page) = (snapshot(folder.path(), |_| ()), folder.path().join("page.html"));
        std::fs::write(&page, "older").unwrap();
        // A file may grow to 8 blocks of 512 bytes, and a write beyond that fails instead of ending the program.
        let script = format!(
            "trap '' XFSZ; ulimit -f 8; exec {} simulate --snapshot {file} --repetitions 2 --html {}",
            env!("CARGO_BIN_EXE_netmarks"),
            page.display()
        );
        let mut command = Command::new("sh");
        let output = isolated(&mut command).args(["-c", &script]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("page.html"), "{errors}");
        assert_eq!(std::fs::read_to_string(&page).unwrap(), "older");
        let socket = folder.path().join("socket");
        let _held = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let socket = socket.display().to_string();
        let refused = netmarks(&["simulate", "--snapshot", &file, "--html", &socket]).unwrap();
        assert!(failure(&refused).unwrap().contains("is not a regular file"));
    }

    #[test]
    fn a_policy_that_fails_in_the_middle_is_counted_and_the_arm_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = snapshot(folder.path(), |_| ());
        // It behaves while it is tried, and fails for every pod that has four candidates or more.
        let guest = guest_file("hostile").display().to_string();
        let arm = format!("{guest}:behaviour=trap:candidates=4");
        let failed = report(&["--snapshot", &file, "--arm", "default", "--arm", &arm, "--repetitions", "2"]);
        assert_eq!(
            (&failed["arms"][1]["faults"], &failed["arms"][1]["repetitions"]),
            (&json!(12), &json!(2))
        );
        assert_eq!(
            failed["arms"][0]["figures"]["gained_affinity"]["mean"],
            failed["arms"][1]["figures"]["gained_affinity"]["mean"],
            "without scores it decides as the scheduler alone does"
        );
        let arguments =
            ["simulate", "--snapshot", &file, "--arm", "default", "--arm", &arm, "--repetitions", "2"];
        let wide = [("COLUMNS", "200")];
        let text = success(&netmarks_with(&arguments, &wide).unwrap()).unwrap();
        assert!(
            text.contains(
                "`hostile.wasm:behaviour=trap:candidates=4`: a policy failed in 12 of 12 decisions"
            ),
            "{text}"
        );
    }

    #[test]
    fn what_cannot_be_simulated_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let says = |change: fn(&mut Value), says: &str| {
            let file = snapshot(folder.path(), change);
            let error = failure(&netmarks(&["simulate", "--snapshot", &file]).unwrap()).unwrap();
            assert!(error.contains(says), "{says}: {error}");
        };
        says(|file| file["version"] = json!(9), "version 9");
        says(
            |file| file["flows"][0]["bytes_per_second"] = json!(-1.0),
            "`bytes_per_second` of `x/a -> x/b` is -1",
        );
        says(|file| file["nodes"] = json!([]), "no nodes");
        says(|file| file["pods"] = json!([]), "no pods");
        let file = snapshot(folder.path(), |_| ());
        for (arguments, code, says) in [
            (vec!["--arm", "nobody"], 2, "`nobody` is neither"),
            (vec!["--order", "backwards"], 2, "`backwards` is not an order"),
            (vec!["--order", "drain=n9"], 4, "no node `n9`"),
            (vec!["--arm", "none.wasm"], 4, "none.wasm"),
            (vec!["--price-across-zones", "NaN"], 1, "--price-across-zones NaN is not a number"),
        ] {
            let output = netmarks(&[&["simulate", "--snapshot", &file], &arguments[..]].concat()).unwrap();
            assert_eq!(output.status.code(), Some(code), "{arguments:?}");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains(says), "{arguments:?}: {said}");
        }
    }

    #[test]
    fn a_node_that_is_not_there_leaves_its_pods_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let file = snapshot(folder.path(), |file| file["pods"][0]["node"] = json!("gone"));
        let found = report(&["--snapshot", &file, "--repetitions", "1"]);
        assert_eq!(found["as_found"]["pods_without_node"], json!(1.0));
        assert_eq!(mean(&found, 0, "pods_without_node"), 0.0, "the simulation finds it one");
    }
}
