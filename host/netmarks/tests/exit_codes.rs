//! Exit codes: one meaning each, whatever the command.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;

use crate::support::admin::{Administered, component};
use crate::support::binary::netmarks;
use crate::support::{nobody, worked_example_file};
use netmarks_test_cluster::repository;
use netmarks_test_cluster::repository::policy_file;

const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const REFUSED: i32 = 3;
const NOT_FOUND: i32 = 4;
const PARTLY: i32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_code_means_the_same_for_every_command() {
    let running = Administered::start(tempfile::tempdir().unwrap(), |_| ()).await.unwrap();
    let server = running.url.clone();
    let (_held, address) = nobody().unwrap();
    let (gone, https) = (format!("http://{address}"), server.replace("http://", "https://"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (text, typo) = (file("text.wasm", "text"), file("typo.yaml", "scorring: {}"));
    let no_keys = file("no_keys.yaml", "policies: {trusted_keys: [/none]}");
    let bad_keys = file("bad_keys.yaml", &format!("policies: {{trusted_keys: ['{text}']}}"));
    let no_tls = file("no_tls.yaml", "server: {tls: {cert_file: /none, key_file: /none}}");
    let bad_tls =
        file("bad_tls.yaml", &format!("server: {{tls: {{cert_file: '{text}', key_file: '{text}'}}}}"));
    let no_kubeconfig = file("no_kubeconfig.yaml", "cluster: {kubeconfig: /none}");
    let no_policy = file("no_policy.yaml", "policy: {file: /none.wasm}");
    let cases = file(
        "cases.yaml",
        "snapshot: {nodes: {a: {}}, pods: [], flows: []}\ncases: [{name: wrong, pod: {application: shop/web}, expect: {scores: {a: 9}}}]\n",
    );
    // A folder in which settings can be written, and the policy cannot.
    let half = folder.path().join("half");
    std::fs::create_dir_all(half.join("spread.wasm/in-the-way")).unwrap();
    let half = half.display().to_string();
    let new = folder.path().join("new").display().to_string();
    let sample = worked_example_file().display().to_string();
    let component = |name: &str| component(name).display().to_string();
    let (spread, trap) = (policy_file("spread").display().to_string(), component("trap-describe"));
    let (none, snapshot) = (folder.path().join("none").display().to_string(), format!("{}/s.json", new));

    let at = |url: &str, command: &[&str]| {
        let command = command.iter().map(|word| (*word).to_owned());
        ["policy".to_owned()]
            .into_iter()
            .chain(command)
            .chain(["--server".to_owned(), url.to_owned()])
            .collect()
    };
    let words = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let table: Vec<(i32, Vec<String>)> = vec![
        (DONE, words(&["demo", "--once", "--admin-listen", "127.0.0.1:0"])),
        (USAGE, words(&["demo", "--twice"])),
        (DONE, words(&["completion", "bash"])),
        (USAGE, words(&["completion", "tcl"])),
        (DONE, words(&["serve", "--check"])),
        (FAILED, words(&["serve", "--check", "--strict"])),
        (REFUSED, words(&["serve", "--check", "--config", &typo])),
        (REFUSED, words(&["serve", "--check", "--policy", &text])),
        (NOT_FOUND, words(&["serve", "--check", "--config", &none])),
        (NOT_FOUND, words(&["serve", "--check", "--policy", &none])),
        (NOT_FOUND, words(&["serve", "--policy", &none])),
        (NOT_FOUND, words(&["serve", "--check", "--snapshot", &none])),
        (REFUSED, words(&["serve", "--check", "--snapshot", &text])),
        (REFUSED, words(&["serve", "--check", "--config", &no_keys])),
        (REFUSED, words(&["serve", "--config", &no_keys])),
        (REFUSED, words(&["serve", "--check", "--config", &bad_keys])),
        (REFUSED, words(&["serve", "--check", "--config", &no_tls])),
        (REFUSED, words(&["serve", "--config", &no_tls])),
        (REFUSED, words(&["serve", "--check", "--config", &bad_tls])),
        (REFUSED, words(&["serve", "--config", &no_kubeconfig])),
        (NOT_FOUND, words(&["serve", "--kubeconfig", &none])),
        (REFUSED, words(&["serve", "--check", "--config", &no_policy])),
        (REFUSED, words(&["serve", "--config", &no_policy])),
        (REFUSED, words(&["serve", "--check", "--config", &no_policy, "--snapshot", &none])),
        (USAGE, words(&["serve", "--strict"])),
        (FAILED, words(&["doctor", "--kubeconfig", &none])),
        (REFUSED, words(&["doctor", "--config", &typo])),
        (NOT_FOUND, words(&["doctor", "--config", &none])),
        (USAGE, words(&["doctor", "--pod", "cart-0"])),
        (DONE, words(&["score", "--snapshot", &sample, "--pod", "default/p-0"])),
        (NOT_FOUND, words(&["score", "--snapshot", &sample, "--pod", "default/nobody"])),
        (NOT_FOUND, words(&["score", "--snapshot", &none, "--pod", "default/p-0"])),
        (REFUSED, words(&["score", "--snapshot", &sample, "--pod", "default/p-0", "--policy", &text])),
        (REFUSED, words(&["score", "--snapshot", &text, "--pod", "default/p-0"])),
        (REFUSED, words(&["simulate", "--snapshot", &text])),
        (REFUSED, words(&["snapshot", "--input", &text, "--file", "-"])),
        (REFUSED, words(&["plan", "--snapshot", &sample])),
        (REFUSED, words(&["plan", "--from", &text])),
        (NOT_FOUND, words(&["plan", "--snapshot", &none])),
        (NOT_FOUND, words(&["plan", "--from", &none])),
        (NOT_FOUND, words(&["plan", "--kubeconfig", &none])),
        (USAGE, words(&["plan", "--from", &none, "--apply"])),
        (FAILED, words(&["snapshot", "--server", &gone, "--file", "-"])),
        (FAILED, words(&["snapshot", "--server", &https, "--file", "-"])),
        (FAILED, words(&["snapshot", "--server", &server, "--file", "-"])),
        (NOT_FOUND, words(&["snapshot", "--server", &running.server.url, "--file", &snapshot])),
        (DONE, words(&["snapshot", "--server", &running.server.url, "--file", "-"])),
        (DONE, words(&["policy", "inspect", &spread])),
        (REFUSED, words(&["policy", "inspect", &text])),
        (REFUSED, words(&["policy", "inspect", &trap, "-o", "json"])),
        (NOT_FOUND, words(&["policy", "inspect", &none])),
        (DONE, words(&["policy", "new", "mine", "--lang", "c", "--directory", &new])),
        (FAILED, words(&["policy", "new", "mine", "--lang", "c", "--directory", &new])),
        (USAGE, words(&["policy", "new", "Mine", "--lang", "c"])),
        (FAILED, words(&["policy", "test", &spread, "--cases", &cases])),
        (REFUSED, words(&["policy", "test", &text])),
        (NOT_FOUND, words(&["policy", "test", &none])),
        (PARTLY, words(&["policy", "push", &spread, "--folder", &half, "--weight", "2"])),
        (NOT_FOUND, words(&["policy", "push", &spread, "--folder", &none])),
        (REFUSED, words(&["policy", "list", "--server", &server, "--ca-file", &text])),
        (NOT_FOUND, words(&["policy", "list", "--server", &server, "--ca-file", &none])),
        (REFUSED, words(&["policy", "list", "--server", &server, "--client-identity", &text])),
        (NOT_FOUND, words(&["policy", "list", "--server", &server, "--client-identity", &none])),
        (USAGE, words(&["policy", "list", "--server", "nonsense"])),
        (USAGE, words(&["snapshot", "--server", "ftp://here", "--file", "-"])),
        (USAGE, words(&["doctor", "--server", "http://me:secret@here"])),
        (REFUSED, at(&server, &["push", &trap])),
        (REFUSED, at(&server, &["push", &spread, "--weight", "0"])),
        (NOT_FOUND, at(&server, &["push", &none])),
        (DONE, at(&server, &["push", &spread, "--mode", "shadow"])),
        (DONE, at(&server, &["list"])),
        (DONE, at(&server, &["report"])),
        (FAILED, at(&gone, &["list"])),
        (FAILED, at(&https, &["report"])),
        (NOT_FOUND, at(&server, &["rollback", "-o", "json"])),
        (NOT_FOUND, at(&server, &["activate", "nobody"])),
        (NOT_FOUND, at(&server, &["canary", "nobody", "--percent", "5"])),
        (NOT_FOUND, at(&server, &["shadow", "nobody"])),
        (NOT_FOUND, at(&server, &["ready", "nobody"])),
        (NOT_FOUND, at(&server, &["remove", "nobody"])),
        (REFUSED, at(&server, &["canary", "spread", "--percent", "0"])),
        (DONE, at(&server, &["activate", "spread"])),
        (FAILED, at(&gone, &["activate", "spread"])),
        (DONE, at(&server, &["rollback"])),
        (DONE, at(&server, &["remove", "spread"])),
        (USAGE, at(&server, &["activate", "No Name"])),
    ];
    // In order: the later ones need what the earlier did.
    let outputs = tokio::task::spawn_blocking(move || {
        let run = |(code, line): (i32, Vec<String>)| {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            let output = netmarks(&words).unwrap();
            (code, line, output)
        };
        table.into_iter().map(run).collect::<Vec<_>>()
    })
    .await
    .unwrap();
    let mut wrong = Vec::new();
    let mut messages = BTreeMap::new();
    for (code, line, output) in outputs {
        let errors = String::from_utf8(output.stderr).unwrap();
        if output.status.code() != Some(code) {
            wrong.push(format!("{line:?}: {code}, but {}\n  {errors}", output.status));
        }
        if code != DONE && code != USAGE && !errors.contains("error: ") {
            wrong.push(format!("{line:?} says nothing"));
        }
        messages.insert(line.join(" "), errors);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (line, errors) in messages {
        for internal in ["InvalidContentType", "Policy(", "rejected: rejected", "Some(", "Os {"] {
            assert!(!errors.contains(internal), "{line}: {errors}");
        }
        if line.contains("https://") {
            assert!(
                errors.contains("does not speak TLS; write http:// instead of https://"),
                "{line}: {errors}"
            );
        }
    }
}

#[test]
fn the_documentation_has_the_table() {
    let text = repository::read("docs/operate.md").unwrap();
    let (_, section) = text.split_once("\n## Exit codes\n").unwrap();
    for code in [DONE, FAILED, USAGE, REFUSED, NOT_FOUND, PARTLY] {
        assert!(section.contains(&format!("\n| {code} | ")), "{code}");
    }
}
