//! What the registry does by itself: counts calls, rolls back what broke a rule, runs the shadows, promotes canaries.
//!
//! Apart from the operations of operators, which it uses like anybody else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use netmarks_core::errors::chain;
use netmarks_engine::PolicyError;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::breach::Breach;
use crate::change::{Fallback, PolicyChange};
use crate::errors::Refusal;
use crate::origin::{Actor, Origin};
use crate::promotion::Probation;
use crate::registry::{Inbox, Registry};
use crate::revision::{Loaded, RevisionId};
use crate::set::PolicySet;
use crate::settings::Mode;
use crate::shadow::Comparison;

/// How often canaries are looked at.
const LOOK: Duration = Duration::from_secs(1);

impl Registry {
    /// Counts a call on an answering policy, and sees to it that one that breaks a rule is rolled back.
    pub fn count(&self, member: &Loaded, took: Duration, fault: Option<&PolicyError>) {
        if let Some(breach) = member.count(Instant::now(), took, fault, &self.shared.rules) {
            // Full only if as many policies broke their rules at once; they will again.
            if self.shared.breaches.try_send((member.id.clone(), breach)).is_err() {
                member.forget();
            }
        }
    }

    /// Leaves a request for the shadows, if there are any and they keep up; `make` copies it. Returns whether it was
    /// taken; `None` without shadows.
    pub fn compare(
        &self,
        set: &PolicySet,
        make: impl FnOnce(Vec<Arc<Loaded>>) -> Comparison,
    ) -> Option<bool> {
        if set.shadows.is_empty() {
            return None;
        }
        let place = self.shared.comparisons.try_reserve();
        Some(place.map(|place| place.send(make(set.shadows.clone()))).is_ok())
    }

    /// The registry's own work, until cancelled: rolls back what broke a rule, runs the shadows, promotes canaries.
    pub async fn watch(self, mut inbox: Inbox, shutdown: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut probation = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some((revision, breach)) = inbox.breaches.recv() => self.degrade(revision, breach).await,
                _ = look.tick() => self.promote(&mut probation).await,
                Some(comparison) = inbox.comparisons.recv() => {
                    let registry = self.clone();
                    let compared = tokio::task::spawn_blocking(move || registry.shared.shadows.compare(&comparison));
                    if compared.await.is_err() {
                        tracing::error!("comparing shadows panicked");
                    }
                }
            }
        }
    }

    /// Activates a canary that has proven itself. One that a file or a ScoringPolicy calls a canary stays one: there is
    /// where it is promoted.
    async fn promote(&self, probation: &mut Option<Probation>) {
        let set = self.current();
        let candidate = set.canary.as_ref().map(|canary| &canary.candidate);
        let watched = candidate.map(|candidate| (&candidate.id, candidate.calls()));
        let proven = Probation::look(probation, watched, Instant::now(), &self.shared.promotion);
        let Some(candidate) = candidate.filter(|_| proven) else { return };
        let origin = self.book().manifest().entry(&candidate.id).map(|entry| entry.origin);
        if origin != Some(Origin::Upload) {
            return;
        }
        let actor = Actor::own("automatic promotion", "this process");
        let change =
            PolicyChange::Move { name: candidate.name.clone(), mode: Mode::Active, origin: Origin::Upload };
        if let Err(refusal) = self.operate(change, actor).await {
            tracing::error!(policy = %candidate.name, error = chain(&refusal), "failed to promote the canary");
        }
        *probation = None;
    }

    async fn degrade(&self, revision: RevisionId, Breach { reason }: Breach) {
        let Some((entry, fallbacks)) = self.book().fallbacks(&revision) else { return };
        for fallback in fallbacks {
            let what = match &fallback {
                Fallback::Set(to) => format!("the set of generation {} is back", to.generation),
                Fallback::Others => "the others go on without it".to_owned(),
                Fallback::Nothing => "there is nothing else to answer, so it stays".to_owned(),
            };
            let actor = Actor::own("automatic rollback", "this process");
            let change =
                PolicyChange::Degrade { revision: revision.clone(), reason: reason.clone(), fallback };
            match self.operate(change, actor).await {
                Ok(_) => {
                    let reason = format!("{reason}; {what}");
                    tracing::error!(policy = %entry.name, digest = entry.digest, reason, "policy degraded");
                    return;
                }
                Err(refusal) => {
                    tracing::error!(policy = %entry.name, error = chain(&refusal), "failed to roll back");
                    // What cannot be loaded will not be; what could not be saved may be a moment later.
                    if !matches!(refusal, Refusal::Policy(_) | Refusal::Replay(_) | Refusal::Lost(_)) {
                        break;
                    }
                }
            }
        }
        // Its next faults are another reason to try.
        if let Some(loaded) = self.book().loaded(&revision) {
            loaded.forget();
        }
    }
}
