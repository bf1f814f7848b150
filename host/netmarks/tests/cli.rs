//! The command line, run as users run it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::process::Command;

use crate::support::binary::{Server, failure, netmarks, netmarks_with, success};
use crate::support::{NODES, client, eventually, request, scores, worked_example_file};
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::repository::policy_file;
use serde_json::{Value, json};

fn sample() -> String {
    worked_example_file().display().to_string()
}

/// A configuration file in `folder`.
fn config(folder: &Path, text: &str) -> String {
    let file = folder.join("config.yaml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn the_demo_ranks_and_says_why() {
    let shown = success(&netmarks(&["demo", "--admin-listen", "127.0.0.1:0", "--once"]).unwrap()).unwrap();
    let golden = netmarks_test_cluster::repository("host/netmarks/tests/golden/demo-once.txt");
    if std::env::var_os("NETMARKS_BLESS").is_some() {
        std::fs::write(&golden, &shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(&golden).unwrap(), "NETMARKS_BLESS=1 renews it");
}

#[test]
fn score_ranks_the_worked_example_for_machines_and_for_people() {
    let output = netmarks(&["score", "--snapshot", &sample(), "--pod", "default/p-0", "-o", "json"]).unwrap();
    let ranking: Vec<Value> = serde_json::from_str(&success(&output).unwrap()).unwrap();
    let column = |key: &str| ranking.iter().map(|node| node[key].clone()).collect::<Vec<_>>();
    assert_eq!(column("node"), ["node-3", "node-2", "node-1", "node-4"]);
    assert_eq!(column("score"), [10, 7, 5, 0]);
    assert_eq!(column("raw"), [160.0, 110.0, 80.0, 0.0]);
    assert_eq!(ranking[1]["peers"][0]["application"], "default/w");
    let keys: Vec<&String> = ranking[0].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 4, "{keys:?}");

    let arguments = ["score", "--snapshot", &sample(), "--pod", "default/p-0", "--limit", "1"];
    let table = success(&netmarks(&arguments).unwrap()).unwrap();
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    assert_eq!(lines, [" NODE    SCORE  RAW    FROM", " node-3     10  160.0  default/s 160.0 B/s"]);
}

#[test]
fn score_explains_in_the_policy_s_own_words() {
    let arguments = ["score", "--snapshot", &sample(), "--pod", "default/p-0", "--explain"];
    let json = success(&netmarks(&[&arguments[..], &["-o", "json"]].concat()).unwrap()).unwrap();
    let ranking: Vec<Value> = serde_json::from_str(&json).unwrap();
    let sum: f64 =
        ranking[1]["parts"].as_array().unwrap().iter().map(|part| part["amount"].as_f64().unwrap()).sum();
    assert_eq!((ranking[1]["node"].as_str(), sum), (Some("node-2"), 110.0));
    let table = success(&netmarks(&arguments).unwrap()).unwrap();
    assert!(
        table
            .lines()
            .any(|line| line.contains("node-3") && line.contains("default/s") && line.contains("160.0")),
        "{table}"
    );
}

#[test]
fn score_says_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let no_snapshot = folder.path().join("none.json").display().to_string();
    let no_wasm = folder.path().join("text.wasm");
    std::fs::write(&no_wasm, "text").unwrap();
    let no_wasm = no_wasm.display().to_string();
    let sample = sample();
    for (arguments, says) in [
        (
            vec!["--snapshot", &sample, "--pod", "default/nobody"],
            vec!["no pod `default/nobody`", "pending there: default/p-0"],
        ),
        (vec!["--snapshot", &no_snapshot, "--pod", "default/p-0"], vec!["none.json", "No such file"]),
        (
            vec!["--snapshot", &sample, "--pod", "default/p-0", "--policy", &no_wasm],
            vec!["policy `text`", "not a WebAssembly component"],
        ),
    ] {
        let errors = failure(&netmarks(&[vec!["score"], arguments].concat()).unwrap()).unwrap();
        assert!(errors.starts_with("error: "), "{errors}");
        assert!(says.iter().all(|says| errors.contains(says)), "{errors}");
    }
}

