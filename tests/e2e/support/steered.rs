//! Whether new pods get terms of the webhook. Nothing comes of asking.

use anyhow::{Result, ensure};
use netmarks_test_cluster::{ControlPlane, until};

use super::LIMIT;

/// Gives a namespace the label by which the chart has the API server ask about its pods.
pub fn choose(plane: &ControlPlane, namespace: &str) -> Result<()> {
    plane.kubectl(&["label", "namespace", namespace, "netmarks.dev/admission=enabled"]).map(drop)
}

/// The decision that a new pod of an application would name; empty if it would get no terms.
pub fn decision(plane: &ControlPlane, namespace: &str, app: &str) -> Result<String> {
    let label = format!("--labels=app={app}");
    let named = r"-o=jsonpath={.metadata.annotations.netmarks\.dev/decision}";
    let probe = ["-n", namespace, "run", "probe", "--image=none.invalid/none", &label];
    plane.kubectl(&[&probe[..], &["--dry-run=server", named]].concat())
}

/// Waits until the API server asks about new pods of an application, and they get terms.
pub async fn wait_steered(plane: &ControlPlane, namespace: &str, app: &str) -> Result<()> {
    until(&format!("new pods of {namespace}/{app} get terms"), LIMIT, async || {
        ensure!(!decision(plane, namespace, app)?.is_empty(), "they do not");
        Ok(Some(()))
    })
    .await
}
