//! A quota refuses pods that the webhook has answered for: what was assumed of them is given back, and those that are admitted later land
//! beside their peers.

use std::time::Duration;

use anyhow::{Result, ensure};
use netmarks_test_cluster::{ControlPlane, until};
use netmarks_test_traffic::Edge;
use serde_json::json;

use super::{ASSUMED_PODS, Opened, apply, nothing_is_assumed, object, open, template};
use crate::support::LIMIT;
use crate::support::setting::Setting;

/// As many spokes as fit on a node of eight cores beside the hub, which asks for nothing.
const FIT: i32 = 4;

/// Refusals that are waited for: what they are assumed to take would be the whole node.
const REFUSED: usize = 4;

/// How long a pod that is never seen is assumed, as docs/admission.md says, and what a busy machine may add.
const ASSUMED: Duration = Duration::from_secs(10 + 5);

/// Limits the pods of the namespace, of which so many are there. What counts is the status, which a controller writes that does not run
/// here; the API server itself counts those that come.
fn limit_pods(plane: &ControlPlane, most: usize, there: usize) -> Result<()> {
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"namespace": "shop", "name": "pods"},
        "spec": {"hard": {"pods": most.to_string()}},
    });
    apply(plane, &quota)?;
    let status = json!({"status": {"hard": {"pods": most.to_string()}, "used": {"pods": there.to_string()}}});
    let patch = format!("--patch={status}");
    let command =
        ["-n", "shop", "patch", "resourcequota", "pods", "--subresource=status", "--type=merge", &patch];
    plane.kubectl(&command).map(drop)
}

/// Creations of pods that the API server refused; whoever creates them here may do everything.
fn refused(plane: &ControlPlane) -> Result<usize> {
    let calls = plane.calls_of("admin")?;
    let refused =
        |status: u64, verb: &str, resource: &str| status == 403 && verb == "create" && resource == "pods";
    Ok(calls.iter().filter(|call| refused(call.status, &call.verb, &call.resource)).count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_a_quota_refuses_take_no_room_for_longer_than_is_said() {
    let edges = ["spoke", "bare"].map(|app| Edge::new("shop", app, "hub", 400_000.0)).to_vec();
    let setting = Setting::start(edges).await.unwrap();
    let plane = &setting.plane;
    let opened = open(&setting).await.unwrap();
    let Opened { extender, hub, .. } = &opened;

    // The hub is there and one spoke may be.
    limit_pods(plane, 2, 1).unwrap();
    let before = refused(plane).unwrap();
    let mut spoke = template("spoke");
    spoke["spec"]["containers"][0]["resources"]["requests"] = json!({"cpu": "2", "memory": "8Gi"});
    // By itself kube-scheduler spreads the pods of a Deployment over nodes, which is not the subject.
    let anywhere = json!({"matchLabels": {"app": "spoke"}});
    spoke["spec"]["topologySpreadConstraints"] = json!([{
        "maxSkew": 1, "topologyKey": "no-node-has-it", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": anywhere,
    }]);
    let spokes = json!({"replicas": FIT, "selector": {"matchLabels": {"app": "spoke"}}, "template": spoke});
    apply(plane, &object("apps/v1", "Deployment", "spoke", &spokes)).unwrap();
    until("pods are refused that are assumed", LIMIT, async || {
        let (refused, assumed) = (refused(plane)? - before, extender.metric(ASSUMED_PODS).await?);
        ensure!(refused >= REFUSED && assumed > 0.0, "{refused} refused, {assumed} assumed");
        Ok(Some(()))
    })
    .await
    .unwrap();
    let pods = plane.wait_bound("shop", 2, LIMIT).await.unwrap();
    assert!(pods.iter().all(|pod| pod.node == *hub), "{pods:?}");

    // Nobody asks for more any longer, so that no review gives back what the last ones took.
    plane.scale_deployment("shop", "spoke", 1).await.unwrap();
    nothing_is_assumed(extender, ASSUMED).await.unwrap();

    limit_pods(plane, 100, 2).unwrap();
    plane.scale_deployment("shop", "spoke", FIT).await.unwrap();
    let pods = plane.wait_bound("shop", 1 + usize::try_from(FIT).unwrap(), LIMIT).await.unwrap();
    assert!(pods.iter().all(|pod| pod.node == *hub), "the node of the hub has room for them: {pods:?}");
}
