//! The one place where policies change: submit, move, remove, roll back.
//!
//! Operations are taken one after the other; proving a new revision (seconds) happens before its turn. A change is
//! saved, then published as a whole new [`PolicySet`], then told to whoever listens. Requests only ever load the set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use netmarks_core::errors::chain;
use netmarks_engine::{Engine, Urgency, when_idle};
use tokio::sync::{Semaphore, broadcast, mpsc};

use crate::book::Book;
use crate::fault::{Refusal, StoreError};
use crate::guard::{Breach, RollbackRules};
use crate::lifecycle::{Event, State};
use crate::loading::{self, Compiling, Replay};
use crate::manifest::{Change, Entry, Fallback, Manifest};
use crate::notice::{Notice, NoticeKind, described};
use crate::promotion::PromotionRules;
use crate::report::{Rejection, Report};
use crate::revision::{Loaded, RevisionId};
use crate::set::PolicySet;
use crate::settings::{Actor, Mode, Origin, PolicyName, Settings};
use crate::shadow::{Comparison, ShadowReport, Shadows};
use crate::store::{Store, digest_of};
use crate::submission::{Outcome, Submission};

/// Uploads that may wait for the compiler; each holds an artefact in memory.
const WAITING: usize = 4;

/// Comparisons that may wait; each holds the names of all candidates.
const COMPARISONS: usize = 8;

/// Notices that a slow listener may be behind before it misses some.
const NOTICES: usize = 256;

