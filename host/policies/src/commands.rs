//! What the task that owns the state can be asked to do, and the sending end of its channel.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::change::PolicyChange;
use crate::errors::Refusal;
use crate::lifecycle::Event;
use crate::origin::Actor;
use crate::policy_bytes::PolicyBytes;
use crate::revision::{Loaded, RevisionId};
use crate::settings::PolicyName;
use crate::state::Progress;
use crate::submission::{ChangeOutcome, Submission};

/// Commands that may wait while a file is written; whoever sends one more waits as well.
const WAITING: usize = 64;

/// Each command is answered once its effect is published.
pub(crate) enum Command {
    Advance { progress: Progress, done: oneshot::Sender<()> },
    Reject { rejected: RejectedSubmission, done: oneshot::Sender<()> },
    Commit { commit: Box<Commit>, done: oneshot::Sender<Result<ChangeOutcome, Refusal>> },
    Configured { configured: Box<ConfiguredPolicy>, done: oneshot::Sender<Result<(), Refusal>> },
}

/// A submission that was refused, with the reason.
pub(crate) struct RejectedSubmission {
    pub(crate) name: PolicyName,
    pub(crate) digest: String,
    pub(crate) reason: String,
    pub(crate) actor: Actor,
}

/// A change of the manifest whose revisions are all loaded.
pub(crate) struct Commit {
    pub(crate) change: PolicyChange,
    /// The revision that the change brings.
    pub(crate) new: Option<ProvenRevision>,
    pub(crate) actor: Actor,
}

/// A revision that passed every step, and its artefact.
pub(crate) struct ProvenRevision {
    /// Nothing where the artefact is kept already.
    pub(crate) bytes: Option<PolicyBytes>,
    pub(crate) loaded: Arc<Loaded>,
}

/// The configuration's policy, once it is taken over.
pub(crate) struct ConfiguredPolicy {
    pub(crate) revision: RevisionId,
    pub(crate) submission: Submission,
}

/// Sends commands to the task, and waits for their answers. All of them fail only when the task is gone, which is when it
/// panicked or the process is ending.
pub(crate) struct Commands(mpsc::Sender<Command>);

impl Commands {
    /// The two ends of the channel.
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Tells what happened to a revision outside of the manifest.
    pub(crate) async fn advance(&self, progress: Progress) -> Result<(), Refusal> {
        self.ask(|done| Command::Advance { progress, done }).await
    }

    /// Remembers a refusal and reports it.
    pub(crate) async fn reject(&self, rejected: RejectedSubmission) {
        // Where this fails, the refusal itself says more.
        drop(self.ask(|done| Command::Reject { rejected, done }).await);
    }

    /// A proven revision is not needed: the change that it was for is refused.
    pub(crate) async fn withdraw(&self, revision: RevisionId) {
        // Where this fails, the refusal of the change says more.
        drop(self.advance(Progress::Step(revision, Event::Withdrawn)).await);
    }

    /// Saves and publishes a change.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<ChangeOutcome, Refusal> {
        let commit = Box::new(commit);
        self.ask(|done| Command::Commit { commit, done }).await?
    }

    /// Remembers the configuration's policy, and which revision of it was taken over.
    pub(crate) async fn configured(&self, configured: ConfiguredPolicy) -> Result<(), Refusal> {
        let configured = Box::new(configured);
        self.ask(|done| Command::Configured { configured, done }).await?
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Refusal> {
        let (done, answer) = oneshot::channel();
        self.0.send(command(done)).await.map_err(|_| Refusal::Internal)?;
        answer.await.map_err(|_| Refusal::Internal)
    }
}
