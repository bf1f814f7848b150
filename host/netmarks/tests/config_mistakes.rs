//! Mistakes that people make in a configuration: each is told with its place, its key, what stands there and what could.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use netmarks::config::load::{Flag, Flags, load};

/// What is wrong with a file, in which its folder is not named.
fn complaint(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, text).unwrap();
    let error = load(Some(&file), &[], &Vec::new()).map(|loaded| loaded.config).unwrap_err();
    format!("{error:#}").replace(&format!("{}/", folder.path().display()), "")
}

/// A file, the line of its mistake, and what is said of it.
const MISTAKES: &[(&str, u64, &str)] = &[
    // Keys that are not known.
    ("servr: {}", 1, "unknown key `servr`; did you mean `server`?"),
    ("server:\n  listn: x", 2, "unknown key `server.listn`; did you mean `server.listen`?"),
    (
        "\nlisten: x",
        2,
        "unknown key `listen`; did you mean `admin.listen` or `admission.listen` or `server.listen`?",
    ),
    ("log: {colour: x}", 1, "unknown key `log.colour`; known here are filter, format"),
    ("scoring:\n  Top: 5", 2, "unknown key `scoring.Top`; did you mean `scoring.top`?"),
    ("server:\n  tls:\n    certfile: a", 3, "`server.tls.certfile`; did you mean `server.tls.cert_file`?"),
    ("metrics:\n  auth:\n    user: a", 3, "unknown key `metrics.auth.user`"),
    ("metrics:\n  interval: 15", 2, "unknown key `metrics.interval`"),
    ("policies:\n  rollback:\n    enable: true", 3, "did you mean `policies.rollback.enabled`?"),
    ("policy:\n  limits:\n    deadline: 5", 3, "unknown key `policy.limits.deadline`"),
    ("policy:\n  trusted_keys: [a]", 2, "`policy.trusted_keys`; did you mean `policies.trusted_keys`?"),
    // Choices.
    (
        "identity: apps",
        1,
        "`identity` is the text \"apps\"; it must be one of app, canonical-service, workload; did you mean `app`?",
    ),
    (
        "metrics:\n  preset: isto",
        2,
        "`metrics.preset` is the text \"isto\"; it must be one of istio, istio-logical, linkerd, beyla, recorded, custom; did you mean `istio`?",
    ),
    (
        "scoring:\n  map: cubic",
        2,
        "`scoring.map` is the text \"cubic\"; it must be one of linear, square-root, logarithmic, rank",
    ),
    ("scoring:\n  map: squareroot", 2, "did you mean `square-root`?"),
    ("scoring:\n  when_stale: fad", 2, "did you mean `fade`?"),
    (
        "policy:\n  on_fault: ignore",
        2,
        "`policy.on_fault` is the text \"ignore\"; it must be one of skip, neutral",
    ),
    ("policy:\n  normalisation: minmax", 2, "did you mean `min-max`?"),
    (
        "log:\n  format: jsn",
        2,
        "`log.format` is the text \"jsn\"; it must be one of text, json; did you mean `json`?",
    ),
    ("policy:\n  grants: [network]", 2, "`policy.grants[0]` is the text \"network\"; it must be `wasi`"),
    (
        "policy:\n  grants:\n    - wasi\n    - wsi",
        4,
        "`policy.grants[1]` is the text \"wsi\"; it must be `wasi`; did you mean `wasi`?",
    ),
    ("metrics:\n  custom:\n    reading: rates", 3, "did you mean `rate`?"),
    (
        "metrics:\n  waypoint_pattern: (",
        2,
        "`metrics.waypoint_pattern` must be a regular expression, and it is not: unclosed group",
    ),
    // Kinds of values.
    (
        "scoring:\n  top: many",
        2,
        "`scoring.top` is the text \"many\"; it must be a whole number from 1 to 1000000",
    ),
    ("scoring:\n  top: \"5\"", 2, "`scoring.top` is the text \"5\"; it must be a whole number"),
    ("scoring:\n  top: 1.5", 2, "`scoring.top` is 1.5; it must be a whole number from 1 to 1000000"),
    ("scoring: 5", 1, "`scoring` is 5; it must be a section with the keys assume_seconds, decisions, map"),
    ("scoring: [top]", 1, "`scoring` is a list; it must be a section"),
    ("scoring:\n  top: {best: 5}", 2, "`scoring.top` is a section with keys; it must be a whole number"),
    (
        "policies:\n  rollback:\n    enabled: yes",
        3,
        "`policies.rollback.enabled` is the text \"yes\"; it must be true or false",
    ),
    (
        "policies:\n  rollback:\n    enabled: 1",
        3,
        "`policies.rollback.enabled` is 1; it must be true or false",
    ),
    (
        "policies:\n  trusted_keys: cosign.pub",
        2,
        "`policies.trusted_keys` is the text \"cosign.pub\"; it must be a list",
    ),
    (
        "policies:\n  trusted_keys: [a, 5]",
        2,
        "`policies.trusted_keys[1]` is 5; it must be a text; put it in quotes",
    ),
    ("cluster:\n  context: 123", 2, "`cluster.context` is 123; it must be a text; put it in quotes"),
    ("cluster:\n  context: true", 2, "`cluster.context` is true; it must be a text; put it in quotes"),
    (
        "metrics:\n  match_labels: [cluster]",
        2,
        "`metrics.match_labels` is a list; it must be names with values",
    ),
    (
        "metrics:\n  match_labels:\n    cluster: 5",
        3,
        "`metrics.match_labels.cluster` is 5; it must be a text; put it in quotes",
    ),
    ("policy:\n  parameters: 5", 2, "`policy.parameters` is 5; it must be names with values"),
    (
        "policy:\n  parameters:\n    price: [1]",
        3,
        "`policy.parameters.price` is a list; it must be true or false or a number or a text",
    ),
    ("policy:\n  parameters:\n    price:", 3, "`policy.parameters.price` is empty; it must be"),
    ("policy:\n  file: [a.wasm]", 2, "`policy.file` is a list; it must be a text"),
    (
        "- server",
        1,
        "the whole is a list; it must be a section with the keys admin, admission, cluster, identity",
    ),
    // Numbers out of range.
    ("scoring:\n  top: 0", 2, "`scoring.top` is 0; it must be a whole number from 1 to 1000000"),
    ("scoring:\n  top: -1", 2, "`scoring.top` is -1; it must be a whole number from 1 to 1000000"),
    (
        "scoring:\n  max_flow_age_seconds: 0",
        2,
        "`scoring.max_flow_age_seconds` is 0; it must be a number above 0 and at most 86400",
    ),
    (
        "policy:\n  weight: .inf",
        2,
        "`policy.weight` is the text \".inf\"; it must be a number above 0 and at most 1000000",
    ),
    (
        "policies:\n  compile_seconds: 99999999999",
        2,
        "`policies.compile_seconds` is 99999999999; it must be a whole number",
    ),
    (
        "metrics:\n  window_seconds: 30s",
        2,
        "`metrics.window_seconds` is the text \"30s\"; it must be a number from 0.001 to 604800",
    ),
    (
        "policies:\n  rollback:\n    max_fault_ratio: 5",
        3,
        "`policies.rollback.max_fault_ratio` is 5; it must be a number from 0 to 1",
    ),
    // Values of several shapes.
    (
        "metrics:\n  estimator: decay",
        2,
        "`metrics.estimator` is the text \"decay\"; it must be `lifetime` or `window: {seconds: ...}` or `decay: {half_life_seconds: ...}`",
    ),
    ("metrics:\n  estimator: lifetme", 2, "did you mean `lifetime`?"),
    ("metrics:\n  estimator:\n    windw: {seconds: 5}", 2, "did you mean `window`?"),
    (
        "metrics:\n  estimator:\n    window: {second: 5}",
        3,
        "unknown key `metrics.estimator.window.second`; did you mean `metrics.estimator.window.seconds`?",
    ),
    (
        "metrics:\n  estimator:\n    decay: {}",
        3,
        "`metrics.estimator.decay.half_life_seconds` is missing; it must be a number above 0",
    ),
    (
        "metrics:\n  estimator:\n    decay:\n      half_life_seconds: 0",
        4,
        "`metrics.estimator.decay.half_life_seconds` is 0; it must be a number above 0",
    ),
    // Addresses, which are texts of their own form.
    ("server:\n  listen: 9820", 2, "`server.listen` is 9820; it must be a text such as 127.0.0.1:9820"),
    (
        "server:\n  listen: \":9820\"",
        2,
        "`server.listen` is the text \":9820\"; it must be a text such as 127.0.0.1:9820",
    ),
    (
        "admin:\n  listen: localhost:9822",
        2,
        "`admin.listen` is the text \"localhost:9822\"; it must be a text such as 127.0.0.1:9822",
    ),
    ("metrics:\n  url: prometheus:9090", 2, "`url` is `prometheus:9090`, which is not an http or https URL"),
    // What does not go together.
    ("server:\n  tls:\n    cert_file: a", 2, "`server.tls.cert_file` and `server.tls.key_file`"),
    ("server: {}\nadmin:\n  tls:\n    key_file: a", 3, "`admin.tls.cert_file` and `admin.tls.key_file`"),
    ("admin:\n  listen: 0.0.0.0:9822", 2, "`admin.listen` 0.0.0.0:9822 is not loopback"),
    (
        "metrics:\n  url: http://p:9090\n  auth:\n    password: a",
        3,
        "`auth.username` is missing, but a password is set",
    ),
    (
        "policy:\n  limits:\n    deadline_ms: 500",
        3,
        "`policy.limits.deadline_ms` is 500; it must be below `server.request_timeout_ms` (200)",
    ),
    ("log:\n  filter: a=b=c", 2, "`log.filter` is not a filter"),
    // No YAML.
    ("server:\n\tlisten: x", 2, "not valid YAML"),
    ("server: [", 1, "not valid YAML"),
    ("scoring: {top: 1}\nscoring: {top: 2}", 2, "not valid YAML: the key `scoring` stands there twice"),
    ("scoring:\n  top: 1\n  top: 2", 3, "not valid YAML: the key `top` stands there twice"),
    ("server: *anchor", 1, "not valid YAML"),
];

