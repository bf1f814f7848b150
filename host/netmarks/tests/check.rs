//! `netmarks serve --check`: what may be but is hardly meant.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::process::Output;

use crate::support::binary::{failure, netmarks};
use netmarks_test_cluster::repository::policy_file;

/// Runs it on a configuration, in which `FOLDER` is an empty folder.
fn check(text: &str, more: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().display().to_string();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, text.replace("FOLDER", &name)).unwrap();
    let file = file.display().to_string();
    let output = netmarks(&[&["serve", "--check", "--config", &file][..], more].concat()).unwrap();
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "it leaves nothing behind");
    let warnings = String::from_utf8(output.stderr.clone()).unwrap().replace(&format!("{name}/"), "");
    (output, warnings)
}

const GOOD: &str = "metrics: {url: 'https://prometheus:9090'}\n";

const SUSPICIOUS: &[(&str, &str)] = &[
    ("", "config.yaml:1: no key is set"),
    ("# nothing\n", "config.yaml:1: no key is set"),
    ("scoring: {top: 20}\n", "`metrics.url` is not set: nothing is known of who talks to whom"),
    (
        "metrics:\n  url: https://p\n  auth:\n    username: me\n",
        "config.yaml:4: `metrics.auth.username` is set without a password",
    ),
    (
        "metrics:\n  url: http://p\n  auth: {bearer_token: a}\n",
        "config.yaml:2: `metrics.url` is http, so that the password",
    ),
    (
        "metrics:\n  url: http://p\n  tls: {}\n  auth: {bearer_token_file: FOLDER/none}\n",
        "config.yaml:4: `metrics.auth.bearer_token_file`: none cannot be read",
    ),
    (
        "metrics:\n  url: http://p\n  tls: {ca_file: /dev/null}\n",
        "config.yaml:3: `metrics.tls` has no effect",
    ),
    (
        "metrics: {url: 'https://p'}\nscoring:\n  top: 1000\n",
        "config.yaml:3: `scoring.top` is 1000: with weight 1 the best node gets 10000 points",
    ),
    (
        "metrics: {url: 'https://p'}\nscoring: {max_flow_age_seconds: 5}\n",
        "config.yaml:2: `scoring.max_flow_age_seconds` is 5, less than",
    ),
    (
        "metrics: {url: 'https://p'}\nserver: {listen: '0.0.0.0:9820'}\n",
        "config.yaml:2: `server.listen` is 0.0.0.0:9820 without TLS",
    ),
    (
        "metrics: {url: 'https://p'}\nadmission:\n  request_timeout_ms: 1000\n",
        "config.yaml:3: `admission.request_timeout_ms` is 1000: the API server waits only for",
    ),
    (
        "metrics: {url: 'https://p'}\nadmin: {token_file: FOLDER/config.yaml}\n",
        "config.yaml:2: `admin.token_file` has no effect",
    ),
    (
        "metrics: {url: 'https://p'}\nadmin: {listen: '127.0.0.1:9822'}\n",
        "`policies.state_folder` is not set",
    ),
    (
        "metrics: {url: 'https://p'}\ncluster: {kubeconfig: FOLDER/none}\n",
        "`cluster.kubeconfig`: none cannot be read",
    ),
    (
        "metrics: {url: 'https://p'}\ncluster: {kubeconfig: /dev}\n",
        "`cluster.kubeconfig`: /dev is not a file",
    ),
    (
        "metrics: {url: 'https://p'}\npolicies: {folder: FOLDER/none}\n",
        "`policies.folder`: the folder `none` does not exist",
    ),
    (
        "metrics: {url: 'https://p'}\npolicies: {kubernetes: {insecure_registries: ['http://r']}}\n",
        "config.yaml:2: `policies.kubernetes.insecure_registries` names `http://r`",
    ),
    (
        "metrics: {url: 'https://p'}\npolicies: {kubernetes: {namespace: a}}\n",
        "`policies.kubernetes.namespace` has no effect",
    ),
];

