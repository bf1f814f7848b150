//! The wall clock of our process is set by a day, forward and back, and the clocks of everything else are not: pods are scheduled as before.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::invariants::Invariants;
use crate::support::rollout::{deploy, scale_until};
use crate::support::scheduling::attempts_and_pods;
use crate::support::setting::Setting;
use crate::support::stepped_clock::SteppedClock;
use crate::support::{Extender, LIMIT};
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::until;
use netmarks_test_traffic::Edge;
use serde_json::Value;

const NAMESPACE: &str = "shop";

const DAY: i64 = 86_400;

/// How far the clock is off, one after the other.
const STEPS: [i64; 4] = [DAY, 0, -DAY, 0];

/// Refreshes of the flows that are waited for after each step.
const REFRESHES: f64 = 3.0;

/// How long after a step a decision may come, in seconds, with which it is compared.
const APART: f64 = 3_600.0;

/// The newest decision was made by a clock that is off by so much.
async fn is_seen(extender: &Extender, off_by: i64) -> Result<()> {
    until("a decision by the clock as it is now", LIMIT, async || {
        let decisions = extender.json("/v1/decisions?limit=1").await?;
        let newest = decisions.get(0).context("there is no decision")?;
        let at = newest.get("at").and_then(Value::as_f64).context("it has no instant")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        ensure!((at - now - off_by as f64).abs() < APART, "it was made {} s from now", at - now);
        Ok(Some(()))
    })
    .await
}

/// The store answers again and again, about a time that it knows.
async fn refreshes(extender: &Extender) -> Result<()> {
    let (done, failures) = ("netmarks_flow_refreshes_total", "netmarks_flow_refresh_failures_total");
    let before = (extender.metric(done).await?, extender.metric(failures).await?);
    until("the flows are refreshed", LIMIT, async || {
        Ok((extender.metric(done).await? >= before.0 + REFRESHES).then_some(()))
    })
    .await?;
    let (failed, age) =
        (extender.metric(failures).await?, extender.metric("netmarks_flows_age_seconds").await?);
    ensure!((failed - before.1).abs() < 0.5, "{} refreshes failed", failed - before.1);
    ensure!((0.0..LIMIT.as_secs_f64()).contains(&age), "the flows are {age} s old");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_are_scheduled_as_before_while_the_clock_is_set_by_a_day() {
    let setting = Setting::start(vec![Edge::new(NAMESPACE, "frontend", "cart", 1_000_000.0)]).await.unwrap();
    let plane = &setting.plane;
    plane.create_namespace(NAMESPACE).await.unwrap();
    let clock = SteppedClock::new(plane.folder()).unwrap();
    let environment = clock.environment();
    let mut keys = vec![("NETMARKS_SCORING_WHEN_STALE", "ignore")];
    keys.extend(environment.iter().map(|(name, value)| (*name, value.as_str())));
    let extender = Extender::start(plane, &setting.prometheus, &keys).unwrap();
    let scheduler = extender.start_scheduler(plane, &setting.edges).await.unwrap();
    deploy(plane, NAMESPACE, "cart", 1, 1).await;
    deploy(plane, NAMESPACE, "frontend", 1, 2).await;
    let mut frontends = 1;
    scale_until(plane, NAMESPACE, &extender, "scored", &mut frontends).await;
    let invariants = Invariants::of(&extender, NAMESPACE, &setting.edges).await.unwrap();

    for off_by in STEPS {
        clock.set(off_by).unwrap();
        scale_until(plane, NAMESPACE, &extender, "scored", &mut frontends).await;
        let pods = usize::try_from(frontends).unwrap() + 1;
        plane.wait_bound(NAMESPACE, pods, LIMIT).await.unwrap();
        is_seen(&extender, off_by).await.unwrap();
        refreshes(&extender).await.unwrap();
        assert_eq!(invariants.recovered(plane, &extender).await.unwrap(), pods);
    }
    let answers = extender.answers().await.unwrap();
    for empty in ["stale-metrics", "no-metrics", "deadline", "policy-fault"] {
        assert_eq!(answers.get(empty).copied().unwrap_or(0), 0, "{answers:?}");
    }
    let log = extender.log().unwrap();
    assert!(!log.contains("panic"), "{log}");
    let (attempts, pods) = attempts_and_pods(&scheduler).await.unwrap();
    assert!((attempts - pods).abs() < 0.5, "{pods} pods took {attempts} attempts");
}
