//! Answers that say less than they seem to: partial ones, empty ones, and warnings that never end.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail like tests: by panicking"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use netmarks_core::application::Identity;
use netmarks_sources::prometheus::Poller;
use netmarks_sources::prometheus::client::QueryError;
use netmarks_state::{ClusterState, MetricsState};

use crate::prometheus_api::{flows, state, store, text};

const COMPLETE: &str = include_str!("fixtures/answer-complete.json");
const PARTIAL: &str = include_str!("fixtures/answer-partial.json");
const EMPTY_WITH_WARNING: &str = include_str!("fixtures/answer-empty-with-warning.json");

/// What the application `web` sends, by peer.
fn sent(state: &Arc<ClusterState>) -> BTreeMap<String, f64> {
    let snapshot = state.snapshot();
    let Some(web) = snapshot.application_id("shop/web") else { return BTreeMap::new() };
    let peers = snapshot.flows().peers(web).iter();
    peers
        .map(|peer| {
            (snapshot.application(peer.peer).unwrap().name.clone().unwrap().to_string(), peer.outbound)
        })
        .collect()
}

#[tokio::test]
async fn what_a_partial_answer_lacks_stays_as_last_measured() {
    let (_store, config) = store(vec![text(COMPLETE), text(PARTIAL)]).await;
    let (mut poller, state) = (Poller::new(config, Identity::App).unwrap(), state());
    poller.refresh(100.0, &state).await.unwrap();
    let all = BTreeMap::from([("shop/db".to_owned(), 1_000.0), ("shop/cache".to_owned(), 400.0)]);
    assert_eq!(sent(&state), all);
    for at in (105..400).step_by(5) {
        let refresh = poller.refresh(f64::from(at), &state).await.unwrap();
        assert_eq!(refresh.warnings.texts(), ["the answer is partial"]);
        assert_eq!(sent(&state), all, "at {at}");
    }
    assert_eq!(state.readiness().metrics, MetricsState::Answered { at: 395.0 }, "what it has is fresh");
    poller.refresh(550.0, &state).await.unwrap();
    assert_eq!(sent(&state)["shop/db"], 500.0, "unknown for five minutes, and half of the next five");
}

#[tokio::test]
async fn an_empty_answer_after_a_full_one_leaves_the_flows_and_their_age() {
    for empty in [text(EMPTY_WITH_WARNING), flows(&[])] {
        let (_store, config) = store(vec![text(COMPLETE), empty]).await;
        let (mut poller, state) = (Poller::new(config, Identity::App).unwrap(), state());
        poller.refresh(100.0, &state).await.unwrap();
        let before = sent(&state);
        let error = poller.refresh(115.0, &state).await.unwrap_err();
        assert!(matches!(error, QueryError::Empty { flows: 2, .. }), "{error:?}");
        assert_eq!(sent(&state), before);
        assert_eq!(state.readiness().metrics, MetricsState::Answered { at: 100.0 }, "not fresh");
    }
}

#[tokio::test]
async fn an_empty_first_answer_counts_only_without_a_warning() {
    let (_store, config) = store(vec![text(EMPTY_WITH_WARNING), flows(&[])]).await;
    let (mut poller, state) = (Poller::new(config, Identity::App).unwrap(), state());
    let error = poller.refresh(100.0, &state).await.unwrap_err().to_string();
    assert!(error.contains("No StoreAPIs matched for this query"), "{error}");
    assert_eq!(state.readiness().metrics, MetricsState::NotYet);
    poller.refresh(115.0, &state).await.unwrap();
    assert_eq!(state.readiness().metrics, MetricsState::Answered { at: 115.0 });
}
