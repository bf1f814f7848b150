//! What the user wrote into a pod stays as it is, byte for byte, and the pod goes beside its peer.

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::{ControlPlane, until};
use serde_json::{Value, json};

use super::pod;
use crate::support::{LIMIT, scratch};

const NODES: &str = "nodeAffinity";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// A pod with each kind of affinity, one with all of them, one with hundreds of terms and one of a megabyte are stored as they would be in
/// a namespace that the webhook is not called for, but for terms behind theirs and three annotations; and they go to the node of the hub.
pub(super) async fn keeps_what_the_user_wrote(plane: &ControlPlane, hub: &str) -> Result<()> {
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
    let mut names = Vec::new();
    for (name, affinity, megabyte) in [
        ("own-preferred", json!({NODES: {PREFERRED: [term(3)]}}), false),
        ("own-required", json!({NODES: {REQUIRED: required}}), false),
        ("own-near-pods", json!({"podAffinity": {PREFERRED: weighted}}), false),
        ("own-far-from-pods", json!({"podAntiAffinity": {REQUIRED: [near]}}), false),
        ("own-all-kinds", all.clone(), false),
        ("own-250-terms", json!({NODES: {PREFERRED: many}}), false),
        ("own-megabyte", all, true),
    ] {
        let mut pod = pod("bare");
        pod["metadata"]["name"] = json!(name);
        pod["spec"]["affinity"] = affinity;
        if megabyte {
            pod["spec"]["containers"][0]["args"] = json!(["x".repeat(1 << 20)]);
        }
        check(plane, pod).with_context(|| name.to_owned())?;
        names.push(name);
    }
    let pods = until("they have nodes", LIMIT, async || {
        let mut pods = plane.placement("shop").await?;
        pods.retain(|pod| names.contains(&pod.pod.as_str()));
        ensure!(pods.len() == names.len(), "{} of {} have", pods.len(), names.len());
        Ok(Some(pods))
    })
    .await?;
    for pod in &pods {
        ensure!(pod.node == hub, "{pod:?}");
    }
    // Whoever lists pods from here on need not read the megabyte again.
    plane.kubectl(&[&["-n", "shop", "delete", "pod", "--now"], &names[..]].concat()).map(drop)
}

/// Creates a pod, and asks what it would be elsewhere.
fn check(plane: &ControlPlane, mut pod: Value) -> Result<()> {
    let mut created = |namespace: &str, dry_run: &str| -> Result<Value> {
        pod["metadata"]["namespace"] = json!(namespace);
        let file = scratch(plane, "own.json", &pod.to_string())?;
        let got = plane.kubectl(&["create", dry_run, "-o=json", "-f", &file.to_string_lossy()])?;
        Ok(serde_json::from_str(&got)?)
    };
    let (mut ours, theirs) = (created("shop", "--dry-run=none")?, created("other", "--dry-run=server")?);
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
