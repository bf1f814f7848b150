//! What goes on beside the answers: where pods went, and the last hour.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use netmarks_core::clock::unix_now;
use netmarks_map::History;
use netmarks_scoring::Decisions;
use netmarks_state::ClusterState;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::shared::scene_of;

/// How far back the history goes, in seconds.
pub const HISTORY_SECONDS: u64 = 3_600;

/// From one moment of the history to the next.
pub(super) const INTERVAL: Duration = Duration::from_secs(30);

/// How often it is looked where pods went.
const LOOK: Duration = Duration::from_secs(1);

/// Notes on the decisions where their pods were seen, until `shutdown`.
pub async fn follow_pods(state: Arc<ClusterState>, decisions: Arc<Decisions>, shutdown: CancellationToken) {
    let every = async {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            note_seen(&state, &decisions);
        }
    };
    shutdown.run_until_cancelled(every).await;
}

fn note_seen(state: &ClusterState, decisions: &Decisions) {
    let sought = decisions.sought(Instant::now());
    if sought.is_empty() {
        return;
    }
    let seen: Vec<(String, String)> = state.read(|index| {
        let node = |pod: String| {
            let node = index.pod(&pod)?.node?.to_owned();
            Some((pod, node))
        };
        sought.into_iter().filter_map(node).collect()
    });
    if !seen.is_empty() {
        decisions.found(&seen);
    }
}

/// Keeps how the cluster looks, until `shutdown`.
pub async fn follow_cluster(
    state: Arc<ClusterState>,
    history: Arc<Mutex<History>>,
    shutdown: CancellationToken,
) {
    let every = async {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (state, history) = (state.clone(), history.clone());
            let kept = tokio::task::spawn_blocking(move || {
                let scene = scene_of(&state);
                // Nothing was listed yet.
                if !scene.nodes.is_empty() {
                    history.lock().unwrap_or_else(PoisonError::into_inner).push(unix_now(), &scene);
                }
            });
            if let Err(error) = kept.await {
                tracing::error!(%error, "failed to keep how the cluster looks");
            }
        }
    };
    shutdown.run_until_cancelled(every).await;
}
