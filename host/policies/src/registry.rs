//! The one place where policies change: how any change is proven, saved, published and told.
//!
//! Operations (`operations`, `duty`) are taken one after the other; proving a new revision (seconds) happens before its
//! turn. A change is saved, then published as a whole new [`PolicySet`], then told to whoever listens. Requests only ever load the set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use netmarks_core::errors::chain;
use netmarks_engine::{Engine, Urgency};
use tokio::sync::{Semaphore, broadcast, mpsc};

use crate::book::Book;
use crate::breach::{Breach, RollbackRules};
use crate::change::{Fallback, PolicyChange};
use crate::errors::{Refusal, StateFolderError};
use crate::lifecycle::Event;
use crate::loading::{self, Compiling, Replay};
use crate::manifest::{Entry, Manifest};
use crate::notice::Notice;
use crate::origin::Actor;
use crate::promotion::PromotionRules;
use crate::report::RegistryReport;
use crate::revision::{Loaded, RevisionId};
use crate::set::PolicySet;
use crate::settings::PolicyName;
use crate::shadow::{Comparison, ShadowReport, ShadowTallies};
use crate::state_folder::StateFolder;
use crate::submission::{ChangeOutcome, Submission};

/// Uploads that may wait for the compiler; each holds an artefact in memory.
const WAITING: usize = 4;

/// Comparisons that may wait; each holds the names of all candidates.
const COMPARISONS: usize = 8;

/// Notices that a slow listener may be behind before it misses some.
const NOTICES: usize = 256;

/// What a registry works with.
pub struct RegistryOptions {
    /// Runs policies.
    pub engine: Engine,
    /// Who compiles them.
    pub compiling: Compiling,
    /// Where what is live is kept; without it, a restart begins anew.
    pub store: Option<StateFolder>,
    /// When a policy is rolled back.
    pub rules: RollbackRules,
    /// When a canary becomes active by itself.
    pub promotion: PromotionRules,
}

impl std::fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryOptions")
            .field("compiling", &self.compiling)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// The registry. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Registry {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("set", &self.shared.set.load()).finish_non_exhaustive()
    }
}

pub(crate) struct Shared {
    engine: Engine,
    compiling: Compiling,
    pub(crate) rules: RollbackRules,
    pub(crate) promotion: PromotionRules,
    replay: RwLock<Replay>,
    /// The configuration's policy, to go back to when nothing else is left.
    pub(crate) configured: Mutex<Option<Submission>>,
    set: ArcSwap<PolicySet>,
    book: Mutex<Book>,
    /// One at a time: a second compilation would only take the machine from scoring.
    pub(crate) compiler: Arc<Semaphore>,
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) shadows: ShadowTallies,
    notices: broadcast::Sender<Notice>,
    pub(crate) breaches: mpsc::Sender<(RevisionId, Breach)>,
    pub(crate) comparisons: mpsc::Sender<Comparison>,
}

/// What the registry's own tasks empty; see [`Registry::watch`].
#[derive(Debug)]
pub struct Inbox {
    pub(crate) breaches: mpsc::Receiver<(RevisionId, Breach)>,
    pub(crate) comparisons: mpsc::Receiver<Comparison>,
}

impl Registry {
    /// A registry with what the state folder holds, loaded and answering. Blocks while that is loaded. An entry that
    /// cannot be loaded any more stays in the manifest, marked with the reason, and does not answer.
    ///
    /// # Errors
    /// If the state folder cannot be read.
    pub fn open(options: RegistryOptions) -> Result<(Self, Inbox), StateFolderError> {
        let RegistryOptions { engine, compiling, store, rules, promotion } = options;
        let (breach_sender, breaches) = mpsc::channel(16);
        let (comparison_sender, comparisons) = mpsc::channel(COMPARISONS);
        let none: Replay = Arc::new(|_| Vec::new());
        let (mut book, saved) = Book::open(store)?;
        for entry in saved {
            let progress = |_| {};
            let loaded = book.artefact(&entry.digest).map_err(|error| chain(&error)).and_then(|bytes| {
                let compiling = (&compiling, Urgency::NothingAnswers);
                loading::load(&engine, compiling, &none, (&entry, &bytes), progress)
                    .map_err(|refusal| chain(&refusal))
            });
            match loaded {
                Ok(loaded) => book.restored(&entry, loaded),
                Err(reason) => {
                    tracing::error!(policy = %entry.name, digest = entry.digest, reason, "saved policy not restored");
                    book.not_restored(&entry.revision, &reason);
                }
            }
        }
        let set = book.build();
        let shared = Shared {
            engine,
            compiling,
            rules,
            promotion,
            replay: RwLock::new(none),
            configured: Mutex::new(None),
            set: ArcSwap::from_pointee(set),
            book: Mutex::new(book),
            compiler: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            shadows: ShadowTallies::default(),
            notices: broadcast::Sender::new(NOTICES),
            breaches: breach_sender,
            comparisons: comparison_sender,
        };
        shared.shadows.retain(&shared.set.load().shadows);
        Ok((Self { shared: Arc::new(shared) }, Inbox { breaches, comparisons }))
    }