#[test]
fn every_mistake_has_its_place_its_key_and_what_is_allowed() {
    let mut wrong = Vec::new();
    for (text, line, says) in MISTAKES {
        let complaint = complaint(text);
        if !complaint.starts_with(&format!("config.yaml:{line}: ")) || !complaint.contains(says) {
            wrong.push(format!("{text:?}: line {line}, {says}\n  but: {complaint}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), MISTAKES.len(), wrong.join("\n"));
    assert!(MISTAKES.len() >= 40);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let said = complaint("server:\n  listn: x\nscoring:\n  top: 0\nidentity: apps\n");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "the configuration has 3 mistakes");
    for (said, says) in lines[1..].iter().zip([
        "config.yaml:5: `identity`",
        "config.yaml:4: `scoring.top`",
        "config.yaml:2: unknown",
    ]) {
        assert!(lines[1..].iter().any(|line| line.starts_with(says)), "{said}");
    }
}

#[test]
fn mistakes_of_every_kind_are_told_in_one_round() {
    let said = complaint(
        "servr: {}\nserver:\n  listen: nonsense\n  request_timeout_ms: 0\nadmin:\n  listen: nonsense\n  tls: {key_file: a}\nlog:\n  filter: a=b=c\npolicies:\n  trusted_authorities: [{ca_file: a, identities: []}]\n",
    );
    for says in [
        "config.yaml:1: unknown key `servr`",
        "config.yaml:3: `server.listen` is the text \"nonsense\"",
        "config.yaml:4: `server.request_timeout_ms` is 0",
        "config.yaml:6: `admin.listen` is the text \"nonsense\"",
        "config.yaml:7: TLS needs both `admin.tls.cert_file` and",
        "config.yaml:9: `log.filter` is not a filter",
        "config.yaml:11: `policies.trusted_authorities[0].identities`",
    ] {
        assert!(said.lines().any(|line| line.starts_with(says)), "{says}\n{said}");
    }
    assert!(said.starts_with("the configuration has 7 mistakes\n"), "{said}");
    // A value that is not known is not held against another.
    let said = complaint(
        "server:\n  tls: {cert_file: 5, key_file: a}\n  request_timeout_ms: x\npolicy:\n  limits: {deadline_ms: 500}\n",
    );
    assert!(said.starts_with("the configuration has 2 mistakes\n"), "{said}");
}

#[test]
fn variables_and_flags_are_places_too() {
    let flags: Flags = vec![Flag { name: "--metrics-preset", key: "metrics.preset", value: "isto".into() }];
    let environment = [
        ("NETMARKS_SCORING_TOP".to_owned(), "0".to_owned()),
        ("NETMARKS_POLICY_PARAMETERS".to_owned(), "{".to_owned()),
        ("NETMARKS_SERVER_LISTN".to_owned(), "x".to_owned()),
    ];
    let said = load(None::<&Path>, &environment, &flags).map(|loaded| loaded.config).unwrap_err().to_string();
    for says in [
        "--metrics-preset: `metrics.preset` is the text \"isto\"",
        "environment variable NETMARKS_SCORING_TOP: `scoring.top` is 0",
        "environment variable NETMARKS_POLICY_PARAMETERS: not a value of `policy.parameters`",
        "unknown environment variable NETMARKS_SERVER_LISTN; did you mean NETMARKS_SERVER_LISTEN?",
    ] {
        assert!(said.lines().any(|line| line.starts_with(says)), "{says}\n{said}");
    }
}

#[test]
fn no_secret_is_shown() {
    for text in [
        "metrics:\n  auth:\n    password: [hunter2]",
        "metrics:\n  auth: hunter2",
        "metrics:\n  headers: hunter2",
        "metrics:\n  headers:\n    X-Scope-OrgID: [hunter2]",
        "metrics:\n  url: [http://me:hunter2@p]",
        "metrics:\n  auth:\n    password: hunter2\n  top: [\n",
        "metrics:\n  auth: {password: hunter2}\n  auth: {password: hunter2}\n",
    ] {
        let said = complaint(text);
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_key_without_a_value_is_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "server:\n  listen:\n  tls:\nmetrics:\n  url: ~\n").unwrap();
    let loaded = load(Some(&file), &[], &Vec::new()).unwrap();
    assert_eq!(loaded.config, netmarks::config::Config::default());
}
