//! Everything the registry knows, behind its lock: the manifest, its history, what is loaded, where everything is in
//! its life.
//!
//! Apart from the registry's operations, which are asynchronous and concurrent; here every function is short and
//! sequential, but for the disk.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

use crate::change::Fallback;
use crate::errors::{Refusal, StateFolderError};
use crate::lifecycle::{Event, Place, State, step};
use crate::manifest::{Entry, Manifest};
use crate::report::{EntryReport, RegistryReport, Rejection};
use crate::revision::{Loaded, RevisionId};
use crate::set::{Canary, PolicySet};
use crate::settings::{Mode, PolicyName};
use crate::state_folder::{SavedState, StateFolder};

/// Earlier manifests that can be gone back to; their policies stay loaded.
const HISTORY: usize = 8;

/// Rejections that are remembered.
const REJECTIONS: usize = 16;

/// Holds what there is and was.
pub(crate) struct Book {
    store: Option<StateFolder>,
    saved: SavedState,
    loaded: BTreeMap<RevisionId, Arc<Loaded>>,
    lives: BTreeMap<RevisionId, Life>,
    /// Sets that were replaced, as long as a request holds them.
    old_sets: Vec<Weak<PolicySet>>,
    rejected: VecDeque<Rejection>,
}

struct Life {
    entry: Entry,
    state: State,
}

impl Book {
    /// A book with what `store` holds, and the entries that have to be loaded.
    pub(crate) fn open(store: Option<StateFolder>) -> Result<(Self, Vec<Entry>), StateFolderError> {
        let saved = store.as_ref().map_or(Ok(None), StateFolder::load)?.unwrap_or_default();
        let entries = saved.current.entries.clone();
        let book = Self {
            store,
            saved,
            loaded: BTreeMap::new(),
            lives: BTreeMap::new(),
            old_sets: Vec::new(),
            rejected: VecDeque::new(),
        };
        Ok((book, entries))
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.saved.current
    }

    pub(crate) fn configured(&self) -> Option<&RevisionId> {
        self.saved.configured.as_ref()
    }

    pub(crate) fn set_configured(&mut self, revision: RevisionId) -> Result<(), StateFolderError> {
        self.saved.configured = Some(revision);
        self.store.as_ref().map_or(Ok(()), |store| store.save(&self.saved))
    }

    pub(crate) fn loaded(&self, revision: &RevisionId) -> Option<Arc<Loaded>> {
        self.loaded.get(revision).cloned()
    }

    /// An artefact from the state folder.
    pub(crate) fn artefact(&self, digest: &str) -> Result<Vec<u8>, StateFolderError> {
        match &self.store {
            Some(store) => store.artefact(digest),
            None => Err(StateFolderError::NoFolder { digest: digest.to_owned() }),
        }
    }

    /// The newest earlier manifest that another set answered in.
    pub(crate) fn earlier(&self) -> Option<Manifest> {
        self.saved.history.iter().rev().find(|earlier| !earlier.answers_like(self.manifest())).cloned()
    }

    /// What can answer instead of a revision that answers now, the best first; `None` if it does not, or was degraded
    /// before.
    pub(crate) fn fallbacks(&self, revision: &RevisionId) -> Option<(Entry, Vec<Fallback>)> {
        let entry =
            self.manifest().entry(revision).filter(|entry| entry.answers() && entry.degraded.is_none())?;
        let sound = |earlier: &&Manifest| {
            let mut answering = earlier.entries.iter().filter(|entry| entry.answers()).peekable();
            answering.peek().is_some()
                && answering.all(|entry| {
                    let degraded = |known: &Entry| known.degraded.is_some();
                    entry.revision != *revision
                        && !degraded(entry)
                        && !self.manifest().entry(&entry.revision).is_some_and(degraded)
                })
        };
        let others = self
            .manifest()
            .entries
            .iter()
            .any(|other| other.mode == Mode::Active && other.revision != *revision);
        // A canary leaves by itself: what is active was never replaced.
        if entry.mode != Mode::Active {
            return Some((entry.clone(), vec![Fallback::Others]));
        }
        let earlier = self.saved.history.iter().rev().filter(sound);
        let mut fallbacks: Vec<Fallback> = earlier.cloned().map(Fallback::Set).collect();
        fallbacks.push(if others { Fallback::Others } else { Fallback::Nothing });
        Some((entry.clone(), fallbacks))
    }

