//! What operators do with policies: submit, move, remove, roll back, configure.
//!
//! Apart from the registry itself, which knows how any change is proven, saved and published; here is what each of
//! them means.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use netmarks_core::errors::chain;
use netmarks_engine::when_idle;

use crate::change::PolicyChange;
use crate::errors::Refusal;
use crate::lifecycle::Event;
use crate::manifest::Entry;
use crate::notice::{Notice, NoticeKind};
use crate::origin::{Actor, Origin};
use crate::registry::{Registry, unix_now};
use crate::report::Rejection;
use crate::revision::RevisionId;
use crate::settings::{Mode, PolicyName, Settings};
use crate::submission::{ChangeOutcome, Submission};

impl Registry {
    /// Proves a policy and gives it its place. The same submission again changes nothing.
    ///
    /// Not cancel-safe in one respect: a submission that is dropped may still take place.
    ///
    /// # Errors
    /// If the policy is refused at any stage, or the change breaks a rule; everything is as it was then.
    pub async fn submit(&self, submission: Submission) -> Result<ChangeOutcome, Refusal> {
        let digest = hash(submission.bytes.clone()).await?;
        self.submit_hashed(submission, digest).await
    }

    async fn submit_hashed(&self, submission: Submission, digest: String) -> Result<ChangeOutcome, Refusal> {
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

    async fn try_submit(&self, submission: Submission, digest: &str) -> Result<ChangeOutcome, Refusal> {
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
        self.book().manifest().apply(PolicyChange::Put(Box::new(entry.clone())))?;
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
            let outcome = registry.commit(PolicyChange::Put(Box::new(entry)), Some((&bytes, loaded)), &actor);
            if outcome.is_err() {
                registry.book().progress(&revision, Event::Withdrawn);
            }
            outcome
        });
        outcome.await.map_err(|_| Refusal::Internal)?
    }

    /// The outcome of submitting what is there already.
    fn unchanged(&self, entry: &Entry) -> Result<Option<ChangeOutcome>, Refusal> {
        let book = self.book();
        let present = book.manifest().entry(&entry.revision).filter(|present| present.origin == entry.origin);
        // What could not be restored is there by name only; submitting it again mends it.
        let Some(present) = present.filter(|_| book.loaded(&entry.revision).is_some()) else {
            return Ok(None);
        };
        if let Some(reason) = &present.degraded {
            return Err(Refusal::Degraded { name: entry.name.to_string(), reason: reason.clone() });
        }
        Ok((present.mode == entry.mode).then(|| ChangeOutcome {
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
    ) -> Result<ChangeOutcome, Refusal> {
        {
            let book = self.book();
            let same =
                book.manifest().named(&name).filter(|entry| entry.mode == mode && entry.degraded.is_none());
            if let Some(entry) = same {
                return Ok(ChangeOutcome {
                    generation: book.manifest().generation,
                    changed: false,
                    entry: Some(entry.clone()),
                });
            }
        }
        self.operate(PolicyChange::Move { name, mode, origin }, actor).await
    }

    /// Removes all revisions of a policy.
    ///
    /// # Errors
    /// If there is none, or it is managed elsewhere.
    pub async fn remove(
        &self,
        name: PolicyName,
        origin: Origin,
        actor: Actor,
    ) -> Result<ChangeOutcome, Refusal> {
        let outcome = self.operate(PolicyChange::Remove { name, origin }, actor).await?;
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
    pub async fn roll_back(&self, actor: Actor) -> Result<ChangeOutcome, Refusal> {
        let to = self.book().earlier().ok_or(Refusal::NoHistory)?;
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
        let digest = hash(bytes.clone()).await?;
        let revision = RevisionId::new(&name, &digest, &settings);
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
                return Ok(ChangeOutcome {
                    generation: book.manifest().generation,
                    changed: false,
                    entry: None,
                });
            }
            let mut entries = book.manifest().entries.iter();
            match entries.find(|entry| entry.origin == Origin::Configuration) {
                Some(before) if answers => before.mode,
                // An empty set would leave the scheduler alone for good, so there the configuration has the last word.
                _ => Mode::Active,
            }
        };
        let outcome = self.submit_hashed(Submission { mode, ..submission.clone() }, digest).await?;
        self.book().set_configured(revision).map_err(Refusal::Store)?;
        remember();
        Ok(outcome)
    }
}

/// The digest of an artefact. Hashing 50 MB takes a tenth of a second, which belongs to no worker that answers requests.
async fn hash(bytes: Bytes) -> Result<String, Refusal> {
    let hashed = tokio::task::spawn_blocking(move || when_idle(|| netmarks_engine::digest(&bytes)));
    hashed.await.ok().flatten().ok_or(Refusal::Internal)
}
