//! What operators do with policies: submit, change the mode, remove, roll back, configure.
//!
//! Each operation decides on the state that was published last, proves what it needs (`proof`), and hands the change to
//! the task that owns the state, where it is checked again and saved.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use netmarks_core::bounded::{REASON, shortened};
use netmarks_core::clock::unix_now;
use netmarks_core::errors::chain;
use netmarks_engine::Urgency;

use crate::change::{ChangeOptions, Fallback, PolicyChange};
use crate::commands::{Commit, ConfiguredPolicy, ProvenRevision, RejectedSubmission};
use crate::errors::Refusal;
use crate::lifecycle::Event;
use crate::manifest::Entry;
use crate::origin::{Actor, Origin};
use crate::policy_bytes::PolicyBytes;
use crate::registry::Registry;
use crate::revision::RevisionId;
use crate::settings::{Mode, PolicyName, Settings};
use crate::signature::Signature;
use crate::state::{Progress, RegistryState};
use crate::submission::{ChangeOutcome, Submission};

impl Registry {
    /// Proves a policy and gives it its place. The same submission again changes nothing.
    ///
    /// Not cancel-safe in one respect: a submission that is dropped may still take place.
    ///
    /// # Errors
    /// If the policy is refused at any stage, or the change breaks a rule; everything is as it was then.
    pub async fn submit(&self, submission: Submission) -> Result<ChangeOutcome, Refusal> {
        let digest = submission.bytes.digest().await?.to_string();
        self.submit_hashed(submission, digest).await
    }

    async fn submit_hashed(&self, submission: Submission, digest: String) -> Result<ChangeOutcome, Refusal> {
        let (name, actor) = (submission.name.clone(), submission.actor.clone());
        let result = self.try_submit(submission, &digest).await;
        if let Err(refusal) = &result {
            // A policy chooses the words of some refusals.
            let reason = shortened(&chain(refusal), REASON).into_owned();
            let rejected = RejectedSubmission { name, digest, reason, actor };
            self.shared.commands.reject(rejected).await;
        }
        result
    }

    async fn try_submit(&self, submission: Submission, digest: &str) -> Result<ChangeOutcome, Refusal> {
        let Submission { name, bytes, settings, mode, origin, signature, actor } = submission;
        settings.validate()?;
        let entry = Entry {
            revision: RevisionId::new(&name, digest, &settings),
            name,
            digest: digest.to_owned(),
            settings,
            mode,
            origin,
            signature,
            degraded: None,
            since: unix_now(),
            by: actor.user.clone(),
        };
        if let Some(outcome) = unchanged(&self.state(), &entry)? {
            return Ok(outcome);
        }
        // Before the expensive part: what breaks a rule now would do so afterwards.
        self.state().manifest().apply(PolicyChange::Put(Box::new(entry.clone())))?;
        let turn = self.turn().await?;
        let registry = self.clone();
        to_the_end(async move {
            // Held to the end of the work, whether or not somebody still waits for its outcome.
            let _turn = turn;
            // The same may have been submitted while this waited for its turn.
            if let Some(outcome) = unchanged(&registry.state(), &entry)? {
                return Ok(outcome);
            }
            let known = registry.state().loaded(&entry.revision).cloned();
            let loaded = match known {
                Some(loaded) => loaded,
                None => registry.prove(&entry, bytes.clone(), Urgency::Background).await?,
            };
            let revision = entry.revision.clone();
            let new = Some(ProvenRevision { bytes: Some(bytes), loaded });
            let commit = Commit { change: PolicyChange::Put(Box::new(entry)), new, actor };
            let outcome = registry.shared.commands.commit(commit).await;
            if outcome.is_err() {
                registry.shared.commands.withdraw(revision).await;
            }
            outcome
        })
        .await
    }

    /// Gives the newest revision of a policy another mode.
    ///
    /// # Errors
    /// If no policy has this name, or it is managed elsewhere, or the change breaks a rule.
    pub async fn set_mode(
        &self,
        name: PolicyName,
        mode: Mode,
        origin: Origin,
        actor: Actor,
    ) -> Result<ChangeOutcome, Refusal> {
        self.set_mode_with(name, mode, ChangeOptions::default(), origin, actor).await
    }

    /// The same with `options`. Sources other than an operator may leave nothing active: what their files say is so.
    ///
    /// # Errors
    /// As [`Self::set_mode`]; also if nothing would be active and `options` do not allow it.
    pub async fn set_mode_with(
        &self,
        name: PolicyName,
        mode: Mode,
        options: ChangeOptions,
        origin: Origin,
        actor: Actor,
    ) -> Result<ChangeOutcome, Refusal> {
        let manifest = self.manifest();
        let alone = !manifest.entries.iter().any(|entry| entry.answers() && entry.name != name);
        let options = declared(options, origin);
        match manifest.named(&name) {
            Some(entry)
                if entry.mode == mode
                    && entry.degraded.is_none()
                    && self.state().loaded(&entry.revision).is_some()
                    && (alone || !options.only) =>
            {
                Ok(ChangeOutcome::new(&manifest, false, Some(entry.clone())))
            }
            _ => self.operate(PolicyChange::Move { name, mode, origin, options }, actor).await,
        }
    }