    /// A revision begins its life.
    pub(crate) fn arrives(&mut self, entry: &Entry) {
        let life = Life { entry: entry.clone(), state: State::Received };
        self.lives.insert(entry.revision.clone(), life);
    }

    pub(crate) fn progress(&mut self, revision: &RevisionId, event: Event) {
        if let Some(life) = self.lives.get_mut(revision)
            && let Some(next) = step(life.state, event)
        {
            life.state = next;
        }
        self.lives.retain(|_, life| !matches!(life.state, State::Rejected | State::Gone));
    }

    /// A saved entry is loaded again; it has proven itself again as well.
    pub(crate) fn restored(&mut self, entry: &Entry, loaded: Loaded) {
        self.loaded.insert(entry.revision.clone(), Arc::new(loaded));
    }

    /// A saved entry cannot be loaded any more.
    pub(crate) fn not_restored(&mut self, revision: &RevisionId, reason: &str) {
        for entry in self.saved.current.entries.iter_mut().filter(|entry| entry.revision == *revision) {
            entry.degraded = Some(format!("not restored: {reason}"));
        }
    }

    pub(crate) fn reject(&mut self, rejection: Rejection) {
        self.rejected.push_front(rejection);
        self.rejected.truncate(REJECTIONS);
    }

    /// Saves the next manifest, with the artefact and the policy that it needs if they are new; returns the set to
    /// publish. Nothing has changed if this fails.
    pub(crate) fn advance(
        &mut self,
        next: Manifest,
        new: Option<(&[u8], Arc<Loaded>)>,
    ) -> Result<PolicySet, Refusal> {
        let mut saved = SavedState {
            history: self.saved.history.clone(),
            current: next,
            configured: self.saved.configured.clone(),
        };
        if !saved.current.answers_like(&self.saved.current) && self.saved.current.generation > 0 {
            saved.history.push(self.saved.current.clone());
            // A set in which a policy failed is none to go back to, also not when that policy is long removed.
            let failed = |entry: &Entry| entry.degraded.is_some() && !entry.answers();
            let failed: Vec<&Entry> = saved.current.entries.iter().filter(|entry| failed(entry)).collect();
            saved
                .history
                .retain(|earlier| !failed.iter().any(|entry| earlier.is_answered_by(&entry.revision)));
            let surplus = saved.history.len().saturating_sub(HISTORY);
            saved.history.drain(..surplus);
        }
        if let Some(store) = &self.store {
            if let Some((bytes, loaded)) = &new {
                store.keep(loaded.policy.digest(), bytes).map_err(Refusal::Store)?;
            }
            store.save(&saved).map_err(Refusal::Store)?;
        }
        // From here on nothing can fail.
        if let Some((_, loaded)) = new {
            self.loaded.insert(loaded.id.clone(), loaded);
        }
        let counts = |entry: &Entry| entry.answers() && entry.degraded.is_none();
        for entry in saved.current.entries.iter().filter(|entry| counts(entry)) {
            if !self.saved.current.entry(&entry.revision).is_some_and(counts)
                && let Some(loaded) = self.loaded.get(&entry.revision)
            {
                loaded.forget();
            }
        }
        self.saved = saved;
        let manifests = || self.saved.history.iter().chain([&self.saved.current]);
        let used = |revision: &RevisionId| manifests().any(|manifest| manifest.entry(revision).is_some());
        let unused: Vec<_> = self.loaded.keys().filter(|revision| !used(revision)).cloned().collect();
        for revision in unused {
            self.loaded.remove(&revision);
        }
        Ok(self.build())
    }

