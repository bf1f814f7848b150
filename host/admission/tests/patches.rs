//! The patch, applied: what a pod has stays, byte for byte and in front; what is added is valid.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use netmarks_admission::patch::{DECISION, POLICY_SET, patch};
use netmarks_admission::terms::{Nodes, Term};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::json_patch::apply;

const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

fn terms() -> Vec<Term> {
    let hostnames = Nodes::Hostnames(vec!["a".to_owned(), "b".to_owned()]);
    vec![
        Term { weight: 100, nodes: hostnames },
        Term { weight: 50, nodes: Nodes::Name("c".to_owned()) },
        Term { weight: 25, nodes: Nodes::Zone("z".to_owned()) },
    ]
}

fn annotations() -> [(&'static str, String); 2] {
    [(DECISION, "uid".to_owned()), (POLICY_SET, "netmarks@abc".to_owned())]
}

/// Any JSON, as deep as annotations and terms of other webhooks may be.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A list of terms, in every way in which it may be there or not.
fn affinity() -> impl Strategy<Value = Option<Value>> {
    let list = prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        prop::collection::vec(any_json(), 0..260).prop_map(|terms| Some(terms.into())),
    ];
    (list, 0..6_u8, any_json()).prop_map(|(list, shape, other)| {
        let mut node = Map::from_iter([("other".to_owned(), other.clone())]);
        node.extend(list.map(|list| (PREFERRED.to_owned(), list)));
        match shape {
            0 => None,
            1 => Some(Value::Null),
            2 => Some(json!({"podAffinity": other})),
            3 => Some(json!({"nodeAffinity": null, "podAntiAffinity": other})),
            _ => Some(json!({"nodeAffinity": node, "podAffinity": other})),
        }
    })
}

fn pod() -> impl Strategy<Value = Value> {
    let annotations = prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        prop::collection::btree_map("[a-z]{1,5}[~/]?[a-z]{1,5}", "\\PC{0,20}", 0..5)
            .prop_map(|all| Some(json!(all))),
    ];
    (affinity(), annotations, any_json()).prop_map(|(affinity, annotations, other)| {
        let mut pod = json!({"metadata": {"name": "web"}, "spec": {"containers": other}});
        if let Some(affinity) = affinity {
            pod["spec"]["affinity"] = affinity;
        }
        if let Some(annotations) = annotations {
            pod["metadata"]["annotations"] = annotations;
        }
        pod
    })
}

/// The pod without what was added; as text, for byte for byte.
fn without_ours(patched: &Value, before: &Value) -> String {
    let mut pod = patched.clone();
    let metadata = pod["metadata"].as_object_mut().unwrap();
    match before["metadata"].get("annotations") {
        Some(Value::Object(_)) => {
            let annotations = metadata["annotations"].as_object_mut().unwrap();
            annotations.retain(|key, _| key != DECISION && key != POLICY_SET);
        }
        Some(other) => drop(metadata.insert("annotations".to_owned(), other.clone())),
        None => drop(metadata.remove("annotations")),
    }
    let spec = pod["spec"].as_object_mut().unwrap();
    let was = before["spec"].get("affinity");
    match was {
        None => drop(spec.remove("affinity")),
        Some(Value::Null) => drop(spec.insert("affinity".to_owned(), Value::Null)),
        Some(was) => {
            let affinity = spec["affinity"].as_object_mut().unwrap();
            match was.get("nodeAffinity") {
                None => drop(affinity.remove("nodeAffinity")),
                Some(Value::Null) => drop(affinity.insert("nodeAffinity".to_owned(), Value::Null)),
                Some(was) => {
                    let node = affinity["nodeAffinity"].as_object_mut().unwrap();
                    match was.get(PREFERRED) {
                        None => drop(node.remove(PREFERRED)),
                        Some(Value::Array(theirs)) => {
                            node[PREFERRED].as_array_mut().unwrap().truncate(theirs.len());
                        }
                        Some(other) => drop(node.insert(PREFERRED.to_owned(), other.clone())),
                    }
                }
            }
        }
    }
    pod.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn what_the_user_wrote_stays_byte_for_byte_and_in_front(pod in pod()) {
        let operations = patch(&pod, &terms(), &annotations()).unwrap();
        let patched = apply(&pod, &operations);
        prop_assert_eq!(without_ours(&patched, &pod), pod.to_string());
        let list = patched["spec"]["affinity"]["nodeAffinity"][PREFERRED].as_array().unwrap();
        let ours: Vec<Value> = terms().iter().map(|term| json!(term.to_api())).collect();
        prop_assert!(list.ends_with(&ours));
        prop_assert_eq!(&patched["metadata"]["annotations"][DECISION], "uid");
        prop_assert_eq!(&patched["metadata"]["annotations"][POLICY_SET], "netmarks@abc");
    }
}

#[test]
fn our_terms_are_what_kubernetes_takes() {
    let operations = patch(&json!({"metadata": {}, "spec": {}}), &terms(), &annotations()).unwrap();
    let patched = apply(&json!({"metadata": {}, "spec": {}}), &operations);
    let pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(patched).unwrap();
    let affinity = pod.spec.unwrap().affinity.unwrap().node_affinity.unwrap();
    let list = affinity.preferred_during_scheduling_ignored_during_execution.unwrap();
    assert_eq!(list.iter().map(|term| term.weight).collect::<Vec<_>>(), [100, 50, 25]);
    let values = |term: usize| list[term].preference.match_expressions.as_ref().unwrap()[0].clone();
    assert_eq!(values(0).key, "kubernetes.io/hostname");
    assert_eq!(values(2).key, "topology.kubernetes.io/zone");
    assert_eq!(list[1].preference.match_fields.as_ref().unwrap()[0].values.as_ref().unwrap().len(), 1);
}

mod hostile {
    use super::*;

    /// Kubernetes refuses a pod whose annotations or size are beyond its bounds: we must not be what brings it there.
    #[test]
    fn a_pod_that_would_be_refused_with_our_terms_gets_none() {
        let annotated = |bytes: usize| json!({"metadata": {"annotations": {"a": "x".repeat(bytes - 1)}}, "spec": {"containers": []}});
        let limit = 256 << 10;
        let ours: usize = annotations().iter().map(|(key, value)| key.len() + value.len()).sum();
        assert!(patch(&annotated(limit - ours), &terms(), &annotations()).is_some());
        assert!(patch(&annotated(limit - ours + 1), &terms(), &annotations()).is_none());
        let large = |bytes: usize| json!({"metadata": {}, "spec": {"containers": [{"name": "c", "args": ["x".repeat(bytes)]}]}});
        assert!(patch(&large(1 << 20), &terms(), &annotations()).is_some(), "a megabyte is fine");
        assert!(patch(&large(1_400_000), &terms(), &annotations()).is_none());
    }

    #[test]
    fn a_pod_without_a_place_for_terms_gets_none() {
        for pod in
            [json!({}), json!({"metadata": {}}), json!({"spec": {}}), json!({"metadata": [], "spec": {}})]
        {
            assert!(patch(&pod, &terms(), &annotations()).is_none(), "{pod}");
        }
    }
}