    /// From now on, new policies are also tried on the requests that `replay` makes.
    pub fn try_on(&self, replay: Replay) {
        *self.shared.replay.write().unwrap_or_else(PoisonError::into_inner) = replay;
    }

    /// What answers now. The only call on the path of a request: one atomic load.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.shared.set.load_full()
    }

    /// Everything there is.
    #[must_use]
    pub fn report(&self) -> RegistryReport {
        self.book().report()
    }

    /// How the shadows compare.
    #[must_use]
    pub fn shadow_report(&self) -> Vec<ShadowReport> {
        self.shared.shadows.report()
    }

    /// What is saved: the manifest of the generation that answers.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        self.book().manifest().clone()
    }

    /// Notices from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.shared.notices.subscribe()
    }

    /// An operation that needs nothing new to be proven, except what is long gone.
    pub(crate) async fn operate(&self, change: PolicyChange, actor: Actor) -> Result<ChangeOutcome, Refusal> {
        let registry = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let needed: Vec<Entry> = match &change {
                PolicyChange::RollBack { to } | PolicyChange::Degrade { fallback: Fallback::Set(to), .. } => {
                    to.entries.iter().filter(|entry| entry.answers()).cloned().collect()
                }
                PolicyChange::Move { name, .. } => {
                    registry.book().manifest().named(name).cloned().into_iter().collect()
                }
                _ => Vec::new(),
            };
            let outcome = registry.reload(&needed).and_then(|()| registry.commit(change, None, &actor));
            if outcome.is_err() {
                let mut book = registry.book();
                needed.iter().for_each(|entry| book.progress(&entry.revision, Event::Withdrawn));
            }
            outcome
        });
        work.await.map_err(|_| Refusal::Internal)?
    }

    /// Loads what is not loaded any more: what answered before a restart, what could not be restored.
    fn reload(&self, needed: &[Entry]) -> Result<(), Refusal> {
        for entry in needed {
            let bytes = {
                let book = self.book();
                if book.loaded(&entry.revision).is_some() {
                    continue;
                }
                book.artefact(&entry.digest).map_err(Refusal::Lost)?
            };
            let loaded = self.prove(entry, &bytes)?;
            self.book().restored(entry, loaded);
        }
        Ok(())
    }

    pub(crate) fn prove(&self, entry: &Entry, bytes: &[u8]) -> Result<Loaded, Refusal> {
        let replay = self.shared.replay.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.book().arrives(entry);
        let progress = |event| self.book().progress(&entry.revision, event);
        let nothing_answers = self.current().active.is_empty();
        let urgency = if nothing_answers { Urgency::NothingAnswers } else { Urgency::Background };
        let compiling = (&self.shared.compiling, urgency);
        let loaded = loading::load(&self.shared.engine, compiling, &replay, (entry, bytes), progress);
        if loaded.is_err() {
            self.book().progress(&entry.revision, Event::Failed);
        }
        loaded
    }

    /// Saves and publishes a change.
    pub(crate) fn commit(
        &self,
        change: PolicyChange,
        new: Option<(&[u8], Arc<Loaded>)>,
        actor: &Actor,
    ) -> Result<ChangeOutcome, Refusal> {
        let (outcome, notice) = {
            let mut book = self.book();
            // Somebody's hand was quicker, and is not to be undone.
            if let PolicyChange::Degrade { revision, .. } = &change
                && !book.manifest().is_answered_by(revision)
            {
                let generation = book.manifest().generation;
                return Ok(ChangeOutcome { generation, changed: false, entry: None });
            }
            let notice = Notice::of(&change, book.manifest());
            let next = book.manifest().apply(change)?;
            let set = book.advance(next, new)?;
            let generation = set.generation;
            self.shared.shadows.retain(&set.shadows);
            book.published(self.shared.set.swap(Arc::new(set)));
            let entry = notice.policy.as_ref().and_then(|name| book.manifest().named(name)).cloned();
            (ChangeOutcome { generation, changed: true, entry }, notice)
        };
        self.tell(actor, notice);
        Ok(outcome)
    }

    /// The audit log, then the listeners.
    pub(crate) fn tell(&self, actor: &Actor, notice: Notice) {
        let policy = notice.policy.as_ref().map(PolicyName::as_str).unwrap_or_default();
        tracing::info!(
            target: "netmarks::audit",
            change = notice.kind.as_str(),
            policy,
            digest = notice.digest.as_deref().unwrap_or_default(),
            generation = notice.generation,
            user = actor.user,
            from = actor.from,
            detail = notice.message,
            "policies changed"
        );
        // Nobody may be listening.
        drop(self.shared.notices.send(notice));
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