    /// The set of the current manifest: every entry that is loaded, in its place.
    pub(crate) fn build(&mut self) -> PolicySet {
        let mut set = PolicySet { generation: self.saved.current.generation, ..PolicySet::default() };
        let mut canary = None;
        for entry in &self.saved.current.entries {
            let Some(loaded) = self.loaded.get(&entry.revision) else { continue };
            let place = match entry.mode {
                Mode::Active => {
                    set.active.push(loaded.clone());
                    Place::Active
                }
                Mode::Canary { percent } => {
                    canary = Some((percent, loaded.clone()));
                    Place::Canary
                }
                Mode::Shadow => {
                    set.shadows.push(loaded.clone());
                    Place::Shadow
                }
                Mode::Ready => Place::Ready,
            };
            let tried = Life { entry: entry.clone(), state: State::Tried };
            let life = self.lives.entry(entry.revision.clone()).or_insert(tried);
            life.entry = entry.clone();
            if let Some(next) = step(life.state, Event::Enter(place)) {
                life.state = next;
            }
        }
        set.canary = canary.map(|(percent, candidate)| {
            let mut members: Vec<_> =
                set.active.iter().filter(|member| member.name != candidate.name).cloned().collect();
            members.push(candidate.clone());
            members.sort_by(|left, right| left.name.cmp(&right.name));
            Canary { percent, candidate, members }
        });
        for (revision, life) in &mut self.lives {
            if self.saved.current.entry(revision).is_none()
                && let Some(next) = step(life.state, Event::Retire)
            {
                life.state = next;
            }
        }
        set
    }

    /// A set was replaced: its policies drain until the last request that holds it has ended.
    pub(crate) fn published(&mut self, replaced: Arc<PolicySet>) {
        self.old_sets.push(Arc::downgrade(&replaced));
        drop(replaced);
        self.settle();
    }

    fn settle(&mut self) {
        self.old_sets.retain(|set| set.strong_count() > 0);
        let held: Vec<RevisionId> = self
            .old_sets
            .iter()
            .filter_map(Weak::upgrade)
            .flat_map(|set| set.revisions().cloned().collect::<Vec<_>>())
            .collect();
        for (revision, life) in &mut self.lives {
            if life.state == State::Draining
                && !held.contains(revision)
                && let Some(next) = step(life.state, Event::Drained)
            {
                life.state = next;
            }
        }
        self.lives.retain(|_, life| life.state != State::Gone);
    }

    pub(crate) fn report(&mut self) -> RegistryReport {
        self.settle();
        let describe =
            |revision: &RevisionId| self.loaded.get(revision).map(|loaded| loaded.policy.description());
        let of_life = |revision: &RevisionId, life: &Life| EntryReport {
            state: life.state,
            entry: life.entry.clone(),
            version: describe(revision).map(|description| description.version.clone()),
            summary: describe(revision).map(|description| description.summary.clone()),
        };
        let mut policies: Vec<EntryReport> =
            self.lives.iter().map(|(revision, life)| of_life(revision, life)).collect();
        // What could not be restored has no life, but is still wanted.
        let dead =
            self.saved.current.entries.iter().filter(|entry| !self.lives.contains_key(&entry.revision));
        policies.extend(dead.map(|entry| EntryReport {
            state: State::Rejected,
            entry: entry.clone(),
            version: None,
            summary: None,
        }));
        let order = |report: &EntryReport| {
            (report.entry.name.clone(), report.entry.mode != Mode::Active, report.entry.revision.clone())
        };
        policies.sort_by_key(order);
        RegistryReport {
            generation: self.manifest().generation,
            policies,
            rejected: self.rejected.iter().cloned().collect(),
            earlier: self
                .saved
                .history
                .iter()
                .rev()
                .filter(|earlier| !earlier.answers_like(self.manifest()))
                .map(|earlier| earlier.generation)
                .collect(),
        }
    }
}

impl PolicySet {
    fn revisions(&self) -> impl Iterator<Item = &RevisionId> {
        let canary = self.canary.as_ref().map(|canary| &canary.candidate);
        self.active.iter().chain(&self.shadows).chain(canary).map(|member| &member.id)
    }
}

/// Only for messages.
impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&PolicyName> = self.saved.current.entries.iter().map(|entry| &entry.name).collect();
        f.debug_struct("Book").field("entries", &names).finish_non_exhaustive()
    }
}
