//! The handle of the registry: what answers, what is known, and where calls and comparisons are left.
//!
//! Reading never waits: everything read here is a published value. Changes are in `operations`; the task that owns the
//! state is `state_task`; what the registry does by itself is in `background`.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use netmarks_core::clock::unix_now;
use netmarks_core::errors::chain;
use netmarks_engine::{Engine, Urgency};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::task::JoinHandle;

use crate::breach::{Breach, RollbackRules};
use crate::call_history::Call;
use crate::commands::Commands;
use crate::errors::StateFolderError;
use crate::keeping::{Keeping, KeepsAtOnce};
use crate::loading::{self, Compiling, Replay};
use crate::manifest::{Entry, Manifest};
use crate::notice::Notice;
use crate::policy_bytes::PolicyBytes;
use crate::promotion::PromotionRules;
use crate::report::{CallReport, RegistryReport};
use crate::revision::{Loaded, RevisionId};
use crate::saved_state::SavedState;
use crate::set::{PartScore, PolicySet};
use crate::shadow::{Comparison, ShadowReport};
use crate::state::RegistryState;
use crate::state_folder::StateFolder;
use crate::state_task::{Published, StateTask};

/// Submissions that may have or wait for the compiler. Of an upload, all beyond a MiB is in the state folder until its turn has come; what is
/// fetched, and what arrives without a folder, is in memory.
const WAITING: usize = 4;

/// Breaches that may wait: as many policies as can break their rules at once, and more.
const BREACHES: usize = 16;

/// Comparisons that may wait; each holds the names of all candidates.
const COMPARISONS: usize = 8;

/// What a registry works with.
pub struct RegistryOptions {
    pub engine: Engine,
    /// Who compiles them.
    pub compiling: Compiling,
    /// Where what is live is kept; without it, a restart starts empty.
    pub state_folder: Option<StateFolder>,
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
        f.debug_struct("Registry").field("set", &self.shared.published.set.load()).finish_non_exhaustive()
    }
}

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) compiling: Compiling,
    pub(crate) promotion: PromotionRules,
    pub(crate) published: Arc<Published>,
    pub(crate) commands: Commands,
    /// Locked as long as a handle exists.
    pub(crate) folder: Option<Arc<StateFolder>>,
    pub(crate) replay: ArcSwap<Replay>,
    /// One at a time: a second compilation would only take the machine from scoring.
    pub(crate) compiler: Arc<Semaphore>,
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) keeping: Keeping,
    rules: RollbackRules,
    breaches: mpsc::Sender<(RevisionId, Breach)>,
    comparisons: mpsc::Sender<Comparison>,
}

/// What the registry's own tasks work on; see [`Registry::tasks`].
#[derive(Debug)]
pub struct Inbox {
    pub(crate) state: JoinHandle<()>,
    pub(crate) breaches: mpsc::Receiver<(RevisionId, Breach)>,
    pub(crate) comparisons: mpsc::Receiver<Comparison>,
}

impl Registry {
    /// A registry with what the state folder holds, loaded and answering. Blocks while that is loaded; an entry that
    /// cannot be loaded any more stays in the manifest, marked with the reason, and does not answer.
    ///
    /// Must be called within a tokio runtime, on which the task that owns the state begins at once. The other tasks
    /// begin when the caller runs them ([`Self::tasks`]).
    ///
    /// # Errors
    /// If the state folder cannot be read.
    pub fn open(options: RegistryOptions) -> Result<(Self, Inbox), StateFolderError> {
        let RegistryOptions { engine, compiling, state_folder, rules, promotion } = options;
        let replay: Replay = Arc::new(|_| Vec::new());
        let folder = state_folder.map(Arc::new);
        let saved = match &folder {
            Some(folder) => load_or_set_aside(folder)?,
            None => SavedState::default(),
        };
        let mut state = RegistryState::new(saved);
        if let Some(folder) = &folder {
            for entry in state.manifest().entries.clone() {
                match restore(&engine, &compiling, folder, &replay, &entry) {
                    Ok(loaded) => state.insert(Arc::new(loaded)),
                    Err(reason) => {
                        let digest = &entry.digest;
                        tracing::error!(policy = %entry.name, digest, error = reason, "saved policy not restored");
                        state.mark_not_restored(&entry.revision, &reason);
                    }
                }
            }
        }
        let (task, published, commands) = StateTask::new(state, folder.as_ref());
        let (breach_sender, breaches) = mpsc::channel(BREACHES);
        let (comparison_sender, comparisons) = mpsc::channel(COMPARISONS);
        let shared = Shared {
            engine,
            compiling,
            promotion,
            published,
            commands,
            folder,
            replay: ArcSwap::from_pointee(replay),
            compiler: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            keeping: Keeping::default(),
            rules,
            breaches: breach_sender,
            comparisons: comparison_sender,
        };
        let inbox = Inbox { state: tokio::spawn(task.run()), breaches, comparisons };
        Ok((Self { shared: Arc::new(shared) }, inbox))
    }

