//! Decoding any body: never a panic, and the same as a slow and obvious reading of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;

use netmarks_core::application::Identity;
use netmarks_core::expected::ExpectedTraffic;
use netmarks_extender::protocol::{decode, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A request with what scoring reads of it.
#[derive(Clone, Debug)]
struct Generated {
    body: Value,
    whole_nodes: bool,
    layout: Layout,
}

/// How it stands in the body: there is a short cut for the first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    /// As Go writes it: the names last.
    Go,
    /// In order of key, names first.
    Sorted,
    /// With spaces and line breaks.
    Pretty,
}

impl Generated {
    fn bytes(&self) -> Vec<u8> {
        let body = &self.body;
        match self.layout {
            Layout::Go => format!(
                "{{\"Pod\":{},\"Nodes\":{},\"NodeNames\":{}}}",
                body["Pod"], body["Nodes"], body["NodeNames"]
            ),
            Layout::Sorted => body.to_string(),
            Layout::Pretty => format!("{body:#}\n"),
        }
        .into_bytes()
    }
}

fn quantity() -> impl Strategy<Value = (Option<String>, u64, u64)> {
    // The text, and what it is worth in millicores and in bytes.
    prop_oneof![
        Just((None, 0, 0)),
        (0..64_000_u64).prop_map(|milli| (Some(format!("{milli}m")), milli, milli.div_ceil(1_000))),
        (0..64_u64).prop_map(|whole| (Some(whole.to_string()), whole * 1_000, whole)),
        (0..64_u64).prop_map(|mebi| (Some(format!("{mebi}Mi")), (mebi << 20) * 1_000, mebi << 20)),
    ]
}

fn text() -> impl Strategy<Value = String> {
    // What JSON must escape, and what it need not.
    "[a-z\"\\\\\n\u{e4}\u{1f600}/-]{1,12}"
}

prop_compose! {
    fn generated()(
        name in text(),
        namespace in "[a-z]{1,8}",
        labels in proptest::collection::btree_map(
            prop_oneof![Just("app".to_owned()), Just("NodeNames".to_owned()), text()],
            prop_oneof![text(), Just("\"NodeNames\":[\"other\"]}".to_owned())],
            0..5,
        ),
        owner in proptest::option::of("[a-z]{1,8}"),
        cpus in proptest::collection::vec(quantity(), 0..4),
        sidecar in proptest::option::of(quantity()),
        memories in proptest::collection::vec(quantity(), 4),
        nodes in proptest::collection::vec("[a-z0-9.-]{1,20}", 0..30),
        whole_nodes: bool,
        layout in prop_oneof![2 => Just(Layout::Go), 1 => Just(Layout::Sorted), 1 => Just(Layout::Pretty)],
    ) -> Generated {
        let containers: Vec<Value> = cpus.iter().zip(&memories).map(|(cpu, memory)| {
            let mut requests = serde_json::Map::new();
            requests.extend(cpu.0.clone().map(|text| ("cpu".to_owned(), text.into())));
            requests.extend(memory.0.clone().map(|text| ("memory".to_owned(), text.into())));
            json!({"name": "c", "image": "i", "resources": {"requests": requests, "limits": {"cpu": "9"}}})
        }).collect();
        let sidecars: Vec<Value> = sidecar.iter().map(|cpu| {
            let mut requests = serde_json::Map::new();
            requests.extend(cpu.0.clone().map(|text| ("cpu".to_owned(), text.into())));
            json!({"name": "s", "restartPolicy": "Always", "resources": {"requests": requests}})
        }).collect();
        let owners: Vec<Value> = owner.iter().map(|name| json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "controller": true,
        })).collect();
        let items: Vec<Value> = nodes.iter().map(|name| json!({
            "metadata": {"labels": {"name": "other"}, "name": name}, "status": {"images": [1, 2.5, null]},
        })).collect();
        let body = json!({
            "Pod": {
                "metadata": {
                    "name": name, "generateName": "prefix-", "namespace": namespace, "labels": labels, "ownerReferences": owners,
                },
                "spec": {"containers": containers, "initContainers": sidecars, "priority": 0},
                "status": {"phase": "Pending"},
            },
            "Nodes": if whole_nodes { json!({"metadata": {}, "items": items}) } else { Value::Null },
            "NodeNames": if whole_nodes { Value::Null } else { json!(nodes) },
        });
        Generated { body, whole_nodes, layout }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Worth of a generated quantity in thousandths.
