//! Reviews that take too long, and those that there is no room for: they are answered in time, without terms.

use std::convert::Infallible;

use axum::body::Body;
use futures::StreamExt as _;
use futures::stream;
use serde_json::json;

use super::inside::{Inside, model};
use super::{admission, review};
use crate::support::{config, eventually, hostile};

/// Whatever is asked with it would never end by itself.
const TIMEOUT_MS: u64 = 20;

/// Sends so many bytes, and then nothing.
fn stalling(bytes: usize) -> Body {
    let sent = stream::iter([Ok::<_, Infallible>(vec![b' '; bytes])]);
    Body::from_stream(sent.chain(stream::pending()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_whose_policy_hangs_is_answered_when_it_is_due() {
    let mut config = admission(hostile("spin"));
    config.admission.request_timeout_ms = TIMEOUT_MS;
    let inside = Inside::open(config, model()).await;
    let Inside { door, calls, .. } = &inside;
    // One waits for its turn while the policy is called for the other.
    let asked = async |uid: &str| inside.asked(review(uid).to_string().into()).await;
    let answers = tokio::join!(asked("u-1"), asked("u-2"));
    let as_it_is = |uid: &str| json!({"uid": uid, "allowed": true});
    assert_eq!(answers, (as_it_is("u-1"), as_it_is("u-2")));
    door.counted("deadline", 2.0).await;

    let fault = "netmarks_policy_faults_total{policy=\"hostile\",stage=\"score\",cause=\"deadline\"}";
    // An advance may come before the call has begun and so be lost on it.
    eventually("the call ends", async || {
        calls.0.advance();
        Ok((door.extender.metric(fault).await? > 0.0).then_some(()))
    })
    .await
    .unwrap();
    door.extender.counted(fault, 1.0).await.unwrap();
    assert_eq!(door.extender.metric("netmarks_admission_assumed_pods").await.unwrap(), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_answered_when_it_is_due() {
    let mut config = admission(config());
    config.admission.request_timeout_ms = TIMEOUT_MS;
    let inside = Inside::open(config, model()).await;
    assert_eq!(inside.asked(stalling(100)).await, json!({"uid": "", "allowed": true}));
    inside.door.counted("broken", 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_gives_way_to_another_is_answered_at_once() {
    let mut config = admission(config());
    (config.admission.max_request_mib, config.admission.max_bodies_mib) = (1, 1);
    let inside = Inside::open(config, model()).await;
    let mut slow = Box::pin(inside.asked(stalling(600_000)));
    assert!(futures::poll!(slow.as_mut()).is_pending());
    let whole = format!("{}{}", review("u-1"), " ".repeat(600_000));
    let (slow, whole) = tokio::join!(slow, inside.asked(whole.into()));
    assert_eq!(slow, json!({"uid": "", "allowed": true}));
    assert!(whole["patch"].is_string(), "{whole}");
    inside.door.counted("overloaded", 1.0).await;
}
