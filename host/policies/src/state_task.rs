//! The task that owns the registry's state. It takes one command at a time: it saves what has to survive, then
//! publishes, then tells.
//!
//! Files are written on blocking threads. Meanwhile further commands wait in their channel, and everybody who only
//! reads goes on with what was published last.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use netmarks_core::clock::unix_now;
use tokio::sync::{broadcast, mpsc};

use crate::change::PolicyChange;
use crate::commands::{Command, Commands, Commit, ConfiguredPolicy, ProvenRevision, RejectedSubmission};
use crate::errors::Refusal;
use crate::notice::{Notice, NoticeKind};
use crate::origin::Actor;
use crate::report::Rejection;
use crate::saved_state::SavedState;
use crate::set::PolicySet;
use crate::settings::PolicyName;
use crate::shadow::ShadowTallies;
use crate::state::RegistryState;
use crate::state_folder::StateFolder;
use crate::submission::ChangeOutcome;

/// Notices that a slow listener may be behind before it misses some.
const NOTICES: usize = 256;

/// Holds what everybody reads. Replaced whole after each step, never locked.
pub(crate) struct Published {
    /// What answers; replaced before `state`, so that whoever sees a generation in the state is answered by it.
    pub(crate) set: ArcSwap<PolicySet>,
    pub(crate) state: ArcSwap<RegistryState>,
    pub(crate) shadows: ShadowTallies,
    pub(crate) notices: broadcast::Sender<Notice>,
}

/// Holds the state, which nobody else changes.
pub(crate) struct StateTask {
    state: RegistryState,
    /// The handles own it, so that its lock goes with the last of them.
    folder: Option<Weak<StateFolder>>,
    published: Arc<Published>,
    commands: mpsc::Receiver<Command>,
}

impl StateTask {
    /// A task that begins with `state`, what it publishes, and how it is sent commands.
    pub(crate) fn new(
        mut state: RegistryState,
        folder: Option<&Arc<StateFolder>>,
    ) -> (Self, Arc<Published>, Commands) {
        let set = state.place();
        let published = Arc::new(Published {
            shadows: ShadowTallies::new(&set.shadows),
            set: ArcSwap::from_pointee(set),
            state: ArcSwap::from_pointee(state.clone()),
            notices: broadcast::Sender::new(NOTICES),
        });
        let (sender, commands) = Commands::channel();
        let task = Self { state, folder: folder.map(Arc::downgrade), published: published.clone(), commands };
        (task, published, sender)
    }

    /// Takes commands until the last handle is gone.
    pub(crate) async fn run(mut self) {
        while let Some(command) = self.commands.recv().await {
            // Whoever asked may have gone away since; what it asked for is done all the same.
            match command {
                Command::Advance { progress, done } => {
                    self.state.advance(progress);
                    self.publish();
                    let _ = done.send(());
                }
                Command::Reject { rejected, done } => {
                    self.reject(rejected);
                    let _ = done.send(());
                }
                Command::Commit { commit, done } => {
                    let _ = done.send(self.commit(*commit).await);
                }
                Command::Configured { configured, done } => {
                    let _ = done.send(self.configured(*configured).await);
                }
            }
        }
    }

    /// Saves a change, publishes it, reports it. Nothing has changed if this fails.
    async fn commit(&mut self, Commit { change, new, actor }: Commit) -> Result<ChangeOutcome, Refusal> {
        let manifest = self.state.manifest();
        // Another change came first, which this one must not undo.
        if let PolicyChange::Degrade { revision, .. } = &change
            && !manifest.is_answered_by(revision)
        {
            return Ok(ChangeOutcome::new(manifest, false, None));
        }
        let notice = Notice::of(&change, manifest);
        let saved = Arc::new(self.state.saved.advanced_to(manifest.apply(change)?));
        self.save(&saved, new.as_ref()).await?;

        // From here on nothing can fail.
        if let Some(ProvenRevision { loaded, .. }) = new {
            self.state.insert(loaded);
        }
        let set = self.state.take_over(saved);
        self.published.shadows.keep_only(&set.shadows);
        let replaced = self.published.set.swap(Arc::new(set));
        self.state.drain(Arc::downgrade(&replaced));
        drop(replaced);
        self.publish();
        let manifest = self.state.manifest();
        let entry = notice.policy.as_ref().and_then(|name| manifest.named(name)).cloned();
        let outcome = ChangeOutcome::new(manifest, true, entry);
        self.tell(&actor, notice);
        Ok(outcome)
    }

    async fn configured(&mut self, configured: ConfiguredPolicy) -> Result<(), Refusal> {
        let ConfiguredPolicy { revision, submission } = configured;
        if self.state.saved.configured.as_ref() != Some(&revision) {
            let saved = SavedState { configured: Some(revision), ..SavedState::clone(&self.state.saved) };
            let saved = Arc::new(saved);
            self.save(&saved, None).await?;
            self.state.saved = saved;
        }
        self.state.configured = Some(submission);
        self.publish();
        Ok(())
    }

    fn reject(&mut self, rejected: RejectedSubmission) {
        let RejectedSubmission { name, digest, reason, actor } = rejected;
        self.state.reject(Rejection {
            name: name.to_string(),
            digest: digest.clone(),
            reason: reason.clone(),
            at: unix_now(),
            by: actor.user.clone(),
        });
        self.publish();
        let notice = Notice {
            kind: NoticeKind::Rejected,
            policy: Some(name),
            digest: Some(digest),
            generation: self.state.manifest().generation,
            message: reason,
        };
        self.tell(&actor, notice);
    }

    /// Writes the artefact of a new revision, then the state, on a blocking thread.
    async fn save(&self, saved: &Arc<SavedState>, new: Option<&ProvenRevision>) -> Result<(), Refusal> {
        let Some(folder) = &self.folder else { return Ok(()) };
        // Gone only when no handle is left, so that nobody waits for the outcome.
        let folder = folder.upgrade().ok_or(Refusal::Internal)?;
        let artefact = new.and_then(|new| Some((new.loaded.policy.digest().to_owned(), new.bytes.clone()?)));
        let saved = saved.clone();
        let writing = tokio::task::spawn_blocking(move || {
            if let Some((digest, bytes)) = artefact {
                folder.keep(&digest, &bytes)?;
            }
            folder.save(&saved)
        });
        writing.await.map_err(|_| Refusal::Internal)?.map_err(Refusal::Store)
    }

    fn publish(&self) {
        self.published.state.store(Arc::new(self.state.clone()));
    }

    /// The audit log, then the listeners.
    fn tell(&self, actor: &Actor, notice: Notice) {
        tracing::info!(
            target: "netmarks::audit",
            change = notice.kind.as_str(),
            policy = notice.policy.as_ref().map(PolicyName::as_str).unwrap_or_default(),
            digest = notice.digest.as_deref().unwrap_or_default(),
            generation = notice.generation,
            user = actor.user,
            from = actor.from,
            detail = notice.message,
            "policies changed"
        );
        // Nobody may be listening.
        drop(self.published.notices.send(notice));
    }
}