fn thousandths(value: &Value) -> u128 {
    let Some(text) = value.as_str() else { return 0 };
    let number = |digits: &str| digits.parse::<u128>().unwrap_or(0);
    match (text.strip_suffix("Mi"), text.strip_suffix('m')) {
        (Some(mebi), _) => number(mebi) * 1_000 * (1 << 20),
        (_, Some(milli)) => number(milli),
        _ => number(text) * 1_000,
    }
}

proptest! {
    #[test]
    fn decoding_is_what_a_slow_and_obvious_reading_says(request in generated()) {
        let body = request.bytes();
        let decoded = decode(&body, Identity::App.into()).unwrap();

        let read = &request.body;
        let metadata = &read["Pod"]["metadata"];
        let text = |key: &str| metadata[key].as_str().unwrap();
        prop_assert_eq!(&decoded.pod.key, &format!("{}/{}", text("namespace"), text("name")));
        let application = metadata["labels"]["app"].as_str().map(|app| format!("{}/{app}", text("namespace")));
        prop_assert_eq!(decoded.pod.application.as_ref().map(ToString::to_string), application);
        let labels: BTreeMap<String, String> = decoded.pod.labels.iter().cloned().collect();
        prop_assert_eq!(json!(labels), metadata["labels"].clone());
        // Containers and the sidecars among the init containers: what runs at the same time.
        let spec = &read["Pod"]["spec"];
        let requests = |key: &'static str| {
            let containers = ["containers", "initContainers"].map(|list| spec[list].as_array().unwrap());
            containers.into_iter().flatten().map(move |container| thousandths(&container["resources"]["requests"][key]))
        };
        prop_assert_eq!(u128::from(decoded.pod.requests.cpu_millicores), requests("cpu").sum::<u128>());
        let bytes: u128 = requests("memory").map(|memory| memory.div_ceil(1_000)).sum();
        prop_assert_eq!(u128::from(decoded.pod.requests.memory_bytes), bytes);
        let items = read["Nodes"]["items"].as_array();
        let names: Vec<&str> = if request.whole_nodes {
            items.into_iter().flatten().filter_map(|node| node["metadata"]["name"].as_str()).collect()
        } else {
            texts(&read["NodeNames"])
        };
        prop_assert_eq!(&decoded.nodes, &names);

        let owner = metadata["ownerReferences"][0]["name"].as_str().unwrap_or(text("name"));
        let workload = decode(&body, Identity::Workload.into()).unwrap().pod.application.unwrap();
        prop_assert_eq!(workload.as_str(), format!("{}/{owner}", text("namespace")));
    }

    #[test]
    fn a_damaged_body_is_refused_or_read_but_never_a_panic(
        request in generated(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8), 1..8),
    ) {
        let mut body = request.bytes();
        for (place, byte, kind) in damage {
            let place = place.index(body.len());
            match kind {
                0 => body[place] = byte,
                1 => body.insert(place, byte),
                2 => drop(body.remove(place)),
                _ => body.truncate(place + 1),
            }
            if body.is_empty() {
                body.push(byte);
            }
        }
        if let Ok(decoded) = decode(&body, Identity::App.into()) {
            // Whatever is still a request is answered in JSON, with the names that it came with.
            let all: Vec<(u32, u32)> = (0..).zip(&decoded.nodes).map(|(candidate, _)| (candidate, 10)).collect();
            let answer: Value = serde_json::from_slice(&encode(&decoded.nodes, &all)).unwrap();
            let hosts: Vec<&str> = answer.as_array().unwrap().iter().filter_map(|entry| entry["Host"].as_str()).collect();
            prop_assert_eq!(&hosts, &decoded.nodes);
            // Ignored parts are not read as strictly as this, which is why there is a condition.
            if let Ok(Value::Object(read)) = serde_json::from_slice(&body)
                && let Some(names) = read.get("NodeNames").filter(|names| names.is_array())
            {
                prop_assert_eq!(texts(names), hosts);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read_but_never_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(&body, Identity::App.into()).is_err(), "200 random bytes are not a request");
    }
}

