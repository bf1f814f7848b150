//! What the registry does by itself: rolls back what broke a rule, runs the shadows, promotes canaries, loads what could not be
//! restored.
//!
//! Each is a task of its own, so that none waits for another: a comparison may take as long as a shadow's deadline.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use netmarks_core::errors::chain;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::breach::Breach;
use crate::origin::Actor;
use crate::registry::{Inbox, Registry};
use crate::revision::RevisionId;
use crate::shadow::Comparison;

/// How often canaries are checked.
const PROMOTION_PERIOD: Duration = Duration::from_secs(1);

/// When what could not be restored is tried again for the first time, and how long it is between two attempts in the end.
const FIRST_RESTORATION: Duration = Duration::from_secs(5);
const LAST_RESTORATION: Duration = Duration::from_secs(600);

/// A task that its caller runs, and whose end before shutdown is a fault.
pub type RegistryTask = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Registry {
    /// The registry's own tasks with their names, for the caller to run until `shutdown`. One that ends earlier, or
    /// panics, has failed: policies would no longer be changed, rolled back, compared or promoted.
    #[must_use]
    pub fn tasks(&self, inbox: Inbox, shutdown: &CancellationToken) -> [(&'static str, RegistryTask); 5] {
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
            ("policy restoration", until_shutdown(Box::pin(self.clone().restore_again()))),
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

    /// Tries again what could not be loaded at the start, ever more seldom.
    async fn restore_again(self) {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_RESTORATION)
            .with_max_delay(LAST_RESTORATION)
            .without_max_times()
            .build();
        loop {
            for entry in self.state().not_restored() {
                let (name, actor) = (entry.name.clone(), Actor::own("restoration", "this process"));
                match self.restore(entry, actor).await {
                    Ok(()) => tracing::info!(policy = %name, "saved policy restored"),
                    Err(refusal) => {
                        tracing::debug!(policy = %name, error = chain(&refusal), "saved policy not restored");
                    }
                }
            }
            tokio::time::sleep(pauses.next().unwrap_or(LAST_RESTORATION)).await;
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
