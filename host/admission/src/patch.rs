//! The JSON patch that adds terms and annotations to a pod. It only ever adds: what the pod has stays as it is, byte for byte, and in
//! front.

use serde_json::{Map, Value, json};

use crate::terms::Term;

/// Names the decision, by the id that `/v1/decisions` knows.
pub const DECISION: &str = "netmarks.dev/decision";

/// Names the policies that decided, each as `name@revision`.
pub const POLICY_SET: &str = "netmarks.dev/policy-set";

/// Names the best node, where the pod counts until it is bound: other replicas learn of it by this.
pub const PREFERRED_NODE: &str = "netmarks.dev/preferred-node";

/// `ValidateAnnotationsSize`: more would be refused, and the pod with it.
const ANNOTATIONS_BYTES: usize = 256 << 10;

/// What the API server takes of a request is 3 MiB, what etcd takes of an object 1.5 MiB. A pod close to that gets nothing, so that it is
/// not the terms that make it too large.
const LARGEST_POD_BYTES: usize = 1_400_000;

const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// The operations that append `terms` to the preferred node affinity of `pod` and add `annotations`. `None` if Kubernetes would not take
/// the pod with them, or if there is nothing to add them to.
#[must_use]
pub fn patch(pod: &Value, terms: &[Term], annotations: &[(&str, String)]) -> Option<Vec<Value>> {
    let known = pod.pointer("/metadata/annotations").and_then(Value::as_object);
    let size = |key: &str, value: &str| key.len() + value.len();
    let before: usize =
        known.into_iter().flatten().map(|(key, value)| size(key, value.as_str().unwrap_or_default())).sum();
    let more: usize = annotations.iter().map(|(key, value)| size(key, value)).sum();
    let is_object = |pointer: &str| pod.pointer(pointer).is_some_and(Value::is_object);
    if !is_object("/metadata") || !is_object("/spec") {
        return None;
    }
    if before + more > ANNOTATIONS_BYTES || pod.to_string().len() > LARGEST_POD_BYTES {
        return None;
    }
    let mut operations = affinity(pod, terms.iter().map(|term| json!(term.to_api())).collect());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    if known.is_none() {
        let all: Map<String, Value> =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), value.as_str().into())).collect();
        operations.push(add("/metadata/annotations", &all.into()));
    } else {
        operations.extend(annotations.iter().map(|(key, value)| {
            add(&format!("/metadata/annotations/{}", escaped(key)), &value.as_str().into())
        }));
    }
    Some(operations)
}

/// One operation a term where there is a list to append to; otherwise one that adds the list with all that is missing around it.
fn affinity(pod: &Value, terms: Vec<Value>) -> Vec<Value> {
    let is_there = |pointer: &str| pod.pointer(pointer).is_some_and(|value| !value.is_null());
    let list = format!("/spec/affinity/nodeAffinity/{PREFERRED}");
    if is_there(&list) {
        terms.iter().map(|term| add(&format!("{list}/-"), term)).collect()
    } else if is_there("/spec/affinity/nodeAffinity") {
        vec![add(&list, &terms.into())]
    } else if is_there("/spec/affinity") {
        vec![add("/spec/affinity/nodeAffinity", &json!({PREFERRED: terms}))]
    } else {
        vec![add("/spec/affinity", &json!({"nodeAffinity": {PREFERRED: terms}}))]
    }
}

fn add(path: &str, value: &Value) -> Value {
    json!({"op": "add", "path": path, "value": value})
}