    /// From now on, new policies are also tried on the requests that `replay` makes.
    pub fn set_replay(&self, replay: Replay) {
        self.shared.replay.store(Arc::new(replay));
    }

    /// What answers now. The only call on the path of a request: one atomic load.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.shared.published.set.load_full()
    }

    /// Everything there is.
    #[must_use]
    pub fn report(&self) -> RegistryReport {
        self.state().report()
    }

    /// How the shadows compare.
    #[must_use]
    pub fn shadow_report(&self) -> Vec<ShadowReport> {
        self.shared.published.shadows.report()
    }

    /// What the calls of each loaded policy took in the last hour.
    #[must_use]
    pub fn call_reports(&self) -> Vec<CallReport> {
        let (state, now, unix_now) = (self.state(), Instant::now(), unix_now());
        let loaded = state.manifest().entries.iter().filter_map(|entry| state.loaded(&entry.revision));
        loaded
            .map(|loaded| CallReport {
                name: loaded.name.to_string(),
                revision: loaded.id.clone(),
                steps: loaded.call_steps(now, unix_now),
            })
            .collect()
    }

    /// What is saved: the manifest of the generation that answers.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        self.state().manifest().clone()
    }

    /// Notices from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.shared.published.notices.subscribe()
    }

    /// Counts a call on an answering policy, and sees to it that one that breaks a rule is rolled back.
    pub fn count(&self, part: &PartScore) {
        let PartScore { member, request: _, result, took, memory_bytes } = part;
        let now = Instant::now();
        member.note(now, Call { took: *took, memory_bytes: *memory_bytes });
        if let Some(breach) = member.count(now, *took, result.as_ref().err(), &self.shared.rules) {
            // Full only if as many policies broke their rules at once; they will again.
            if self.shared.breaches.try_send((member.id.clone(), breach)).is_err() {
                member.restart_window();
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

    /// The state that was published last.
    pub(crate) fn state(&self) -> Arc<RegistryState> {
        self.shared.published.state.load_full()
    }
}

/// What was saved. What cannot be used is kept aside, and policies begin with the configuration: an extender that does not start helps
/// nobody.
fn load_or_set_aside(folder: &StateFolder) -> Result<SavedState, StateFolderError> {
    let error = match folder.load() {
        Ok(saved) => return Ok(saved.unwrap_or_default()),
        Err(error @ (StateFolderError::Manifest { .. } | StateFolderError::Invalid { .. })) => error,
        Err(error) => return Err(error),
    };
    let aside = folder.set_aside()?;
    tracing::error!(
        error = chain(&error),
        kept = %aside.display(),
        "the saved policies cannot be used: policies begin with the configuration; submit the others again, or mend the file that was kept"
    );
    Ok(SavedState::default())
}

/// Loads a saved entry as it was; it proves itself again.
fn restore(
    engine: &Engine,
    compiling: &Compiling,
    folder: &StateFolder,
    replay: &Replay,
    entry: &Entry,
) -> Result<Loaded, String> {
    let bytes = PolicyBytes::from(folder.artefact(&entry.digest).map_err(|error| chain(&error))?);
    let compiling = (compiling, Urgency::NothingAnswers);
    loading::load(engine, compiling, replay, (entry, &bytes), &mut KeepsAtOnce)
        .map_err(|refusal| chain(&refusal))
}
