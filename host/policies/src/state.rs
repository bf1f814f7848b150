//! The state of the registry: what is wanted, what is loaded, and the lifecycle state of every revision.
//!
//! One task changes it (`state_task`) and publishes each version whole; everybody else reads a published one. Nothing
//! here waits, and no file is read or written.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

use netmarks_core::bounded::{REASON, shortened};

use crate::lifecycle::{Event, Place, State, step};
use crate::manifest::{Entry, Manifest};
use crate::report::{EarlierSet, EntryReport, RegistryReport, Rejection};
use crate::revision::{Loaded, RevisionId};
use crate::saved_state::SavedState;
use crate::set::PolicySet;
use crate::settings::Mode;
use crate::submission::Submission;

/// Rejections that are remembered.
const REJECTIONS: usize = 16;

/// Holds what there is and was. A copy is cheap: what is large is shared.
#[derive(Clone, Default)]
pub(crate) struct RegistryState {
    pub(crate) saved: Arc<SavedState>,
    /// The configuration's policy, to go back to when nothing else is left.
    pub(crate) configured: Option<Submission>,
    loaded: BTreeMap<RevisionId, Arc<Loaded>>,
    revisions: BTreeMap<RevisionId, RevisionStatus>,
    /// Sets that were replaced, as long as a request holds them.
    replaced: Vec<Weak<PolicySet>>,
    rejected: VecDeque<Rejection>,
    /// Saved entries that could not be loaded, and why.
    not_restored: BTreeMap<RevisionId, String>,
}

/// Holds one revision that is on its way in, in its place, or on its way out.
#[derive(Clone)]
struct RevisionStatus {
    entry: Arc<Entry>,
    state: State,
}

/// What happens to a revision outside of the manifest.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It was submitted, and is about to be proven.
    Received(Box<Entry>),
    /// A step of the proof passed or failed, or the revision was refused its place.
    Step(RevisionId, Event),
    /// What an earlier set needs is loaded again.
    Reloaded(Arc<Loaded>),
}

impl RegistryState {
    /// What was saved, with nothing of it loaded yet.
    pub(crate) fn new(saved: SavedState) -> Self {
        Self { saved: Arc::new(saved), ..Self::default() }
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.saved.current
    }

    pub(crate) fn loaded(&self, revision: &RevisionId) -> Option<&Arc<Loaded>> {
        self.loaded.get(revision)
    }

    pub(crate) fn advance(&mut self, progress: Progress) {
        match progress {
            Progress::Received(entry) => {
                let revision = entry.revision.clone();
                let status = RevisionStatus { entry: Arc::new(*entry), state: State::Received };
                self.revisions.insert(revision, status);
            }
            Progress::Step(revision, event) => {
                if let Some(status) = self.revisions.get_mut(&revision) {
                    status.take(event);
                }
            }
            Progress::Reloaded(loaded) => self.insert(loaded),
        }
        self.remove_ended();
    }

    pub(crate) fn insert(&mut self, loaded: Arc<Loaded>) {
        self.not_restored.remove(&loaded.id);
        self.loaded.insert(loaded.id.clone(), loaded);
    }

    /// A saved entry could not be loaded. That says nothing about the policy: a disk can fail once, so it is not saved, and
    /// forgotten when it loads.
    pub(crate) fn mark_not_restored(&mut self, revision: &RevisionId, reason: &str) {
        self.not_restored.insert(revision.clone(), shortened(reason, REASON).into_owned());
    }

    /// What could not be loaded, and is still wanted.
    pub(crate) fn not_restored(&self) -> Vec<Entry> {
        let missing = |entry: &&Entry| self.not_restored.contains_key(&entry.revision);
        self.manifest().entries.iter().filter(missing).cloned().collect()
    }

    pub(crate) fn reject(&mut self, rejection: Rejection) {
        self.rejected.push_front(rejection);
        self.rejected.truncate(REJECTIONS);
    }

