//! What the registry does by itself: rolls back what broke a rule, runs the shadows, promotes canaries.
//!
//! Each is a task of its own, so that none waits for another: a comparison may take as long as a shadow's deadline.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::breach::Breach;
use crate::registry::{Inbox, Registry};
use crate::revision::RevisionId;
use crate::shadow::Comparison;

/// How often canaries are checked.
const PROMOTION_PERIOD: Duration = Duration::from_secs(1);

/// A task that its caller runs, and whose end before shutdown is a fault.
pub type RegistryTask = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Registry {
    /// The registry's own tasks with their names, for the caller to run until `shutdown`. One that ends earlier, or
    /// panics, has failed: policies would no longer be changed, rolled back, compared or promoted.
    #[must_use]
    pub fn tasks(&self, inbox: Inbox, shutdown: &CancellationToken) -> [(&'static str, RegistryTask); 4] {
        let Inbox { state, breaches, comparisons } = inbox;
        let until_shutdown = |task: RegistryTask| -> RegistryTask {
            let shutdown = shutdown.clone();
            Box::pin(async move {
                shutdown.run_until_cancelled(task).await;
            })
        };
        [
            // Operations are answered to the very end of the process; only watching the task ends with shutdown.
            ("policy state", until_shutdown(Box::pin(watch(state)))),
            ("policy rollback", until_shutdown(Box::pin(self.clone().roll_back_breaches(breaches)))),
            ("policy shadows", until_shutdown(Box::pin(self.clone().run_shadows(comparisons)))),
            ("policy promotion", until_shutdown(Box::pin(self.clone().promote_canaries()))),
        ]
    }

    async fn roll_back_breaches(self, mut breaches: Receiver<(RevisionId, Breach)>) {
        while let Some((revision, breach)) = breaches.recv().await {
            self.degrade(revision, breach).await;
        }
    }

    async fn run_shadows(self, mut comparisons: Receiver<Comparison>) {
        while let Some(comparison) = comparisons.recv().await {
            let published = self.shared.published.clone();
            let compared = tokio::task::spawn_blocking(move || published.shadows.compare(&comparison));
            if compared.await.is_err() {
                tracing::error!("comparing shadows panicked");
            }
        }
    }

    async fn promote_canaries(self) {
        let mut period = tokio::time::interval(PROMOTION_PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut observed = None;
        loop {
            period.tick().await;
            let set = self.current();
            let candidate = set.canary.as_ref().map(|canary| &canary.candidate);
            let canary = candidate.map(|candidate| (&candidate.id, candidate.calls()));
            if self.shared.promotion.is_due(&mut observed, canary, Instant::now())
                && let Some(candidate) = candidate
            {
                self.promote(&candidate.id).await;
            }
        }
    }
}

/// Until the task that owns the state ends, which it does not while there is a handle, unless it panics.
async fn watch(state: JoinHandle<()>) {
    if let Err(error) = state.await {
        tracing::error!(%error, "the task that owns the policies' state failed");
    }
}
