//! Policies that misbehave, too many requests, and the deadline above all: kube-scheduler gets an answer at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::time::{Duration, Instant};

use crate::support::by_hand::{self, Advance};
use crate::support::{Extender, LIMIT, NODES, eventually, hostile, request, worked_example};
use netmarks::tasks::Tasks;
use netmarks::wiring::Scoring;
use netmarks_extender::Extender as Door;
use reqwest::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_an_empty_answer_that_is_counted_and_explained() {
    for (behaviour, cause, says) in [
        ("trap", "trap", "it trapped"),
        ("overrun", "memory", "bytes of memory"),
        ("nan", "not-finite", "candidate 0 is NaN"),
        ("short", "wrong-length", "3 scores for 4 candidates"),
        ("huge-list", "output", "bytes"),
        ("error", "said", "told to fail"),
    ] {
        let extender = Extender::start(&hostile(behaviour)).await.unwrap();
        let (status, answer) = extender.post(request(&NODES).to_string()).await.unwrap();
        assert_eq!((status, &*answer), (StatusCode::OK, "[]"), "{behaviour}");
        let fault =
            format!("netmarks_policy_faults_total{{policy=\"hostile\",stage=\"score\",cause=\"{cause}\"}}");
        extender.counted(&fault, 1.0).await.unwrap();
        extender.counted("netmarks_prioritize_answers_total{outcome=\"policy-fault\"}", 1.0).await.unwrap();
        let decision = extender.decision("default/p-0").await.unwrap();
        assert_eq!((&decision["empty"], &decision["named"]), (&json!("policy-fault"), &json!(0)));
        let fault = decision["policies"][0]["fault"].as_str().unwrap();
        assert!(fault.starts_with("policy `hostile` failed at score: ") && fault.contains(says), "{fault}");

        // With fewer candidates it behaves: nothing is left of the faulty call.
        let few = extender.prioritize(&request(&NODES[..3])).await.unwrap();
        assert!(few.len() == 3 && few.iter().all(|(_, score)| *score == 10), "{behaviour}: {few:?}");
        extender.counted("netmarks_prioritize_answers_total{outcome=\"scored\"}", 1.0).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_never_ends_is_stopped_within_its_own_deadline() {
    let mut config = hostile("spin");
    config.policy.limits.deadline_ms = 100;
    let extender = Extender::start(&config).await.unwrap();
    let asked = Instant::now();
    let (status, answer) = extender.post(request(&NODES).to_string()).await.unwrap();
    assert_eq!((status, &*answer), (StatusCode::OK, "[]"));
    let took = asked.elapsed();
    assert!(took < Duration::from_millis(config.server.request_timeout_ms), "{took:?}");
    extender
        .counted("netmarks_policy_faults_total{policy=\"hostile\",stage=\"score\",cause=\"deadline\"}", 1.0)
        .await
        .unwrap();
    let decision = extender.decision("default/p-0").await.unwrap();
    assert!(
        decision["policies"][0]["fault"].as_str().unwrap().contains("missed its deadline of 100ms"),
        "{decision}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_was_quick_for_long_and_then_never_ends_is_stopped_too() {
    let mut config = hostile("spin");
    config.policy.limits.deadline_ms = 100;
    let extender = Extender::start(&config).await.unwrap();
    // By then the connection's own task scores, if the machine is quick enough.
    for _ in 0..100 {
        // It behaves for three candidates.
        assert_eq!(extender.prioritize(&request(&NODES[..3])).await.unwrap().len(), 3);
    }
    let (status, _) = extender.post("{}".to_owned()).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for faults in 1..=3 {
        let asked = Instant::now();
        let (status, answer) = extender.post(request(&NODES).to_string()).await.unwrap();
        assert_eq!((status, &*answer), (StatusCode::OK, "[]"));
        let took = asked.elapsed();
        assert!(took < Duration::from_millis(config.server.request_timeout_ms), "{took:?}");
        let fault = "netmarks_prioritize_answers_total{outcome=\"policy-fault\"}";
        extender.counted(fault, f64::from(faults)).await.unwrap();
        assert_eq!(extender.prioritize(&request(&NODES[..3])).await.unwrap().len(), 3);
    }
}

/// Serves `door`, with the metrics beside it; returns the URL to ask.
async fn serve(door: &Door, scoring: &Scoring, stop: &CancellationToken) -> String {
    let router = door.clone().router().merge(scoring.health.clone().router());
    by_hand::serve(router, stop).await.unwrap()
}

async fn ask(url: &str) -> (StatusCode, String) {
    let response = crate::support::client()
        .unwrap()
        .post(format!("{url}/prioritize"))
        .body(request(&NODES).to_string())
        .send();
    let response = response.await.unwrap();
    (response.status(), response.text().await.unwrap())
}

async fn metric(url: &str, series: &str) -> f64 {
    let response = crate::support::client().unwrap().get(format!("{url}/metrics")).send().await.unwrap();
    crate::support::series(&response.text().await.unwrap(), series).unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_limit_are_answered_at_once() {
    let mut tasks = Tasks::default();
    let scoring = by_hand::scoring(&hostile("spin"), worked_example().unwrap(), &mut tasks).await.unwrap();
    let _advance = Advance(scoring.engine.clone());
    let door = by_hand::door(&scoring, 2, LIMIT);
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let url = serve(&door, &scoring, &stop).await;

    let held: Vec<_> = (0..2)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { ask(&url).await })
        })
        .collect();
    eventually("both permits are taken", async || Ok((door.permits.available_permits() == 0).then_some(())))
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&url).await, (StatusCode::OK, "[]".to_owned()));
    }
    assert!(held.iter().all(|request| !request.is_finished()), "they still spin");
    assert_eq!(metric(&url, "netmarks_prioritize_answers_total{outcome=\"overloaded\"}").await, 3.0);

    // An advance may come before a call has begun and so be lost on it.
    eventually("the calls end", async || {
        scoring.engine.advance();
        Ok(held.iter().all(tokio::task::JoinHandle::is_finished).then_some(()))
    })
    .await
    .unwrap();
    for request in held {
        assert_eq!(request.await.unwrap(), (StatusCode::OK, "[]".to_owned()));
    }
    eventually("the permits are back", async || Ok((door.permits.available_permits() == 2).then_some(())))
        .await
        .unwrap();
    assert_eq!(metric(&url, "netmarks_prioritize_answers_total{outcome=\"policy-fault\"}").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_takes_too_long_is_answered_when_the_request_is_due() {
    let mut tasks = Tasks::default();
    let scoring = by_hand::scoring(&hostile("spin"), worked_example().unwrap(), &mut tasks).await.unwrap();
    let _advance = Advance(scoring.engine.clone());
    let door = by_hand::door(&scoring, 1, Duration::from_millis(20));
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let url = serve(&door, &scoring, &stop).await;

    assert_eq!(ask(&url).await, (StatusCode::OK, "[]".to_owned()), "the policy itself would never end");
    assert_eq!(metric(&url, "netmarks_prioritize_answers_total{outcome=\"deadline\"}").await, 1.0);
    assert_eq!(door.permits.available_permits(), 0, "it still runs, so it still counts");
    assert_eq!(ask(&url).await, (StatusCode::OK, "[]".to_owned()));
    assert_eq!(metric(&url, "netmarks_prioritize_answers_total{outcome=\"overloaded\"}").await, 1.0);

    eventually("the call ends", async || {
        scoring.engine.advance();
        Ok((door.permits.available_permits() == 1).then_some(()))
    })
    .await
    .unwrap();
    // The fault is news to the operator; the answer was counted already.
    let fault = "netmarks_policy_faults_total{policy=\"hostile\",stage=\"score\",cause=\"deadline\"}";
    assert_eq!(metric(&url, fault).await, 1.0);
    let page = crate::support::client().unwrap().get(format!("{url}/metrics")).send().await.unwrap();
    let page = page.text().await.unwrap();
    let counted: f64 = page
        .lines()
        .filter(|line| line.starts_with("netmarks_prioritize_answers_total{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(counted, 2.0, "two requests, two answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_does_not_free_what_its_request_still_uses() {
    let mut tasks = Tasks::default();
    let scoring = by_hand::scoring(&hostile("spin"), worked_example().unwrap(), &mut tasks).await.unwrap();
    let _advance = Advance(scoring.engine.clone());
    let door = by_hand::door(&scoring, 1, LIMIT);
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let url = serve(&door, &scoring, &stop).await;

    let hasty = tokio::spawn({
        let url = url.clone();
        async move { ask(&url).await }
    });
    eventually("the permit is taken", async || Ok((door.permits.available_permits() == 0).then_some(())))
        .await
        .unwrap();
    hasty.abort();
    assert!(hasty.await.unwrap_err().is_cancelled());
    assert_eq!(ask(&url).await, (StatusCode::OK, "[]".to_owned()));
    assert_eq!(metric(&url, "netmarks_prioritize_answers_total{outcome=\"overloaded\"}").await, 1.0);
    eventually("the call ends", async || {
        scoring.engine.advance();
        Ok((door.permits.available_permits() == 1).then_some(()))
    })
    .await
    .unwrap();
}

#[test]
fn a_policy_deadline_beyond_the_requests_own_is_no_configuration() {
    let mut config = crate::support::config();
    config.server.request_timeout_ms = 100;
    config.policy.limits.deadline_ms = 100;
    let error = config.validate().unwrap_err().to_string();
    assert!(
        error.contains("`policy.limits.deadline_ms`") && error.contains("`server.request_timeout_ms`"),
        "{error}"
    );
    config.policy.limits.deadline_ms = 99;
    config.validate().unwrap();
}
