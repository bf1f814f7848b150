//! Pods that go elsewhere than they prefer: `netmarks doctor --pod` says why, of what a real kube-scheduler did.

use anyhow::{Result, ensure};
use netmarks_test_cluster::{ControlPlane, Scheduler, until};
use serde_json::{Value, json};

use super::{apply, object, pod};
use crate::doctor::said::doctor;
use crate::support::{Extender, LIMIT};

pub(super) async fn is_explained(
    plane: &ControlPlane,
    extender: &Extender,
    scheduler: &mut Scheduler,
    hub: &str,
) -> Result<()> {
    // The pods of `scaled` are all on the node of the hub. Keeping away from them is worth as much as what it prefers, and the other nodes
    // have more room.
    let away = json!([{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "scaled"}},
    }]);
    create(plane, "outweighed", &json!({"topologySpreadConstraints": away}))?;
    let outweighed = "other plugins outweigh it, PodTopologySpread gives it 200 more";
    says(plane, extender, "outweighed", hub, outweighed).await?;

    // There is room when the webhook answers, and not any more when kube-scheduler looks.
    scheduler.kill()?;
    create(plane, "late", &json!({}))?;
    let all = json!({"requests": {"cpu": "8"}});
    let containers = json!([{"name": "app", "image": "none.invalid/app", "resources": all}]);
    apply(plane, &object("v1", "Pod", "filler", &json!({"nodeName": hub, "containers": containers})))?;
    scheduler.restart().await?;
    says(plane, extender, "late", hub, "too little cpu left").await?;
    plane.kubectl(&["-n", "shop", "delete", "pod", "filler", "--now"]).map(drop)
}

/// Creates a pod that prefers the node of the hub, with these fields in its specification.
fn create(plane: &ControlPlane, name: &str, fields: &Value) -> Result<()> {
    let mut pod = pod("bare");
    pod["metadata"]["name"] = json!(name);
    for (key, value) in fields.as_object().into_iter().flatten() {
        pod["spec"][key] = value.clone();
    }
    apply(plane, &pod)
}

/// Waits until a pod has a node, which must be another one than that of the hub, and has doctor say why.
async fn says(plane: &ControlPlane, extender: &Extender, name: &str, hub: &str, why: &str) -> Result<()> {
    until(&format!("{name} has a node"), LIMIT, async || {
        let pods = plane.placement("shop").await?;
        Ok(pods.iter().any(|pod| pod.pod == name).then_some(()))
    })
    .await?;
    let (kubeconfig, pod) = (plane.kubeconfig().display().to_string(), format!("shop/{name}"));
    let said = doctor(&["--kubeconfig", &kubeconfig, "--server", extender.url(), "--pod", &pod])?;
    let found = said.found("pod");
    let elsewhere = format!("and not to {hub}, which it prefers most by the webhook's decision");
    ensure!(found.contains(&elsewhere) && found.contains(why), "{said:#?}");
    Ok(())
}
