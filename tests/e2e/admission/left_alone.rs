//! Pods that the API server does not ask about, though it asks about others of their namespace; and namespaces that it never asks about,
//! whatever their label. Its audit log says which.

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::{ControlPlane, until};
use serde_json::{Value, json};

use super::{apply, object, pod, template};
use crate::support::LIMIT;
use crate::support::release::NAMESPACE;
use crate::support::steered::{choose, wait_steered};

/// A namespace whose pods `bare` would go beside the hub.
pub(super) const WAREHOUSE: &str = "warehouse";

/// A DaemonSet has a pod on each node.
const NODES: usize = 4;

pub(super) async fn are_not_asked_about(plane: &ControlPlane, hub: &str) -> Result<()> {
    for namespace in [NAMESPACE, WAREHOUSE] {
        plane.create_namespace(namespace).await?;
    }
    // What is seen of the last one is true of all.
    for namespace in [NAMESPACE, "kube-system", WAREHOUSE] {
        choose(plane, namespace)?;
    }
    wait_steered(plane, WAREHOUSE, "bare").await?;
    for namespace in [NAMESPACE, "kube-system"] {
        // Pods need the namespace's account, which is made a moment after the namespace.
        let made = async || create(plane, namespace, "bare", &json!({})).map(Some);
        until(&format!("a pod of {namespace} is created"), LIMIT, made).await?;
        wait_asked(plane, namespace, 0, 1).await?;
    }

    let uid = plane.kubectl(&["get", "node", hub, "-o=jsonpath={.metadata.uid}"])?;
    let node = json!([{"apiVersion": "v1", "kind": "Node", "name": hub, "uid": uid, "controller": true}]);
    let mirror = json!({"kubernetes.io/config.mirror": "a-hash-of-the-kubelet"});
    let kinds = [
        ("with-a-node", json!({"spec": {"nodeName": hub}})),
        ("of-another-scheduler", json!({"spec": {"schedulerName": "another"}})),
        ("opted-out", json!({"metadata": {"labels": {"app": "bare", "netmarks.dev/admission": "disabled"}}})),
        ("of-a-node", json!({"metadata": {"ownerReferences": node}})),
        (
            "mirror",
            json!({"metadata": {"ownerReferences": node, "annotations": mirror}, "spec": {"nodeName": hub}}),
        ),
    ];
    for (name, fields) in &kinds {
        create(plane, WAREHOUSE, name, fields).with_context(|| (*name).to_owned())?;
    }
    let mut daemon = template("bare");
    // Its own label, or it would take the others for its pods.
    daemon["metadata"]["labels"]["set"] = json!("daemons");
    let selected = json!({"selector": {"matchLabels": {"set": "daemons"}}, "template": daemon});
    let mut daemons = object("apps/v1", "DaemonSet", "daemons", &selected);
    daemons["metadata"]["namespace"] = json!(WAREHOUSE);
    apply(plane, &daemons)?;
    let left_alone = kinds.len() + NODES;
    // The scheduler of one of them does not run.
    let bound = left_alone - 1;
    plane.wait_bound(WAREHOUSE, bound, LIMIT).await?;
    // The one that is asked about is the dry run that got terms.
    wait_asked(plane, WAREHOUSE, 1, left_alone).await?;

    create(plane, WAREHOUSE, "control", &json!({}))?;
    wait_asked(plane, WAREHOUSE, 2, left_alone).await?;
    let pods = plane.wait_bound(WAREHOUSE, bound + 1, LIMIT).await?;
    let control = pods.iter().find(|pod| pod.pod == "control").context("there is no control")?;
    ensure!(control.node == hub, "{control:?}");
    Ok(())
}

/// Creates a pod that the API server would ask about, but for these fields.
fn create(plane: &ControlPlane, namespace: &str, name: &str, fields: &Value) -> Result<()> {
    let mut pod = pod("bare");
    pod["metadata"]["namespace"] = json!(namespace);
    pod["metadata"]["name"] = json!(name);
    for part in ["metadata", "spec"] {
        for (key, value) in fields[part].as_object().into_iter().flatten() {
            pod[part][key] = value.clone();
        }
    }
    apply(plane, &pod)
}

/// Waits until the audit log has so many creations of pods that the webhook was called for, and at least so many others.
async fn wait_asked(plane: &ControlPlane, namespace: &str, asked: usize, others: usize) -> Result<()> {
    until(&format!("{asked} pods of {namespace} are asked about"), LIMIT, async || {
        let (not, called): (Vec<_>, Vec<_>) =
            plane.webhooks_called(namespace)?.into_iter().partition(Vec::is_empty);
        ensure!(
            called.len() == asked && not.len() >= others,
            "{} were, {} were not",
            called.len(),
            not.len()
        );
        Ok(Some(()))
    })
    .await
}
