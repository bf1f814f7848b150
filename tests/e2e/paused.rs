//! Our process stops for ten seconds in the middle of a rollout, and is killed at random points of it: every pod is scheduled, at the
//! first attempt, and none waits longer than for the extender's timeout once.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::invariants::Invariants;
use crate::support::rollout::{deploy, scale_until};
use crate::support::scheduling::{above, attempts_and_pods, searches};
use crate::support::setting::Setting;
use crate::support::{Extender, LIMIT};
use anyhow::{Result, ensure};
use netmarks_test_cluster::{ControlPlane, until};
use netmarks_test_traffic::Edge;

const NAMESPACE: &str = "shop";

/// Pods of the rollout, as many as four nodes take.
const PODS: usize = 500;

/// How long it is stopped.
const STOPPED: Duration = Duration::from_secs(10);

/// When so many pods are bound it is stopped, and then killed: points of a rollout, and how far each may be off.
const STOP_AT: usize = 40;
const KILL_AT: [usize; 4] = [100, 160, 220, 280];
const SPREAD: u64 = 40;

/// The first bound of kube-scheduler's histogram above the second that it waits for an extender.
const LONGEST: Duration = Duration::from_millis(2_048);

async fn bound(plane: &ControlPlane, least: usize) -> Result<usize> {
    until(&format!("{least} pods are bound"), LIMIT, async || {
        let pods = plane.placement(NAMESPACE).await?.len();
        Ok((pods >= least).then_some(pods))
    })
    .await
}

fn sum(answers: &BTreeMap<String, u64>) -> u64 {
    answers.values().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_ends_though_the_extender_is_stopped_and_killed_in_it() {
    let seed = std::env::var("NETMARKS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x6e65_746d);
    let setting = Setting::start(vec![Edge::new(NAMESPACE, "frontend", "cart", 1_000_000.0)]).await.unwrap();
    let plane = &setting.plane;
    plane.create_namespace(NAMESPACE).await.unwrap();
    let mut extender = Extender::start(plane, &setting.prometheus, &[]).unwrap();
    let scheduler = extender.start_scheduler(plane, &setting.edges).await.unwrap();
    deploy(plane, NAMESPACE, "cart", 1, 1).await;
    deploy(plane, NAMESPACE, "frontend", 1, 2).await;
    let invariants = Invariants::of(&extender, NAMESPACE, &setting.edges).await.unwrap();
    plane.scale_deployment(NAMESPACE, "frontend", i32::try_from(PODS).unwrap() - 1).await.unwrap();

    let at_stop = bound(plane, STOP_AT).await.unwrap();
    extender.signal("STOP").unwrap();
    tokio::time::sleep(STOPPED).await;
    extender.signal("CONT").unwrap();
    let stopped = bound(plane, at_stop).await.unwrap() - at_stop;
    println!("{stopped} pods were bound while it was stopped");
    invariants.hold(&extender).await.unwrap();

    let mut random = seed;
    for point in KILL_AT {
        // xorshift64: any order will do, as long as it is the same again.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let point = point + usize::try_from(random % SPREAD).unwrap();
        println!("seed {seed}: killed at {} pods", bound(plane, point).await.unwrap());
        // Perhaps before it is ready again: what must hold is checked after the last one.
        extender.kill().unwrap();
        extender.restart().unwrap();
    }
    let pods = plane.wait_bound(NAMESPACE, PODS, LIMIT).await.unwrap();
    assert_eq!(pods.len(), PODS);
    let took = searches(&scheduler).await.unwrap();
    assert!(above(LONGEST, &took).unwrap() < 1.0, "a pod waited longer than the timeout once: {took:?}");
    let (attempts, scheduled) = attempts_and_pods(&scheduler).await.unwrap();
    assert!((attempts - scheduled).abs() < 0.5, "{scheduled} pods took {attempts} attempts");
    assert!(scheduled >= PODS as f64, "{scheduled}");

    // It is ready again, knows every pod, and each request has one answer.
    extender.wait_ready().await.unwrap();
    extender.wait_pods(NAMESPACE, PODS).await.unwrap();
    let before = extender.answers().await.unwrap();
    let mut frontends = i32::try_from(PODS).unwrap() - 1;
    scale_until(plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    until("each new pod has its answer", LIMIT, async || {
        let (now, new) = (extender.answers().await?, u64::try_from(frontends + 1)? - PODS as u64);
        ensure!(sum(&now) - sum(&before) == new, "{new} pods: {before:?}, then {now:?}");
        Ok(Some(()))
    })
    .await
    .unwrap();
    plane.wait_bound(NAMESPACE, usize::try_from(frontends).unwrap() + 1, LIMIT).await.unwrap();
    invariants.recovered(plane, &extender).await.unwrap();
}