    /// Gives the newest revision of a policy another weight. Nothing is compiled or tried again: artefact, parameters, limits and
    /// grants are the same.
    ///
    /// # Errors
    /// If no policy has this name, or it is managed elsewhere, or was rolled back, or no weight is like this.
    pub async fn weigh(
        &self,
        name: PolicyName,
        weight: f64,
        origin: Origin,
        actor: Actor,
    ) -> Result<ChangeOutcome, Refusal> {
        let manifest = self.manifest();
        let before = manifest.named(&name).cloned().ok_or_else(|| manifest.unknown(&name))?;
        if let Some(reason) = before.degraded {
            return Err(Refusal::Degraded { name: name.to_string(), reason });
        }
        let settings = Settings { weight, ..before.settings.clone() };
        settings.validate()?;
        let entry = Entry {
            revision: RevisionId::new(&name, &before.digest, &settings),
            settings,
            origin,
            since: unix_now(),
            by: actor.user.clone(),
            ..before.clone()
        };
        if entry.revision == before.revision {
            return Ok(ChangeOutcome::new(&manifest, false, Some(before)));
        }
        manifest.apply(PolicyChange::Put(Box::new(entry.clone())))?;
        let registry = self.clone();
        to_the_end(async move {
            registry.reload(std::slice::from_ref(&before)).await?;
            let state = registry.state();
            let loaded = state.loaded(&before.revision).ok_or(Refusal::Internal)?;
            let loaded = Arc::new(loaded.weighed(entry.settings.clone()));
            let revision = entry.revision.clone();
            let commands = &registry.shared.commands;
            commands.advance(Progress::Received(Box::new(entry.clone()))).await?;
            for passed in [Event::Checked, Event::Compiled, Event::Tried] {
                commands.advance(Progress::Step(revision.clone(), passed)).await?;
            }
            let new = Some(ProvenRevision { bytes: None, loaded });
            let commit = Commit { change: PolicyChange::Put(Box::new(entry)), new, actor };
            let outcome = commands.commit(commit).await;
            if outcome.is_err() {
                commands.withdraw(revision).await;
            }
            outcome
        })
        .await
    }

    /// Removes all revisions of a policy.
    ///
    /// # Errors
    /// If no policy has this name, or it is managed elsewhere.
    pub async fn remove(
        &self,
        name: PolicyName,
        origin: Origin,
        actor: Actor,
    ) -> Result<ChangeOutcome, Refusal> {
        self.remove_with(name, ChangeOptions::default(), origin, actor).await
    }

    /// The same with `options`. The configuration's policy answers again where nothing else does, unless `options` say that
    /// nothing need be active.
    ///
    /// # Errors
    /// As [`Self::remove`]; also if nothing would be active and `options` do not allow it.
    pub async fn remove_with(
        &self,
        name: PolicyName,
        options: ChangeOptions,
        origin: Origin,
        actor: Actor,
    ) -> Result<ChangeOutcome, Refusal> {
        let registry = self.clone();
        to_the_end(async move {
            let configured = registry.state().configured.clone();
            // It was displaced by another, or by another version of its own name.
            let displaced = |configured: &Submission| {
                let manifest = registry.manifest();
                !manifest
                    .entries
                    .iter()
                    .any(|entry| entry.origin == Origin::Configuration && entry.name == configured.name)
            };
            let stand_in =
                configured.filter(|configured| !options.leave_nothing_active && displaced(configured));
            let leave_nothing_active = declared(options, origin).leave_nothing_active || stand_in.is_some();
            let options = ChangeOptions { leave_nothing_active, ..options };
            let outcome = registry.operate(PolicyChange::Remove { name, origin, options }, actor).await?;
            if registry.manifest().has_active() {
                return Ok(outcome);
            }
            match stand_in {
                Some(configured) => match registry.submit(configured).await {
                    Ok(outcome) => Ok(ChangeOutcome { entry: None, ..outcome }),
                    Err(refusal) => {
                        let error = chain(&refusal);
                        tracing::error!(error, "no policy is left, and the configuration's is refused");
                        Ok(outcome)
                    }
                },
                None => {
                    tracing::warn!(
                        "no policy is active: nothing is scored, and kube-scheduler decides alone"
                    );
                    Ok(outcome)
                }
            }
        })
        .await
    }

