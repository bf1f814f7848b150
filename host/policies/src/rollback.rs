//! Automatic changes of what answers: a revision that broke a rule is rolled back, a canary that kept them is promoted.
//!
//! Both use the operations of operators, under names of their own.

use netmarks_core::errors::chain;

use crate::breach::Breach;
use crate::change::{ChangeOptions, Fallback, PolicyChange};
use crate::errors::Refusal;
use crate::manifest::Entry;
use crate::origin::{Actor, Origin};
use crate::registry::Registry;
use crate::revision::RevisionId;
use crate::settings::Mode;

impl Registry {
    /// Takes a revision out of what answers, for the best fallback that can be loaded.
    pub(crate) async fn degrade(&self, revision: RevisionId, Breach { reason }: Breach) {
        let Some((entry, fallbacks)) = self.state().saved.fallbacks(&revision) else { return };
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
                    tracing::error!(policy = %entry.name, digest = entry.digest, error = reason, "policy degraded");
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
        if let Some(loaded) = self.state().loaded(&revision) {
            loaded.restart_window();
        }
    }

    /// Makes a canary active. One whose mode is written in a file or a ScoringPolicy stays a canary: it is promoted
    /// there.
    pub(crate) async fn promote(&self, revision: &RevisionId) {
        let state = self.state();
        let uploaded = |entry: &&Entry| entry.origin == Origin::Upload;
        let Some(entry) = state.manifest().entry(revision).filter(uploaded) else { return };
        let actor = Actor::own("automatic promotion", "this process");
        let (name, mode, origin) = (entry.name.clone(), Mode::Active, Origin::Upload);
        let change = PolicyChange::Move { name, mode, origin, options: ChangeOptions::default() };
        if let Err(refusal) = self.operate(change, actor).await {
            tracing::error!(policy = %entry.name, error = chain(&refusal), "failed to promote the canary");
        }
    }
}
