//! The API server no longer has what our watches missed, while pods come and go: they end with 410 and begin with a list, and nothing is lost.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::invariants::Invariants;
use crate::support::rollout::{deploy, scale_until};
use crate::support::setting::Setting;
use crate::support::{Extender, LIMIT, through};
use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use netmarks_test_cluster::{ControlPlane, until};
use netmarks_test_traffic::Edge;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const NAMESPACE: &str = "shop";

/// Between two pods that come, each with one that goes.
const EVERY: Duration = Duration::from_millis(50);

/// Of the pods that come and go, so many are there at once.
const AT_ONCE: usize = 20;

/// Pods that come while our process is cut off.
const MISSED: usize = 30;

/// What our process says of a watch that ended with 410.
const EXPIRED: &str = "the API server no longer has what came since the watch broke off";

const LISTS: &str = "netmarks_watch_lists_total";

/// Pods come and go until it is told to stop; while there is no API server, some of them do not.
async fn churn(client: Client, stop: CancellationToken) {
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0.. {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            return;
        }
        let requests = json!({"requests": {"cpu": "10m", "memory": "16Mi"}});
        let pod = json!({
            "metadata": {"name": format!("churn-{number}"), "labels": {"app": "frontend-of-others"}},
            "spec": {
                "containers": [{"name": "main", "image": "none.invalid/none", "resources": requests}],
                "terminationGracePeriodSeconds": 0,
            },
        });
        let pod = serde_json::from_value(pod).unwrap();
        let _refused = pods.create(&PostParams::default(), &pod).await;
        if let Some(old) = usize::checked_sub(number, AT_ONCE) {
            let _gone = pods.delete(&format!("churn-{old}"), &DeleteParams::default()).await;
        }
    }
}

/// Names of the pods that come and go.
async fn churning(plane: &ControlPlane) -> Result<BTreeSet<String>> {
    let pods = plane.placement(NAMESPACE).await?;
    Ok(pods.into_iter().map(|pod| pod.pod).filter(|name| name.starts_with("churn-")).collect())
}

/// Waits until other pods are there than before, all of them.
async fn others(plane: &ControlPlane) -> Result<()> {
    let before = churning(plane).await?;
    until("other pods are there", LIMIT, async || {
        let now = churning(plane).await?;
        Ok((!now.is_empty() && now.is_disjoint(&before)).then_some(()))
    })
    .await
}

/// Waits until so many pods have come that were not there before.
async fn more(plane: &ControlPlane, count: usize) -> Result<()> {
    let (before, mut come) = (churning(plane).await?, BTreeSet::new());
    until(&format!("{count} pods come"), LIMIT, async || {
        come.extend(churning(plane).await?.into_iter().filter(|name| !before.contains(name)));
        Ok((come.len() >= count).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_ends_with_410_lists_anew_and_nothing_is_lost() {
    let edges = vec![Edge::new(NAMESPACE, "frontend", "cart", 1_000_000.0)];
    let mut setting = Setting::start(edges).await.unwrap();
    let plane = &setting.plane;
    plane.create_namespace(NAMESPACE).await.unwrap();
    let address = plane.api_url().trim_start_matches("https://").parse().unwrap();
    let api = FaultProxy::start(address).await.unwrap();
    let kubeconfig = through(plane, &api).unwrap();
    let extender = Extender::start_between(plane, &kubeconfig, setting.prometheus.url(), &[]).unwrap();
    let _scheduler = extender.start_scheduler(plane, &setting.edges).await.unwrap();
    deploy(plane, NAMESPACE, "cart", 1, 1).await;
    deploy(plane, NAMESPACE, "frontend", 1, 2).await;
    let mut frontends = 1;
    scale_until(plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    let invariants = Invariants::of(&extender, NAMESPACE, &setting.edges).await.unwrap();
    let stop = CancellationToken::new();
    let churning = tokio::spawn(churn(plane.client().clone(), stop.clone()));
    more(plane, AT_ONCE).await.unwrap();
    let before = extender.metric(LISTS).await.unwrap();
    assert!(!extender.log().unwrap().contains(EXPIRED));

    // It misses pods that come and pods that go. What it would go on from is then neither in etcd nor in the API server's memory, which
    // begins with what etcd has.
    api.set(Fault::Cut);
    more(plane, MISSED).await.unwrap();
    others(plane).await.unwrap();
    plane.compact_history().await.unwrap();
    setting.plane.restart_apiserver().await.unwrap();
    let plane = &setting.plane;
    invariants.hold(&extender).await.unwrap();
    assert_eq!(extender.metric(LISTS).await.unwrap(), before, "it tries to go on from where it was");

    api.set(Fault::Nothing);
    until("the watch of pods has ended with 410", LIMIT, async || {
        let log = extender.log()?;
        let of_pods = |line: &str| line.contains(EXPIRED) && line.contains("pods");
        ensure!(log.lines().any(of_pods), "{} lists", extender.metric(LISTS).await?);
        Ok(Some(()))
    })
    .await
    .unwrap();
    scale_until(plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    more(plane, AT_ONCE).await.unwrap();
    stop.cancel();
    churning.await.unwrap();
    until("it has begun to list, and those that came last are bound", LIMIT, async || {
        ensure!(extender.metric(LISTS).await? > before, "it has not begun to list");
        let pods = plane.placement(NAMESPACE).await?.len();
        ensure!(pods > AT_ONCE, "only {pods}");
        Ok(Some(()))
    })
    .await
    .unwrap();
    invariants.recovered(plane, &extender).await.unwrap();
    scale_until(plane, NAMESPACE, &extender, "scored", &mut frontends).await;
}