#[test]
fn check_accepts_a_good_configuration_and_explains_a_bad_one() {
    let folder = tempfile::tempdir().unwrap();
    let check =
        |text: &str| netmarks(&["serve", "--check", "--config", &config(folder.path(), text)]).unwrap();
    let said = success(&check("scoring:\n  top: 100\n  map: square-root\n")).unwrap();
    assert!(said.starts_with("configuration is valid; policy netmarks sha256:"), "{said}");
    success(&check("# nothing but a comment\n")).unwrap();

    std::fs::write(folder.path().join("bad.wasm"), "no component").unwrap();
    let bad_policy = format!("policy:\n  file: {}\n", folder.path().join("bad.wasm").display());
    let no_policy = format!("policy:\n  file: {}\n", folder.path().join("missing.wasm").display());
    for (text, says) in [
        ("scoring:\n  tpo: 5\n", "unknown key `scoring.tpo`; did you mean `scoring.top`?"),
        ("scorring:\n  top: 5\n", "unknown key `scorring`; did you mean `scoring`?"),
        (
            "listen: 127.0.0.1:1\n",
            "unknown key `listen`; did you mean `admin.listen` or `admission.listen` or `server.listen`?",
        ),
        ("scoring:\n  top: 0\n", "`scoring.top` is 0; it must be a whole number from 1 to 1000000"),
        ("scoring:\n  top: many\n", "`scoring.top` is the text \"many\""),
        ("scoring: [\n", "not valid YAML"),
        ("policy:\n  parameters: {nothing: 1}\n", "nothing"),
        ("server:\n  tls: {cert_file: /missing.crt}\n", "`server.tls.key_file`"),
        ("cluster:\n  snapshot_file: /missing.json\n", "/missing.json"),
        ("log:\n  filter: 'a=b=c'\n", "`log.filter` is not a filter"),
        (&bad_policy, "policy `bad` failed at check"),
        (&no_policy, "missing.wasm"),
    ] {
        let errors = failure(&check(text)).unwrap();
        assert!(errors.contains(says), "{text}: {errors}");
    }
    let errors =
        failure(&netmarks_with(&["serve", "--check"], &[("NETMARKS_SCORING_TPO", "5")]).unwrap()).unwrap();
    assert!(errors.contains("NETMARKS_SCORING_TPO; did you mean NETMARKS_SCORING_TOP?"), "{errors}");
}

#[test]
fn every_command_has_examples_in_its_help() {
    for command in [
        vec![],
        vec!["serve"],
        vec!["demo"],
        vec!["score"],
        vec!["simulate"],
        vec!["snapshot"],
        vec!["policy"],
        vec!["policy", "test"],
        vec!["policy", "inspect"],
        vec!["policy", "new"],
        vec!["policy", "push"],
        vec!["policy", "list"],
        vec!["policy", "activate"],
        vec!["policy", "canary"],
        vec!["policy", "shadow"],
        vec!["policy", "ready"],
        vec!["policy", "report"],
        vec!["policy", "rollback"],
        vec!["policy", "remove"],
        vec!["completion"],
        vec!["doctor"],
    ] {
        let help = success(&netmarks(&[command.clone(), vec!["--help"]].concat()).unwrap()).unwrap();
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command:?}: {help}"));
        let lines: Vec<&str> = examples.lines().filter(|line| !line.trim().is_empty()).collect();
        assert!(lines.len() >= 2 && lines.iter().all(|line| line.starts_with("  netmarks ")), "{examples}");
    }
    let version = success(&netmarks(&["-V"]).unwrap()).unwrap();
    assert_eq!(version, format!("netmarks {}\n", env!("CARGO_PKG_VERSION")));
    let version = success(&netmarks(&["--version"]).unwrap()).unwrap();
    let mut lines = version.lines();
    assert_eq!(lines.next(), Some(format!("netmarks {}", env!("CARGO_PKG_VERSION")).as_str()));
    let told: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let keys: Vec<&str> = told.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["revision", "rustc", "wasmtime", "contracts"], "{version}");
    assert!(told.iter().all(|(_, value)| !value.is_empty() && *value != "unknown"), "{version}");
    assert_eq!(netmarks(&["sevre"]).unwrap().status.code(), Some(2), "a usage error is not a failure");
}

