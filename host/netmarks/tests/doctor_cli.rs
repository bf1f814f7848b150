//! `netmarks doctor` where there is less than a whole cluster.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::process::Output;

use crate::support::binary::{Server, netmarks_with};
use crate::support::{eventually, nobody, worked_example_file};
use serde_json::Value;

/// Where no kubeconfig is.
async fn doctor(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().display().to_string();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        netmarks_with(&[&["doctor"], &arguments[..]].concat(), &[("HOME", &home), ("KUBECONFIG", "")])
            .unwrap()
    })
    .await
    .unwrap()
}

fn findings(output: &Output) -> Vec<(String, String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|found| (text(found, "check"), text(found, "status"), text(found, "found"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_is_a_demo() {
    // A demo asks by itself, with the deadlines of production, which a machine without a free core misses: that is another finding.
    let (server, output) = eventually("a demo was given a core", async || {
        let server = Server::demo(&[]).await?;
        let output = doctor(&["--server", &server.url, "-o", "json"]).await;
        let missed = findings(&output).iter().any(|(_, _, found)| found.contains("were empty"));
        Ok((!missed).then_some((server, output)))
    })
    .await
    .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = findings(&output);
    assert!(found.iter().all(|(_, status, _)| status == "ok" || status == "skipped"), "{found:?}");
    assert!(
        found.iter().any(|(check, _, found)| check == "cluster" && found.contains("is a demo")),
        "{found:?}"
    );
    let shown = String::from_utf8(doctor(&["--server", &server.url]).await.stdout).unwrap();
    assert!(shown.contains("not looked at") && !shown.contains("What to do"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_file_is_not_examined_as_a_cluster() {
    let file = worked_example_file().display().to_string();
    let server = Server::serve(tempfile::tempdir().unwrap(), &["--snapshot", &file], &[]).await.unwrap();
    let output = doctor(&["--server", &server.url, "-o", "json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = findings(&output);
    assert!(found.iter().any(|(_, _, found)| found.contains("served from a snapshot file")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_named_is_not_looked_at() {
    let (_held, address) = nobody().unwrap();
    let url = format!("http://{address}");
    let output = doctor(&["--server", &url, "-o", "json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let found = findings(&output);
    let problems: Vec<&str> =
        found.iter().filter(|(_, status, _)| status == "problem").map(|(check, ..)| check.as_str()).collect();
    assert_eq!(problems, ["extender"], "{found:?}");
    for check in ["cluster", "metrics store"] {
        let (_, status, found) = found.iter().find(|(name, ..)| name == check).unwrap();
        assert!(status == "skipped" && found.starts_with("not looked at: "), "{check}: {found}");
    }
    // Where a configuration was given, what it lacks is a problem.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "").unwrap();
    let file = file.display().to_string();
    let found = findings(&doctor(&["--server", &url, "--config", &file, "-o", "json"]).await);
    for check in ["cluster", "metrics store"] {
        assert!(found.iter().any(|(name, status, _)| name == check && status == "problem"), "{found:?}");
    }
    // Nothing at all to look at is not a success.
    assert_eq!(doctor(&[]).await.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_of_a_kubeconfig_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, "users: [{user: {token: hunter2}}]\nusers: [\n").unwrap();
    let file = file.display().to_string();
    let output = doctor(&["--kubeconfig", &file]).await;
    let shown = format!("{output:?}");
    assert!(shown.contains("kubeconfig") && !shown.contains("hunter2"), "{shown}");
    for arguments in
        [&["doctor"] as &[&str], &["doctor", "-o", "json"], &["serve", "--listen", "127.0.0.1:0"]]
    {
        let shown = format!("{:?}", netmarks_with(arguments, &[("KUBECONFIG", &file)]).unwrap());
        assert!(shown.contains("KUBECONFIG") && shown.contains("line 1"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