#[test]
fn what_is_suspicious_is_a_warning_and_with_strict_an_error() {
    for (text, says) in SUSPICIOUS {
        let (output, warnings) = check(text, &[]);
        assert_eq!(output.status.code(), Some(0), "{text}: {warnings}");
        assert!(String::from_utf8(output.stdout).unwrap().starts_with("configuration is valid; policy"));
        assert!(
            warnings.lines().any(|line| line.starts_with("warning: ") && line.contains(says)),
            "{text}: {says}\n{warnings}"
        );
        let (output, errors) = check(text, &["--strict"]);
        failure(&output).unwrap();
        assert!(errors.contains(says) && errors.contains("and --strict allows none"), "{errors}");
    }
    let (output, warnings) = check(GOOD, &["--strict"]);
    assert_eq!((output.status.code(), warnings.as_str()), (Some(0), ""));
}

#[test]
fn a_policy_of_the_folder_that_would_not_be_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.wasm"), "text").unwrap();
    std::fs::copy(policy_file("spread"), folder.path().join("good.wasm")).unwrap();
    std::fs::copy(policy_file("spread"), folder.path().join("typo.wasm")).unwrap();
    std::fs::write(folder.path().join("typo.yaml"), "wieght: 2").unwrap();
    let text = format!("{GOOD}policies:\n  folder: {}\n", folder.path().display());
    let (output, warnings) = check(&text, &[]);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<&str> = warnings.lines().collect();
    assert!(
        lines.iter().all(|line| line.starts_with("warning: config.yaml:3: `policies.folder`: ")),
        "{warnings}"
    );
    for says in ["bad.wasm: policy `bad` failed at check", "typo.wasm: unknown field `wieght`"] {
        assert!(lines.iter().any(|line| line.contains(says)), "{says}\n{warnings}");
    }
    assert_eq!(lines.len(), 2);
}

#[test]
fn all_files_that_cannot_be_used_are_told_at_once_each_with_its_line() {
    let text = "policy:
  file: FOLDER/none.wasm
policies:
  trusted_keys:
    - FOLDER/none.pub
    - FOLDER/config.yaml
  trusted_authorities:
    - identities: [me]
      ca_file: FOLDER/none.pem
server:
  tls:
    cert_file: FOLDER/none.crt
    key_file: FOLDER/none.key
admin:
  tls:
    cert_file: FOLDER/config.yaml
    key_file: FOLDER/config.yaml
cluster:
  snapshot_file: FOLDER/none.json
";
    let (output, errors) = check(text, &[]);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("the configuration has 9 mistakes"), "{errors}");
    for says in [
        "config.yaml:2: `policy.file`: failed to read the policy none.wasm",
        "config.yaml:5: `policies.trusted_keys[0]`: failed to read",
        "config.yaml:6: `policies.trusted_keys[1]`: failed to use",
        "config.yaml:9: `policies.trusted_authorities[0].ca_file`: ",
        "config.yaml:12: failed to read certificates in none.crt (`server.tls.cert_file`)",
        "config.yaml:13: failed to read the private key in none.key (`server.tls.key_file`)",
        "config.yaml:16: config.yaml (`admin.tls.cert_file`) holds no PEM certificate",
        "config.yaml:17: failed to read the private key in config.yaml (`admin.tls.key_file`)",
        "config.yaml:19: `cluster.snapshot_file`: ",
    ] {
        assert!(errors.lines().any(|line| line.trim_start().starts_with(says)), "{says}\n{errors}");
    }
}

#[test]
fn files_that_are_read_at_the_start_must_be_right() {
    for (text, says) in [
        (
            "server:\n  tls: {cert_file: FOLDER/config.yaml, key_file: FOLDER/config.yaml}\n",
            "holds no PEM certificate",
        ),
        ("policies: {trusted_keys: [FOLDER/none]}\n", "policies.trusted_keys"),
        ("policy: {file: FOLDER/config.yaml}\n", "not a WebAssembly component"),
        (
            "server: {health_listen: '127.0.0.1:9820'}\n",
            "`server.listen` and `server.health_listen` are the same address",
        ),
    ] {
        let (output, errors) = check(text, &[]);
        failure(&output).unwrap();
        assert!(errors.contains(says), "{text}: {errors}");
    }
}