#[test]
fn shells_can_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = success(&netmarks(&["completion", shell]).unwrap()).unwrap();
        assert!(
            script.contains("netmarks") && script.contains("rollback") && script.contains("doctor"),
            "{shell}: {script}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_running_extender_is_the_one_that_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::serve(folder, &["--snapshot", &sample()], &[]).await.unwrap();
    let written = server.folder.path().join("written.json");
    let url = server.url.clone();
    let output = {
        let file = written.display().to_string();
        tokio::task::spawn_blocking(move || netmarks(&["snapshot", "--server", &url, "--file", &file]))
    };
    let said = success(&output.await.unwrap().unwrap()).unwrap();
    assert_eq!(said, format!("wrote {}: 4 nodes, 4 pods, 6 flows carrying 350.0 B/s\n", written.display()));

    let mut given = SnapshotFile::read(&worked_example_file()).unwrap();
    let taken = SnapshotFile::read(&written).unwrap();
    assert!(taken.taken_at > given.taken_at);
    given.taken_at = taken.taken_at;
    // Labels are kept of no live pod.
    given.pods.iter_mut().for_each(|pod| pod.labels.clear());
    assert_eq!(taken, given);
    let file = written.display().to_string();
    let again = netmarks(&["score", "--snapshot", &file, "--pod", "default/p-0", "-o", "json"]).unwrap();
    let given = netmarks(&["score", "--snapshot", &sample(), "--pod", "default/p-0", "-o", "json"]).unwrap();
    assert_eq!(success(&again).unwrap(), success(&given).unwrap());
    assert!(server.terminate().await.unwrap().contains("exit status: 0"));

    let url = server.url.clone();
    let output =
        tokio::task::spawn_blocking(move || netmarks(&["snapshot", "--server", &url, "--file", "-"]));
    let errors = failure(&output.await.unwrap().unwrap()).unwrap();
    assert!(errors.contains("is `netmarks serve` running there? (--server)"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_serves_what_it_prints() {
    let mut server = Server::demo(&[]).await.unwrap();
    let log = server.log().unwrap();
    let commands: Vec<String> =
        log.lines().filter_map(|line| Some(line[line.find("curl -s ")?..].to_owned())).collect();
    assert_eq!(commands.len(), 2, "{log}");
    let answer = async |command: &str| {
        // Just as a user would paste it.
        let command = command.to_owned();
        let shell = tokio::task::spawn_blocking(move || {
            isolated(&mut Command::new("sh")).args(["-c", &command]).output()
        });
        success(&shell.await??)
    };
    // The demo has the deadlines of production, which a busy machine may let it miss: then the answer is empty.
    let named = eventually("nodes are named", async || {
        let named = scores(&answer(&commands[0]).await?)?;
        Ok((!named.is_empty()).then_some(named))
    })
    .await
    .unwrap();
    let best = named.iter().max_by_key(|(_, score)| *score).unwrap();
    assert_eq!(best.1, 10);
    // A decision is remembered a moment after its answer was sent.
    let decided = eventually("the decision is remembered", async || {
        let decisions: Value = serde_json::from_str(&answer(&commands[1]).await?)?;
        Ok(decisions[0]["nodes"][0]["node"].as_str().map(str::to_owned))
    })
    .await
    .unwrap();
    assert_eq!(decided, *best.0);
    let ranked = log.lines().find(|line| line.contains(&best.0)).unwrap();
    assert!(ranked.split_whitespace().any(|word| word == "10"), "the table says the same: {ranked}");
    let ended = server.terminate().await.unwrap();
    assert!(ended.contains("exit status: 0"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_ends_it_well_also_with_open_connections() {
    let mut server =
        Server::serve(tempfile::tempdir().unwrap(), &["--snapshot", &sample()], &[]).await.unwrap();
    assert_eq!(server.prioritize(&request(&NODES)).await.unwrap().len(), 3);
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let idle = tokio::net::TcpStream::connect(address).await.unwrap();
    let ended = server.terminate().await.unwrap();
    assert!(ended.contains("exit status: 0"), "{ended}");
    assert_eq!(server.logged("SIGTERM, stopping").unwrap().len(), 1);
    assert_eq!(server.logged("connections were still busy").unwrap(), Vec::<Value>::new());
    drop(idle);
}

#[test]
fn a_port_in_use_is_an_error_that_says_how_to_choose_another() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = netmarks(&["serve", "--snapshot", &sample(), "--listen", &address]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let told = format!("error: failed to listen on {address}; choose another with --listen");
    assert!(errors.contains(&told) && errors.contains("in use"), "{errors}");
}

#[test]
fn without_a_cluster_it_says_where_to_name_one() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().display().to_string();
    let output =
        netmarks_with(&["serve", "--listen", "127.0.0.1:0"], &[("HOME", &home), ("KUBECONFIG", "")]).unwrap();
    assert_eq!(output.status.code(), Some(4), "there is no kubeconfig");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("set `cluster.kubeconfig`, or try `netmarks demo`"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = config(
        folder.path(),
        "scoring: {top: 20, decisions: 0}\nlog: {filter: warn}\nserver: {listen: '127.0.0.1:1'}\n",
    );
    let environment = [("NETMARKS_SCORING_TOP", "40"), ("NETMARKS_LOG_FILTER", "error")];
    let arguments = ["--config", &file, "--snapshot", &sample(), "--log-filter", "info"];
    let server = Server::serve(folder, &arguments, &environment).await.unwrap();
    let answer = server.prioritize(&request(&NODES[2..])).await.unwrap();
    assert_eq!(answer, [("node-3".to_owned(), 40)]);
    assert_eq!(server.get("/v1/decisions").await.unwrap(), "[]", "none are kept");
    assert_ne!(json!(server.url), "http://127.0.0.1:1");
    eventually("it is ready", async || {
        Ok(client()?.get(format!("{}/readyz", server.url)).send().await?.status().is_success().then_some(()))
    })
    .await
    .unwrap();
}

#[test]
fn tables_fit_the_terminal() {
    let (sample, spread) = (sample(), policy_file("zone-cost").display().to_string());
    for arguments in [
        vec!["demo", "--once"],
        vec!["score", "--snapshot", &sample, "--pod", "default/p-0"],
        vec!["score", "--snapshot", &sample, "--pod", "default/p-0", "--explain"],
        vec!["policy", "inspect", &spread],
        vec![
            "doctor",
            "--kubeconfig",
            "/none/of/the/files/that/there/are",
            "--metrics-url",
            "http://127.0.0.1:1",
        ],
    ] {
        for columns in ["40", "80", "200"] {
            let output = netmarks_with(&arguments, &[("COLUMNS", columns)]).unwrap();
            let shown = String::from_utf8(output.stdout).unwrap();
            let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= columns.parse().unwrap(), "{arguments:?}: {widest} of {columns}\n{shown}");
        }
    }
}
