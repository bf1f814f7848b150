//! `netmarks policy`, run as authors of policies run it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use crate::support::binary::{failure, netmarks, success};
use netmarks_test_cluster::repository::{guest_file, policy_file, repository, text_file};
use serde_json::Value;

fn policy(name: &str) -> String {
    policy_file(name).display().to_string()
}

fn golden(name: &str, shown: &str) {
    let file = repository(&format!("host/netmarks/tests/golden/{name}.txt"));
    if std::env::var_os("NETMARKS_BLESS").is_some() {
        std::fs::write(&file, shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(&file).unwrap(), "NETMARKS_BLESS=1 renews it");
}

/// A component of the tests that is written as text, as a file.
fn component(folder: &Path, name: &str) -> String {
    let bytes = wat::parse_file(text_file(name)).unwrap();
    let file = folder.join(name).with_extension("wasm");
    std::fs::write(&file, bytes).unwrap();
    file.display().to_string()
}

const FAILING: &str = "
snapshot:
  nodes: {a: {}, b: {}}
  pods: [{application: shop/cart, on: {b: 2}}]
  flows: [{from: shop/web, to: shop/cart, bytes_per_second: 100}]
cases:
  - {name: right, pod: {application: shop/web}, expect: {order: [b, a]}}
  - {name: wrong, pod: {application: shop/web}, expect: {order: [a, b], scores: {a: 0, b: 100}}}
";

#[test]
fn test_runs_cases_and_properties_and_measures() {
    let cases = repository("guest/spread/cases.yaml").display().to_string();
    let spread = policy("spread");
    let shown = success(&netmarks(&["policy", "test", &spread, "--cases", &cases]).unwrap()).unwrap();
    golden("policy-test", &shown.replace(&cases, "cases.yaml"));

    let arguments = ["policy", "test", &spread, "--bench", "--seed", "9", "-o", "json"];
    let json: Value = serde_json::from_str(&success(&netmarks(&arguments).unwrap()).unwrap()).unwrap();
    let nodes: Vec<&Value> =
        json["bench"]["rows"].as_array().unwrap().iter().map(|row| &row["nodes"]).collect();
    assert_eq!(nodes, [100, 500, 5_000]);
    assert!(json["bench"]["rows"][2]["memory_bytes"].as_u64().unwrap() >= 65_536);
    assert_eq!(json["conformance"]["seed"], 9);
    assert_eq!(json["conformance"]["properties"].as_array().unwrap().len(), 7);
    assert_eq!(json["cases"], serde_json::json!([]));
}

#[test]
fn test_fails_with_exit_code_1_and_shows_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases.yaml");
    std::fs::write(&cases, FAILING).unwrap();
    let cases = cases.display().to_string();
    let arguments = ["policy", "test", &policy("netmarks"), "--cases", &cases];
    let output = netmarks(&arguments).unwrap();
    assert_eq!(output.status.code(), Some(1));
    golden("policy-test-failed", &String::from_utf8(output.stdout).unwrap().replace(&cases, "cases.yaml"));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: 1 case failed\n");

    let output = netmarks(&[&arguments[..], &["-o", "json"]].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let difference = &json["cases"][0]["cases"][1]["difference"];
    assert_eq!(difference["nodes"][1]["got"], 200.0);
    assert_eq!(difference["got_order"], serde_json::json!([["b"], ["a"]]));
    assert_eq!(json["cases"][0]["cases"][0], serde_json::json!({"name": "right"}));
}

#[test]
fn test_fails_where_a_property_does_not_hold() {
    let unfair = guest_file("unfair").display().to_string();
    let output = netmarks(&["policy", "test", &unfair, "--parameter", "fault=node-order"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("FAIL  does not mind the order of the nodes"), "{shown}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "error: 1 property does not hold\n");
}

#[test]
fn test_holds_a_policy_to_the_limits_of_the_flags() {
    let unfair = guest_file("unfair").display().to_string();
    let flags = ["--parameter", "fault=slow", "--deadline-ms", "100"];
    let output = netmarks(&[&["policy", "test", &unfair][..], &flags].concat()).unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("5000 nodes: policy `unfair` failed at score: it missed its deadline of 100ms"),
        "{shown}"
    );

    // Rust's stack alone is as much.
    let output = netmarks(&["policy", "test", &unfair, "--memory-mib", "1"]).unwrap();
    let errors = failure(&output).unwrap();
    assert!(errors.contains("it wanted more than its 1048576 bytes of memory"), "{errors}");
}

#[test]
fn test_says_what_is_wrong_with_files_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.wasm");
    std::fs::write(&text, "text").unwrap();
    let text = text.display().to_string();
    for (arguments, says) in [
        (vec!["none.wasm"], "failed to read none.wasm"),
        (vec![&text], "not a WebAssembly component"),
        (vec![&policy("spread"), "--cases", "none.yaml"], "failed to read none.yaml"),
        (vec![&policy("spread"), "--cases", &text], "text.wasm cannot be used"),
        (vec![&policy("spread"), "--parameter", "zone-weight=much"], "must be a number from 0 to 1"),
        (vec![&policy("netmarks"), "--parameter", "weight=1"], "unknown parameter `weight`"),
    ] {
        let errors = failure(&netmarks(&[vec!["policy", "test"], arguments].concat()).unwrap()).unwrap();
        assert!(errors.contains(says), "{errors}");
    }
    for flags in [["--parameter", "weight"], ["--grant", "network"]] {
        let output = netmarks(&[&["policy", "test", &policy("netmarks")][..], &flags].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "a usage error");
    }
}

/// The lines that change with every build of the SDK, without what changes.
fn without_digest(shown: &str) -> String {
    let hidden = |line: &str| match line.split_once(' ') {
        Some((name @ ("size" | "digest"), _)) => format!("{name} ...\n"),
        _ => format!("{line}\n"),
    };
    shown.lines().map(hidden).collect()
}

#[test]
fn inspect_shows_what_a_policy_is() {
    let zone_cost = policy("zone-cost");
    let shown = success(&netmarks(&["policy", "inspect", &zone_cost]).unwrap()).unwrap();
    golden("policy-inspect", &without_digest(&shown));

    let output = netmarks(&["policy", "inspect", &zone_cost, "-o", "json"]).unwrap();
    let json: Value = serde_json::from_str(&success(&output).unwrap()).unwrap();
    assert_eq!(json["bytes"], std::fs::metadata(&zone_cost).unwrap().len());
    assert!(shown.contains(json["digest"].as_str().unwrap()));
    assert_eq!(json["contract"], "netmarks:policy/scoring@0.1.0");
    assert_eq!(json["description"]["needs"][0], "peers");
    let far = &json["description"]["parameters"][3];
    assert_eq!(
        (&far["name"], &far["default"], &far["type"]),
        (&"far".into(), &0.04.into(), &"number".into())
    );
    assert_eq!(json["refused"], Value::Null);
}

/// What it shows of a policy that it refuses.
fn refused(arguments: &[&str]) -> String {
    let output = netmarks(arguments).unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn inspect_says_what_is_wrong_and_shows_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.wasm");
    std::fs::write(&text, "text").unwrap();
    let guest = |name: &str| guest_file(name).display().to_string();
    for (file, stage, cause, shows) in [
        (text.display().to_string(), "check", "not-wasm", "imports   none"),
        (component(folder.path(), "core-module"), "check", "core-module", "wasm-tools component new"),
        (component(folder.path(), "wasi-import"), "check", "forbidden-import", "wasi:cli/environment@0.2.6"),
        (component(folder.path(), "wrong-version"), "check", "wrong-version", "scoring@0.2.0"),
        (guest("bad-need"), "describe", "need", "netmarks:policy/scoring@0.1.0"),
        (guest("trap-describe"), "describe", "trap", "does not get as far as saying what it is"),
    ] {
        let shown = refused(&["policy", "inspect", &file]);
        assert!(shown.contains("verdict   refused: ") && shown.contains(shows), "{shown}");
        let json: Value =
            serde_json::from_str(&refused(&["policy", "inspect", &file, "-o", "json"])).unwrap();
        assert_eq!((&json["refused"]["stage"], &json["refused"]["cause"]), (&stage.into(), &cause.into()));
    }
    // Its description is known where only its parameters are wrong.
    let arguments = ["policy", "inspect", &policy("zone-cost"), "--parameter", "far=0"];
    let shown = refused(&arguments);
    assert!(shown.starts_with("zone-cost 0.1.0\n") && shown.contains("prices must not fall"), "{shown}");
}
