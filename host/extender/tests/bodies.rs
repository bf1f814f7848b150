//! Bodies that kube-scheduler's own Go types encode, from every supported version of Kubernetes, read as Go reads them; and the
//! same bodies as Go would still read them: with nulls, keys in another case, keys twice, unknown keys.
//!
//! `tests/tools/go/bodies/renew.sh` makes the fixture.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use netmarks_core::application::{Identity, Naming};
use netmarks_core::workload::WorkloadRule;
use netmarks_extender::protocol::decode;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

const BODIES: &str = include_str!("fixtures/bodies.jsonl");

/// A body, and what Go reads of it.
#[derive(Debug, Deserialize)]
struct Body {
    kubernetes: String,
    pod: String,
    labels: Option<BTreeMap<String, String>>,
    owner: String,
    nodes: Vec<String>,
    body: Value,
}

fn bodies() -> Vec<Body> {
    BODIES.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What scoring reads of a body.
#[derive(Debug, PartialEq)]
struct Read {
    pod: String,
    labels: BTreeMap<String, String>,
    application: Option<String>,
    requests: (u64, u64),
    nodes: Vec<String>,
}

fn read(body: &str) -> Read {
    let naming = Naming::from(Identity::Workload);
    let request = decode(body.as_bytes(), naming).unwrap_or_else(|error| panic!("{error}: {body}"));
    Read {
        pod: request.pod.key,
        labels: request.pod.labels.into_iter().collect(),
        application: request.pod.application.map(|application| application.as_str().to_owned()),
        requests: (request.pod.requests.cpu_millicores, request.pod.requests.memory_bytes),
        nodes: request.nodes.into_iter().map(str::to_owned).collect(),
    }
}

#[test]
fn what_go_s_types_encode_is_read_as_go_reads_it() {
    let bodies = bodies();
    let versions: BTreeSet<&str> =
        bodies.iter().map(|body| body.kubernetes.rsplit_once('.').unwrap().0).collect();
    assert_eq!(
        versions.into_iter().collect::<Vec<_>>(),
        ["1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"]
    );
    for body in bodies {
        let read = read(&body.body.to_string());
        assert_eq!(read.pod, body.pod);
        assert_eq!(read.labels, body.labels.unwrap_or_default());
        assert_eq!(read.nodes, body.nodes);
        if let Some(owner) = body.owner.strip_prefix("StatefulSet/") {
            assert_eq!(read.application, Some(format!("shop/{owner}")));
        }
    }
}

#[test]
fn null_is_absent_at_every_level_and_a_quantity_may_be_a_number() {
    let bare = json!({"Pod": {}, "NodeNames": ["a"]});
    let absent = read(&bare.to_string());
    for pod in [
        json!({"metadata": null, "spec": null, "status": null}),
        json!({"metadata": {"name": null, "namespace": null, "labels": null, "ownerReferences": null}}),
        json!({"metadata": {"ownerReferences": [], "generateName": null}}),
        json!({"spec": {"containers": null, "initContainers": null, "overhead": null, "resources": null}}),
        json!({"spec": {"containers": [{"name": null, "resources": null, "restartPolicy": null}, null]}}),
        json!({"spec": {"containers": [{"resources": {"requests": null}}]}}),
        json!({"spec": {"containers": [{"resources": {"requests": {"cpu": null, "memory": null}}}]}}),
    ] {
        let body = json!({"Pod": pod, "Nodes": null, "NodeNames": ["a"]}).to_string();
        assert_eq!(read(&body), absent, "{body}");
    }
    for nodes in [json!({"items": null}), json!({}), json!({"metadata": null, "items": []})] {
        let body = json!({"Pod": {}, "Nodes": nodes, "NodeNames": null}).to_string();
        assert_eq!(read(&body).nodes, Vec::<String>::new(), "{body}");
    }
    let owner = json!({"kind": null, "name": "db", "controller": null});
    let pod = json!({"metadata": {"name": "p", "labels": {"app": null}, "ownerReferences": [owner]}});
    let labelled = read(&json!({"Pod": pod, "NodeNames": ["a"]}).to_string());
    assert_eq!(labelled.labels, BTreeMap::from([("app".to_owned(), String::new())]));
    assert_eq!(labelled.application.as_deref(), Some("/p"), "an owner that is not the controller");

    let requests = json!({"cpu": 1, "memory": 1.5});
    let pod = json!({"spec": {"containers": [{"resources": {"requests": requests}}]}});
    assert_eq!(read(&json!({"Pod": pod, "NodeNames": ["a"]}).to_string()).requests, (1_000, 2));
}

#[test]
fn the_workload_is_what_its_mesh_calls_it() {
    let rollout = include_str!("fixtures/request-rollout.json");
    let job = include_str!("fixtures/request-cronjob.json");
    for (body, names) in
        [(rollout, ["shop/rollo", "shop/rollo-6b86f55c9f", "shop/rollo"]), (job, ["shop/nightly"; 3])]
    {
        let rules = [WorkloadRule::Istio, WorkloadRule::Linkerd, WorkloadRule::Ebpf];
        let read = rules.map(|workloads| {
            let naming = Naming { identity: Identity::Workload, workloads };
            decode(body.as_bytes(), naming).unwrap().pod.application.unwrap().as_str().to_owned()
        });
        assert_eq!(read, names);
    }
}

/// Keys of Go's fields that are read; keys of maps (labels, requests) are data and stay as they are.
const FIELDS: [&str; 17] = [
    "Pod",
    "Nodes",
    "NodeNames",
    "items",
    "metadata",
    "spec",
    "name",
    "generateName",
    "namespace",
    "ownerReferences",
    "apiVersion",
    "kind",
    "controller",
    "containers",
    "initContainers",
    "resources",
    "overhead",
];

/// Writes `value` with what Go would overlook, as the next of `choices` says for each field.
fn write(text: &mut String, value: &Value, is_map: bool, choices: &mut impl Iterator<Item = u8>) {
    match value {
        Value::Object(fields) => {
            text.push('{');
            let mut separator = "";
            for (key, value) in fields {
                let field = !is_map && FIELDS.contains(&key.as_str());
                let choice = if field { choices.next().unwrap_or_default() } else { 0 };
                let key_text = match choice % 4 {
                    1 => key.to_lowercase(),
                    2 => key.to_uppercase(),
                    _ => key.clone(),
                };
                let earlier = match (choice / 4 % 4, value) {
                    (1, _) => format!("\"{key}\":null,"),
                    (2, Value::String(_)) => format!("\"{key}\":\"other\","),
                    (2, Value::Array(_)) => format!("\"{key}\":[],"),
                    (3, _) => "\"unknown\":{\"name\":[1,{\"NodeNames\":[\"x\"]}]},".to_owned(),
                    _ => String::new(),
                };
                write!(text, "{separator}{earlier}{}:", json!(key_text)).unwrap();
                let map = matches!(key.as_str(), "labels" | "annotations" | "requests" | "limits");
                write(text, value, map, choices);
                separator = ",";
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                write(text, item, false, choices);
            }
            text.push(']');
        }
        other => write!(text, "{other}").unwrap(),
    }
}

proptest! {
    #[test]
    fn what_go_overlooks_changes_nothing(
        which in any::<proptest::sample::Index>(),
        choices in proptest::collection::vec(any::<u8>(), 1..200),
    ) {
        let bodies = bodies();
        let body = &which.get(&bodies).body;
        let mut text = String::new();
        write(&mut text, body, false, &mut choices.into_iter().cycle());
        prop_assert_eq!(read(&text), read(&body.to_string()));
    }
}
