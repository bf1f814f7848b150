//! What survives a restart: the manifest, the earlier ones that can be gone back to, the configuration's revision.
//!
//! Pure: what is kept, and what a rollback may go back to, is decided here. `state_folder` writes it.

use serde::{Deserialize, Serialize};

use crate::change::Fallback;
use crate::manifest::{Entry, Manifest};
use crate::revision::RevisionId;
use crate::settings::Mode;

/// Earlier manifests that can be gone back to; their policies stay loaded.
const HISTORY: usize = 8;

/// Holds the manifest of the generation that answers, and its history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedState {
    pub(crate) current: Manifest,
    /// Oldest first.
    pub(crate) history: Vec<Manifest>,
    /// The configuration's policy that was applied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) configured: Option<RevisionId>,
}

impl SavedState {
    /// Checks what was read as it would be checked when it is submitted. Earlier sets count too: a rollback makes them answer.
    ///
    /// # Errors
    /// For the first thing that no operation could have made.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.history.len() > HISTORY {
            return Err(format!("it has {} earlier sets; {HISTORY} are the most", self.history.len()));
        }
        self.history.iter().chain([&self.current]).try_for_each(Manifest::validate)
    }

    /// The same after `next` has taken the place of the current manifest.
    pub(crate) fn advanced_to(&self, next: Manifest) -> Self {
        let mut history = self.history.clone();
        // A set that scores nothing is nothing to go back to.
        if !next.answers_like(&self.current) && self.current.has_active() {
            history.push(self.current.clone());
            // Nobody goes back to a set in which a policy failed, even when that policy was removed long ago.
            let failed = next.entries.iter().filter(|entry| entry.degraded.is_some() && !entry.answers());
            let failed: Vec<&RevisionId> = failed.map(|entry| &entry.revision).collect();
            history.retain(|earlier| !failed.iter().any(|revision| earlier.is_answered_by(revision)));
            let surplus = history.len().saturating_sub(HISTORY);
            history.drain(..surplus);
        }
        Self { current: next, history, configured: self.configured.clone() }
    }

    /// The earlier manifests in which another set scored, the newest first.
    pub(crate) fn earlier(&self) -> impl Iterator<Item = &Manifest> {
        let scored = |earlier: &&Manifest| earlier.has_active() && !earlier.answers_like(&self.current);
        self.history.iter().rev().filter(scored)
    }

    /// Whether the current manifest or one in the history has a revision.
    pub(crate) fn has(&self, revision: &RevisionId) -> bool {
        self.history.iter().chain([&self.current]).any(|manifest| manifest.entry(revision).is_some())
    }

    /// What can answer instead of a revision that answers now, the best first; `None` if it does not answer, or was
    /// degraded before.
    pub(crate) fn fallbacks(&self, revision: &RevisionId) -> Option<(Entry, Vec<Fallback>)> {
        let answers = |entry: &&Entry| entry.answers() && entry.degraded.is_none();
        let entry = self.current.entry(revision).filter(answers)?;
        // A canary leaves by itself: what is active was never replaced.
        if entry.mode != Mode::Active {
            return Some((entry.clone(), vec![Fallback::Others]));
        }
        let degraded = |entry: &Entry| entry.degraded.is_some();
        let sound = |entry: &Entry| {
            entry.revision != *revision
                && !degraded(entry)
                && !self.current.entry(&entry.revision).is_some_and(degraded)
        };
        let usable = |earlier: &&Manifest| {
            let mut answering = earlier.entries.iter().filter(|entry| entry.answers()).peekable();
            answering.peek().is_some() && answering.all(sound)
        };
        let mut fallbacks: Vec<Fallback> =
            self.history.iter().rev().filter(usable).cloned().map(Fallback::Set).collect();
        let other = |other: &Entry| other.mode == Mode::Active && other.revision != *revision;
        let others = self.current.entries.iter().any(other);
        fallbacks.push(if others { Fallback::Others } else { Fallback::Nothing });
        Some((entry.clone(), fallbacks))
    }
}