/// The only place where the name of a key can end within another: behind an escaped quote.
#[test]
fn a_key_that_ends_like_the_one_of_the_names_is_another() {
    for (body, names) in [
        (r#"{"Pod":{"metadata":{}},"NodeNames":["a"],"x\"NodeNames":["b"]}"#, ["a"]),
        (r#"{"Pod":{"metadata":{}},"x\"NodeNames":["b"],"NodeNames":["a"]}"#, ["a"]),
        (r#"{"x\\":1,"Pod":{"metadata":{}},"NodeNames":["a"]}"#, ["a"]),
    ] {
        assert_eq!(decode(body.as_bytes(), Identity::App.into()).unwrap().nodes, names, "{body}");
    }
}

#[test]
fn requests_beyond_any_machine_do_not_overflow() {
    let container =
        json!({"resources": {"requests": {"cpu": "18446744073709551", "memory": "18446744073709551615"}}});
    let body = json!({
        "Pod": {"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": vec![container; 3]}},
        "NodeNames": ["a"],
    });
    let body = body.to_string();
    let decoded = decode(body.as_bytes(), Identity::App.into()).unwrap();
    assert_eq!(decoded.pod.requests.memory_bytes, u64::MAX);
    assert_eq!(decoded.pod.requests.cpu_millicores, u64::MAX);
}

#[test]
fn the_group_of_a_pod_is_known_in_both_forms() {
    for (spec, group) in [
        (json!({"schedulingGroup": {"podGroupName": "train"}}), Some("ml/train")),
        (
            json!({"workloadRef": {"name": "job", "podGroup": "workers", "podGroupReplicaKey": "3"}}),
            Some("ml/job/workers/3"),
        ),
        (json!({"workloadRef": {"name": "job", "podGroup": "workers"}}), Some("ml/job/workers/")),
        (json!({"schedulingGroup": {}, "workloadRef": null}), None),
        (json!({"schedulingGroup": null}), None),
    ] {
        let body =
            json!({"Pod": {"metadata": {"name": "p", "namespace": "ml"}, "spec": spec}, "NodeNames": ["a"]});
        let body = body.to_string();
        let decoded = decode(body.as_bytes(), Identity::App.into()).unwrap();
        assert_eq!(decoded.pod.group.as_deref(), group, "{body}");
    }
}

#[test]
fn what_an_author_expects_stands_on_the_pod() {
    for (annotations, expected) in [
        (json!({"netmarks.dev/expected-traffic": "cart=5, bank/db=7", "a": "b"}), "cart=5,bank/db=7"),
        (json!({"other": "cart=5"}), ""),
        (json!({"netmarks.dev/expected-traffic": null}), ""),
        (json!(null), ""),
    ] {
        let metadata = json!({"name": "p", "namespace": "shop", "annotations": annotations});
        let body = json!({"Pod": {"metadata": metadata, "spec": {}}, "NodeNames": ["a"]}).to_string();
        let decoded = decode(body.as_bytes(), Identity::App.into()).unwrap();
        assert_eq!(decoded.pod.expected, ExpectedTraffic::read(expected, "shop"), "{body}");
    }
}