/// What a registry works with.
pub struct Options {
    /// Runs policies.
    pub engine: Engine,
    /// Who compiles them.
    pub compiling: Compiling,
    /// Where what is live is kept; without it, a restart begins anew.
    pub store: Option<Store>,
    /// When a policy is rolled back.
    pub rules: RollbackRules,
    /// When a canary becomes active by itself.
    pub promotion: PromotionRules,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
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
    configured: Mutex<Option<Submission>>,
    set: ArcSwap<PolicySet>,
    book: Mutex<Book>,
    /// One at a time: a second compilation would only take the machine from scoring.
    compiler: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    pub(crate) shadows: Shadows,
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
    pub fn open(options: Options) -> Result<(Self, Inbox), StoreError> {
        let Options { engine, compiling, store, rules, promotion } = options;
        let (breach_sender, breaches) = mpsc::channel(16);
        let (comparison_sender, comparisons) = mpsc::channel(COMPARISONS);
        let none: Replay = Arc::new(|_| Vec::new());
        let (mut book, saved) = Book::open(store)?;
        for entry in saved {
            let progress = |_| {};
            let loaded = book.artefact(&entry.digest).map_err(|error| chain(&error)).and_then(|bytes| {
                let what = (entry.name.clone(), bytes.as_slice(), entry.settings.clone());
                loading::load(&engine, (&compiling, Urgency::NothingAnswers), &none, what, progress)
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
            shadows: Shadows::default(),
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
    pub fn report(&self) -> Report {
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

    /// Proves a policy and gives it its place. The same submission again changes nothing.
    ///
    /// Not cancel-safe in one respect: a submission that is dropped may still take place.
    ///
    /// # Errors
    /// If the policy is refused at any stage, or the change breaks a rule; everything is as it was then.
    pub async fn submit(&self, submission: Submission) -> Result<Outcome, Refusal> {
        // Hashing 50 MB takes a tenth of a second, which belongs to no worker that answers requests.
        let hashed = tokio::task::spawn_blocking(move || {
            when_idle(|| digest_of(&submission.bytes)).map(|digest| (digest, submission))
        });
        let (digest, submission) = hashed.await.ok().flatten().ok_or(Refusal::Internal)?;
        let (name, actor) = (submission.name.clone(), submission.actor.clone());
        let result = self.try_submit(submission, &digest).await;
        if let Err(refusal) = &result {
            let reason = chain(refusal);
            let rejection = Rejection {
                name: name.to_string(),
                digest: digest.clone(),
                reason: reason.clone(),
                at: unix_now(),
                by: actor.user.clone(),
            };
            let generation = {
                let mut book = self.book();
                book.reject(rejection);
                book.manifest().generation
            };
            self.tell(
                &actor,
                Notice {
                    kind: NoticeKind::Rejected,
                    policy: Some(name),
                    digest: Some(digest),
                    generation,
                    message: reason,
                },
            );
        }
        result
    }

    async fn try_submit(&self, submission: Submission, digest: &str) -> Result<Outcome, Refusal> {
        let Submission { name, bytes, settings, mode, origin, actor } = submission;
        settings.validate()?;
        let revision = RevisionId::new(&name, digest, &settings);
        let entry = Entry {
            name: name.clone(),
            digest: digest.to_owned(),
            revision: revision.clone(),
            settings: settings.clone(),
            mode,
            origin,
            degraded: None,
            since: unix_now(),
            by: actor.user.clone(),
        };
        if let Some(outcome) = self.unchanged(&entry)? {
            return Ok(outcome);
        }
        // Before the expensive part: what breaks a rule now would do so afterwards.
        self.book().manifest().apply(Change::Put(Box::new(entry.clone())))?;
        let registry = self.clone();
        let waiting = self.shared.waiting.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let turn = self.shared.compiler.clone().acquire_owned().await.map_err(|_| Refusal::Internal)?;
        let outcome = tokio::task::spawn_blocking(move || {
            // Held to the end of the work, whether or not somebody still waits for its outcome.
            let _held = (turn, waiting);
            // Somebody else may have submitted the same while this waited for its turn.
            if let Some(outcome) = registry.unchanged(&entry)? {
                return Ok(outcome);
            }
            let known = registry.book().loaded(&revision);
            let loaded = match known {
                Some(loaded) => loaded,
                None => Arc::new(registry.prove(&entry, &bytes)?),
            };
            let outcome = registry.commit(Change::Put(Box::new(entry)), Some((&bytes, loaded)), &actor);
            if outcome.is_err() {
                registry.book().progress(&revision, Event::Withdrawn);
            }
            outcome
        });
        outcome.await.map_err(|_| Refusal::Internal)?
    }

    /// The outcome of submitting what is there already.
    fn unchanged(&self, entry: &Entry) -> Result<Option<Outcome>, Refusal> {
        let book = self.book();
        let present = book.manifest().entry(&entry.revision).filter(|present| present.origin == entry.origin);
        // What could not be restored is there by name only; submitting it again mends it.
        let Some(present) = present.filter(|_| book.loaded(&entry.revision).is_some()) else {
            return Ok(None);
        };
        if let Some(reason) = &present.degraded {
            return Err(Refusal::Degraded { name: entry.name.to_string(), reason: reason.clone() });
        }
        Ok((present.mode == entry.mode).then(|| Outcome {
            generation: book.manifest().generation,
            changed: false,
            entry: Some(present.clone()),
        }))
    }

    /// Gives the newest revision of a policy another mode.
    ///
    /// # Errors
    /// If there is none, or it is managed elsewhere, or the change breaks a rule.
    pub async fn set_mode(
        &self,
        name: PolicyName,
        mode: Mode,
        origin: Origin,
        actor: Actor,
    ) -> Result<Outcome, Refusal> {
        {
            let book = self.book();
            let same =
                book.manifest().named(&name).filter(|entry| entry.mode == mode && entry.degraded.is_none());
            if let Some(entry) = same {
                return Ok(Outcome {
                    generation: book.manifest().generation,
                    changed: false,
                    entry: Some(entry.clone()),
                });
            }
        }
        self.operate(Change::Move { name, mode, origin }, actor).await
    }

    /// Removes all revisions of a policy.
    ///
    /// # Errors
    /// If there is none, or it is managed elsewhere.
    pub async fn remove(&self, name: PolicyName, origin: Origin, actor: Actor) -> Result<Outcome, Refusal> {
        let outcome = self.operate(Change::Remove { name, origin }, actor).await?;
        let configured = self.shared.configured.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Whoever had taken the place of the configuration's policy is gone: it answers again, for want of others.
        if self.current().active.is_empty()
            && let Some(configured) = configured
            && let Err(refusal) = self.submit(configured).await
        {
            tracing::error!(error = chain(&refusal), "no policy is left, and the configuration's is refused");
        }
        Ok(outcome)
    }

    /// Puts the set back that answered before the one that answers now.
    ///
    /// # Errors
    /// If there was none, or one of its policies cannot be loaded any more.
    pub async fn roll_back(&self, actor: Actor) -> Result<Outcome, Refusal> {
        let to = self.book().earlier().ok_or(Refusal::NoHistory)?;
        self.operate(Change::RollBack { to }, actor).await
    }

    /// Applies the configuration's policy, unless it is the one that was applied last. A policy of its name that an
    /// operator moved to another mode stays in that mode; one that was uploaded over it stays.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn configure(
        &self,
        name: PolicyName,
        bytes: Vec<u8>,
        settings: Settings,
        actor: Actor,
    ) -> Result<Outcome, Refusal> {
        let revision = RevisionId::new(&name, &digest_of(&bytes), &settings);
        let submission =
            Submission { name, bytes, settings, mode: Mode::Active, origin: Origin::Configuration, actor };
        let remember = || {
            let mut configured = self.shared.configured.lock().unwrap_or_else(PoisonError::into_inner);
            *configured = Some(submission.clone());
        };
        let mode = {
            let book = self.book();
            let answers = !self.current().active.is_empty();
            if answers && book.configured() == Some(&revision) {
                remember();
                return Ok(Outcome { generation: book.manifest().generation, changed: false, entry: None });
            }
            let mut entries = book.manifest().entries.iter();
            match entries.find(|entry| entry.origin == Origin::Configuration) {
                Some(before) if answers => before.mode,
                // An empty set would leave the scheduler alone for good, so there the configuration has the last word.
                _ => Mode::Active,
            }
        };
        let outcome = self.submit(Submission { mode, ..submission.clone() }).await?;
        self.book().set_configured(revision).map_err(Refusal::Store)?;
        remember();
        Ok(outcome)
    }

    /// An operation that needs nothing new to be proven, except what is long gone.
    pub(crate) async fn operate(&self, change: Change, actor: Actor) -> Result<Outcome, Refusal> {
        let registry = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let needed: Vec<Entry> = match &change {
                Change::RollBack { to } | Change::Degrade { fallback: Fallback::Set(to), .. } => {
                    to.entries.iter().filter(|entry| entry.answers()).cloned().collect()
                }
                Change::Move { name, .. } => {
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

    fn prove(&self, entry: &Entry, bytes: &[u8]) -> Result<Loaded, Refusal> {
        let replay = self.shared.replay.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.book().arrives(entry);
        let what = (entry.name.clone(), bytes, entry.settings.clone());
        let progress = |event| self.book().progress(&entry.revision, event);
        let nothing_answers = self.current().active.is_empty();
        let urgency = if nothing_answers { Urgency::NothingAnswers } else { Urgency::Background };
        let compiling = (&self.shared.compiling, urgency);
        let loaded = loading::load(&self.shared.engine, compiling, &replay, what, progress);
        if loaded.is_err() {
            self.book().progress(&entry.revision, Event::Failed);
        }
        loaded
    }

    /// Saves and publishes a change.
    fn commit(
        &self,
        change: Change,
        new: Option<(&[u8], Arc<Loaded>)>,
        actor: &Actor,
    ) -> Result<Outcome, Refusal> {
        let (outcome, notice) = {
            let mut book = self.book();
            // Somebody's hand was quicker, and is not to be undone.
            if let Change::Degrade { revision, .. } = &change
                && !book.manifest().is_answered_by(revision)
            {
                let generation = book.manifest().generation;
                return Ok(Outcome { generation, changed: false, entry: None });
            }
            let notice = described(&change, book.manifest());
            let next = book.manifest().apply(change)?;
            let set = book.advance(next, new)?;
            let generation = set.generation;
            self.shared.shadows.retain(&set.shadows);
            book.published(self.shared.set.swap(Arc::new(set)));
            let entry = notice.1.as_ref().and_then(|name| book.manifest().named(name)).cloned();
            (Outcome { generation, changed: true, entry }, notice)
        };
        let (kind, policy, digest, message) = notice;
        self.tell(actor, Notice { kind, policy, digest, generation: outcome.generation, message });
        Ok(outcome)
    }

    /// The audit log, then the listeners.
    fn tell(&self, actor: &Actor, notice: Notice) {
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

/// Where the state of a revision is asked for by tests and listeners.
impl Registry {
    /// Where a revision is in its life; `None` once it is gone, or before it was seen.
    #[must_use]
    pub fn state(&self, revision: &RevisionId) -> Option<State> {
        self.book().state(revision)
    }
}