    /// Puts the set back that answered before the one that answers now.
    ///
    /// # Errors
    /// If no earlier set is kept, or one of its policies cannot be loaded any more.
    pub async fn roll_back(&self, actor: Actor) -> Result<ChangeOutcome, Refusal> {
        let to = self.state().saved.earlier().next().cloned().ok_or(Refusal::NoHistory)?;
        self.operate(PolicyChange::RollBack { to }, actor).await
    }

    /// Applies the configuration's policy, unless it is the one that was applied last. A policy of its name that an
    /// operator moved to another mode stays in that mode; one that was uploaded over it stays.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn configure(
        &self,
        name: PolicyName,
        bytes: Bytes,
        settings: Settings,
        actor: Actor,
    ) -> Result<ChangeOutcome, Refusal> {
        let bytes = PolicyBytes::from(bytes);
        let digest = bytes.digest().await?.to_string();
        let revision = RevisionId::new(&name, &digest, &settings);
        let mode = Mode::Active;
        let (origin, signature) = (Origin::Configuration, Signature::Configuration);
        let submission = Submission { name, bytes, settings, mode, origin, signature, actor };
        let configured = ConfiguredPolicy { revision, submission: submission.clone() };
        let state = self.state();
        let answers = !self.current().active.is_empty();
        let outcome = if answers && state.saved.configured.as_ref() == Some(&configured.revision) {
            ChangeOutcome::new(state.manifest(), false, None)
        } else {
            let mut entries = state.manifest().entries.iter();
            let mode = match entries.find(|entry| entry.origin == Origin::Configuration) {
                Some(before) if answers => before.mode,
                // An empty set would leave the scheduler alone for good, so there the configuration has the last word.
                _ => mode,
            };
            self.submit_hashed(Submission { mode, ..submission }, digest).await?
        };
        self.shared.commands.configured(configured).await?;
        Ok(outcome)
    }

    /// Loads an entry that could not be restored, and gives it its place again.
    pub(crate) async fn restore(&self, entry: Entry, actor: Actor) -> Result<(), Refusal> {
        self.reload(std::slice::from_ref(&entry)).await?;
        // As it is now: somebody may have changed it meanwhile.
        let Some(entry) = self.manifest().entry(&entry.revision).cloned() else { return Ok(()) };
        self.operate(PolicyChange::Put(Box::new(entry)), actor).await.map(drop)
    }

    /// An operation that brings no new revision. What an earlier set needs is loaded again.
    pub(crate) async fn operate(&self, change: PolicyChange, actor: Actor) -> Result<ChangeOutcome, Refusal> {
        let registry = self.clone();
        to_the_end(async move {
            let needed = needed(&registry.state(), &change);
            let outcome = match registry.reload(&needed).await {
                Ok(()) => registry.shared.commands.commit(Commit { change, new: None, actor }).await,
                Err(refusal) => Err(refusal),
            };
            if outcome.is_err() {
                for entry in needed {
                    registry.shared.commands.withdraw(entry.revision).await;
                }
            }
            outcome
        })
        .await
    }
}

/// The outcome of submitting what is there already.
fn unchanged(state: &RegistryState, entry: &Entry) -> Result<Option<ChangeOutcome>, Refusal> {
    let manifest = state.manifest();
    let present = manifest.entry(&entry.revision).filter(|present| present.origin == entry.origin);
    // What could not be restored is there by name only; submitting it again mends it.
    let Some(present) = present.filter(|_| state.loaded(&entry.revision).is_some()) else {
        return Ok(None);
    };
    if let Some(reason) = &present.degraded {
        return Err(Refusal::Degraded { name: entry.name.to_string(), reason: reason.clone() });
    }
    // Under other keys the same artefact is taken over again, so that its entry says what holds now.
    let same = present.mode == entry.mode && present.signature == entry.signature;
    Ok(same.then(|| ChangeOutcome::new(manifest, false, Some(present.clone()))))
}

/// The entries that have to be loaded before a change can be made.
fn needed(state: &RegistryState, change: &PolicyChange) -> Vec<Entry> {
    match change {
        PolicyChange::RollBack { to } | PolicyChange::Degrade { fallback: Fallback::Set(to), .. } => {
            to.entries.iter().filter(|entry| entry.answers()).cloned().collect()
        }
        PolicyChange::Move { name, .. } => state.manifest().named(name).cloned().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// What a file or an object says is so, whatever follows from it; only people are asked whether they mean it.
fn declared(options: ChangeOptions, origin: Origin) -> ChangeOptions {
    let leave_nothing_active = options.leave_nothing_active || origin != Origin::Upload;
    ChangeOptions { leave_nothing_active, ..options }
}

/// Runs an operation in a task of its own, so that it is not left half done when nobody waits for it any more.
async fn to_the_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::spawn(operation).await.map_err(|_| Refusal::Internal)?
}
