//! What the user wrote into a pod stays as it is, byte for byte.

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::ControlPlane;
use serde_json::{Value, json};

use super::pod;
use crate::support::scratch;

const NODES: &str = "nodeAffinity";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// A pod with each kind of affinity, one with all of them, one with hundreds of terms and one of a megabyte are what they are in a
/// namespace that the webhook is not called for, but for terms behind theirs and three annotations.
pub(super) fn keeps_what_the_user_wrote(plane: &ControlPlane) -> Result<()> {
    let expression = json!([{"key": "disk", "operator": "In", "values": ["ssd"]}]);
    let term = |weight: u32| json!({"weight": weight, "preference": {"matchExpressions": expression}});
    let exists = json!([{"key": "kubernetes.io/os", "operator": "Exists"}]);
    let required = json!({"nodeSelectorTerms": [{"matchExpressions": exists}]});
    let selector = json!({"matchLabels": {"app": "none"}});
    let near = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector});
    let weighted = json!([{"weight": 5, "podAffinityTerm": near}]);
    let many: Vec<Value> = (0..250).map(|number| term(number % 100 + 1)).collect();
    let all = json!({
        "nodeAffinity": {PREFERRED: [term(3), term(80)], REQUIRED: required},
        "podAffinity": {PREFERRED: weighted},
        "podAntiAffinity": {PREFERRED: weighted, REQUIRED: [near]},
    });
    for (what, affinity, megabyte) in [
        ("preferred", json!({NODES: {PREFERRED: [term(3)]}}), false),
        ("required", json!({NODES: {REQUIRED: required}}), false),
        ("near pods", json!({"podAffinity": {PREFERRED: weighted}}), false),
        ("far from pods", json!({"podAntiAffinity": {REQUIRED: [near]}}), false),
        ("all kinds", all.clone(), false),
        ("250 terms", json!({NODES: {PREFERRED: many}}), false),
        ("a megabyte", all, true),
    ] {
        let mut pod = pod("bare");
        pod["metadata"]["name"] = json!("own");
        pod["spec"]["affinity"] = affinity;
        if megabyte {
            pod["spec"]["containers"][0]["args"] = json!(["x".repeat(1 << 20)]);
        }
        check(plane, pod).with_context(|| what.to_owned())?;
    }
    Ok(())
}

fn check(plane: &ControlPlane, mut pod: Value) -> Result<()> {
    let mut created = |namespace: &str| -> Result<Value> {
        pod["metadata"]["namespace"] = json!(namespace);
        let file = scratch(plane, "own.json", &pod.to_string())?;
        let got = plane.kubectl(&["create", "--dry-run=server", "-o=json", "-f", &file.to_string_lossy()])?;
        Ok(serde_json::from_str(&got)?)
    };
    let (mut ours, theirs) = (created("shop")?, created("other")?);
    let annotations = ours["metadata"]["annotations"].as_object_mut().context("it has no annotations")?;
    for key in ["netmarks.dev/decision", "netmarks.dev/policy-set", "netmarks.dev/preferred-node"] {
        annotations.remove(key).with_context(|| format!("it has no {key}"))?;
    }
    let list = format!("/spec/affinity/{NODES}/{PREFERRED}");
    let own = theirs.pointer(&list).and_then(Value::as_array).map_or(0, Vec::len);
    let terms = ours.pointer_mut(&list).and_then(Value::as_array_mut).context("it has no terms")?;
    ensure!(terms.len() > own, "it got no terms: {terms:?}");
    terms.truncate(own);
    let theirs = &theirs["spec"]["affinity"];
    let ours = &mut ours["spec"]["affinity"];
    if own == 0 {
        let nodes = ours[NODES].as_object_mut().context("it has no node affinity")?;
        nodes.remove(PREFERRED);
        if nodes.is_empty() {
            ours.as_object_mut().context("it has no affinity")?.remove(NODES);
        }
    }
    // As text: the order of keys counts, too.
    let (ours, theirs) = (ours.to_string(), theirs.to_string());
    ensure!(ours == theirs, "{ours} is not {theirs}");
    Ok(())
}