    /// Takes over what was just saved; returns the set that answers from now on.
    pub(crate) fn take_over(&mut self, saved: Arc<SavedState>) -> PolicySet {
        let counts = |entry: &Entry| entry.answers() && entry.degraded.is_none();
        for entry in saved.current.entries.iter().filter(|entry| counts(entry)) {
            if !self.manifest().entry(&entry.revision).is_some_and(counts)
                && let Some(loaded) = self.loaded.get(&entry.revision)
            {
                loaded.restart_window();
            }
        }
        self.loaded.retain(|revision, _| saved.has(revision));
        self.saved = saved;
        self.place()
    }

    /// Gives every loaded entry of the manifest its place, and takes it from every other revision.
    pub(crate) fn place(&mut self) -> PolicySet {
        let manifest = &self.saved.current;
        for entry in manifest.entries.iter().filter(|entry| self.loaded.contains_key(&entry.revision)) {
            let entry = Arc::new(entry.clone());
            let tried = RevisionStatus { entry: entry.clone(), state: State::Tried };
            let status = self.revisions.entry(entry.revision.clone()).or_insert(tried);
            status.take(Event::Enter(match entry.mode {
                Mode::Active => Place::Active,
                Mode::Canary { .. } => Place::Canary,
                Mode::Shadow => Place::Shadow,
                Mode::Ready => Place::Ready,
            }));
            status.entry = entry;
        }
        for (revision, status) in &mut self.revisions {
            if manifest.entry(revision).is_none() {
                status.take(Event::Retire);
            }
        }
        PolicySet::new(manifest, &self.loaded)
    }

    /// A set was replaced: its policies drain until the last request that holds it has ended.
    pub(crate) fn drain(&mut self, replaced: Weak<PolicySet>) {
        self.replaced.push(replaced);
        self.remove_ended();
    }

    fn remove_ended(&mut self) {
        self.replaced.retain(|set| set.strong_count() > 0);
        let in_use = self.in_use();
        for (_, status) in self.revisions.iter_mut().filter(|(revision, _)| !in_use.contains(*revision)) {
            status.take(Event::Drained);
        }
        self.revisions.retain(|_, status| !matches!(status.state, State::Rejected | State::Gone));
    }

    /// The revisions that requests use which began with a set that was replaced.
    fn in_use(&self) -> BTreeSet<RevisionId> {
        let sets = self.replaced.iter().filter_map(Weak::upgrade);
        sets.flat_map(|set| set.revisions().cloned().collect::<Vec<_>>()).collect()
    }

    /// The state at this moment: a request that ends changes it without anybody being told.
    pub(crate) fn report(&self) -> RegistryReport {
        let in_use = self.in_use();
        let gone = |revision: &RevisionId, status: &RevisionStatus| {
            status.state == State::Draining && !in_use.contains(revision)
        };
        let present = self.revisions.iter().filter(|(revision, status)| !gone(revision, status));
        let mut policies: Vec<EntryReport> =
            present.map(|(revision, status)| self.describe(revision, status)).collect();
        // What could not be restored has no lifecycle state, but is still wanted.
        let lost = self.manifest().entries.iter();
        let lost = lost.filter(|entry| !self.revisions.contains_key(&entry.revision));
        policies.extend(lost.map(|entry| EntryReport {
            state: State::Rejected,
            entry: entry.clone(),
            version: None,
            summary: None,
            not_restored: self.not_restored.get(&entry.revision).cloned(),
        }));
        policies.sort_by_key(|EntryReport { entry, .. }| {
            (entry.name.clone(), entry.mode != Mode::Active, entry.revision.clone())
        });
        RegistryReport {
            generation: self.manifest().generation,
            policies,
            rejected: self.rejected.iter().cloned().collect(),
            earlier: self.saved.earlier().map(EarlierSet::new).collect(),
        }
    }

    fn describe(&self, revision: &RevisionId, status: &RevisionStatus) -> EntryReport {
        let description = self.loaded.get(revision).map(|loaded| loaded.policy.description());
        EntryReport {
            state: status.state,
            entry: Entry::clone(&status.entry),
            version: description.map(|description| description.version.clone()),
            summary: description.map(|description| description.summary.clone()),
            not_restored: self.not_restored.get(revision).cloned(),
        }
    }
}

impl RevisionStatus {
    /// What cannot happen in its state changes nothing.
    fn take(&mut self, event: Event) {
        if let Some(next) = step(self.state, event) {
            self.state = next;
        }
    }
}
