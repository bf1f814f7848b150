//! What to do next about one policy, and the condition that this replica reports for it.
//!
//! Pure: no clock, no network, no registry. The reconciler asks [`History::next`] before it acts and records the result.
//!
//! The rules:
//! - The source is read when `spec.source` changes, when a watch reports another version, and when a tag's interval has
//!   passed. Reads that fail are retried after growing pauses.
//! - A source that cannot be reached by a recheck is not reported for a minute: registries restart.
//! - A component is submitted once for each pair of digest and desired policy. What was rejected or withdrawn is not
//!   submitted again until one of the two changes, so that nothing flaps. What failed for a transient reason is.

use std::time::Duration;

use netmarks_core::digest::Digest;
use netmarks_policies::{Entry, Manifest, Mode, Origin, PolicyName, RevisionId, Signature};
use tokio::time::Instant;

use crate::failure::{FailureKind, PolicyFailure};
use crate::spec::{DesiredPolicy, Location};
use crate::status::ReplicaState;
use crate::text::short_digest;

/// First and longest pause after failures; each doubles the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// So many rechecks in a row may fail to reach a source before that is reported: about a minute.
const UNREPORTED_RECHECKS: u32 = 6;

/// The last read of a policy's source, and its last submission to the registry.
#[derive(Debug, Default)]
pub(crate) struct History {
    read: Option<SourceRead>,
    submission: Option<SubmissionRecord>,
}

#[derive(Debug)]
struct SourceRead {
    location: Location,
    /// The digest of the component, and the version of the source that held it.
    result: Result<(Digest, String), PolicyFailure>,
    due: Option<Instant>,
    failures: u32,
    invalidated: bool,
}

#[derive(Debug)]
struct SubmissionRecord {
    digest: Digest,
    desired: DesiredPolicy,
    result: Result<(), PolicyFailure>,
    retry_at: Option<Instant>,
    failures: u32,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read the component.
    Fetch,
    /// Read the component only if the source has another version.
    Recheck,
    /// Nothing, until then or until a watch reports a change.
    Wait(Option<Instant>),
}

impl History {
    pub(crate) fn next(&self, location: &Location, desired: &DesiredPolicy, now: Instant) -> Next {
        let due = |at: Option<Instant>, next: Next| match at {
            Some(at) if at <= now => next,
            later => Next::Wait(later),
        };
        let Some(read) = self.read.as_ref().filter(|read| read.location == *location && !read.invalidated)
        else {
            return Next::Fetch;
        };
        let Ok((digest, _)) = &read.result else { return due(read.due, Next::Fetch) };
        let Some(submission) = self.submission_of(digest, desired) else { return Next::Fetch };
        match (due(submission.retry_at, Next::Fetch), due(read.due, Next::Recheck)) {
            (Next::Wait(retry), Next::Wait(recheck)) => Next::Wait(retry.into_iter().chain(recheck).min()),
            (Next::Wait(_), recheck) => recheck,
            (fetch, _) => fetch,
        }
    }

    /// Whether a component of this digest is to be submitted now.
    pub(crate) fn should_submit(&self, digest: &Digest, desired: &DesiredPolicy, now: Instant) -> bool {
        self.submission_of(digest, desired)
            .is_none_or(|submission| submission.retry_at.is_some_and(|retry_at| retry_at <= now))
    }

    /// Whether the last submission was of this component with these settings, in another mode.
    pub(crate) fn only_mode_changed(&self, digest: &Digest, desired: &DesiredPolicy) -> bool {
        self.submission.as_ref().is_some_and(|submission| {
            let DesiredPolicy { settings, mode } = &submission.desired;
            submission.digest == *digest && *settings == desired.settings && *mode != desired.mode
        })
    }

    /// The version that the source had; see [`crate::source::SourceComponent`].
    pub(crate) fn version(&self) -> Option<&str> {
        self.read.as_ref()?.result.as_ref().ok().map(|(_, version)| version.as_str())
    }

    /// The digest of the component that the source held.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.read.as_ref()?.result.as_ref().ok().map(|(digest, _)| *digest)
    }

    /// A watch reported that the source changed.
    pub(crate) fn invalidate(&mut self) {
        if let Some(read) = &mut self.read {
            read.invalidated = true;
        }
    }

    pub(crate) fn record_component(
        &mut self,
        location: &Location,
        digest: Digest,
        version: String,
        now: Instant,
        random: f64,
    ) {
        let due = interval(location).map(|interval| now + jittered(interval, random));
        let (location, result) = (location.clone(), Ok((digest, version)));
        self.read = Some(SourceRead { location, result, due, failures: 0, invalidated: false });
    }

    pub(crate) fn record_unchanged(&mut self, now: Instant, random: f64) {
        if let Some(read) = &mut self.read {
            read.due = interval(&read.location).map(|interval| now + jittered(interval, random));
            (read.failures, read.invalidated) = (0, false);
        }
    }

    /// A read failed: a recheck, or one that needed the component.
    pub(crate) fn record_read_failure(
        &mut self,
        location: &Location,
        failure: PolicyFailure,
        is_recheck: bool,
        now: Instant,
        random: f64,
    ) {
        if let Some(read) = &mut self.read
            && is_recheck
            && failure.kind == FailureKind::Unreachable
            && read.result.is_ok()
            && read.failures < UNREPORTED_RECHECKS
        {
            read.failures += 1;
            read.due = Some(now + jittered(pause(read.failures), random));
            return;
        }
        let before = self.read.as_ref().filter(|read| read.location == *location && !read.invalidated);
        let failures = before.map_or(0, |read| read.failures).saturating_add(1);
        let due = Some(now + jittered(pause(failures), random));
        let (location, result) = (location.clone(), Err(failure));
        self.read = Some(SourceRead { location, result, due, failures, invalidated: false });
    }

    pub(crate) fn record_submission(
        &mut self,
        digest: Digest,
        desired: DesiredPolicy,
        result: Result<(), PolicyFailure>,
        now: Instant,
        random: f64,
    ) {
        let failures = match &result {
            Ok(()) => 0,
            Err(_) => self
                .submission_of(&digest, &desired)
                .map_or(0, |submission| submission.failures)
                .saturating_add(1),
        };
        let retry_at = match &result {
            Err(failure) if failure.kind.is_retried() => Some(now + jittered(pause(failures), random)),
            _ => None,
        };
        self.submission = Some(SubmissionRecord { digest, desired, result, retry_at, failures });
    }

    /// The condition to report, given what the registry holds.
    pub(crate) fn condition(&self, desired: &DesiredPolicy, registered: &Registered) -> ReplicaCondition {
        let Some(read) = &self.read else {
            return ReplicaCondition::new(ReplicaState::Pending, "Fetching", "not fetched yet");
        };
        let digest = match &read.result {
            Err(failure) => return ReplicaCondition::failed(failure),
            Ok((digest, _)) => digest,
        };
        match self.submission_of(digest, desired).map(|submission| &submission.result) {
            None => ReplicaCondition::new(ReplicaState::Pending, "Trying", "not tried yet"),
            Some(Err(failure)) => ReplicaCondition::failed(failure),
            Some(Ok(())) => registered.condition(digest, desired.mode),
        }
    }

    fn submission_of(&self, digest: &Digest, desired: &DesiredPolicy) -> Option<&SubmissionRecord> {
        self.submission
            .as_ref()
            .filter(|submission| submission.digest == *digest && submission.desired == *desired)
    }
}

/// Between two rechecks; `None` for what never changes or is watched.
fn interval(location: &Location) -> Option<Duration> {
    match location {
        Location::ConfigMap(_) => None,
        Location::Remote { reference, interval, .. } => {
            (!reference.is_pinned()).then(|| Duration::from_secs(u64::from(*interval)))
        }
    }
}

/// The pause after so many failures in a row.
pub(crate) fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST_PAUSE)
}

/// Up to a tenth shorter or longer, with `random` from 0 to 1: replicas that started together should not ask together.
fn jittered(pause: Duration, random: f64) -> Duration {
    pause.mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0))
}

/// What the registry holds under a policy's name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Registered {
    /// The desired revision, if the registry has it: its mode, and why it was withdrawn if it was.
    pub(crate) desired: Option<(Mode, Option<String>)>,
    /// What was found out about its signature.
    pub(crate) signature: Signature,
    /// Whether the desired revision is the newest of its name.
    pub(crate) is_newest: bool,
    /// Digest of what is in use under the name.
    pub(crate) in_use: Option<String>,
}

impl Registered {
    pub(crate) fn of(manifest: &Manifest, name: &PolicyName, desired: Option<&RevisionId>) -> Self {
        let ours = |origin: Origin| origin == Origin::Kubernetes;
        let entry = desired.and_then(|desired| manifest.entry(desired)).filter(|entry| ours(entry.origin));
        let mut named = manifest.entries.iter().filter(|entry| entry.name == *name && ours(entry.origin));
        // A withdrawn revision is not in use, unless there was nothing else to answer. The active one comes first.
        let used = |entry: &&Entry| entry.degraded.is_none() || entry.answers();
        let other = named.find(used);
        let in_use = entry.filter(used).or(other);
        Self {
            desired: entry.map(|entry| (entry.mode, entry.degraded.clone())),
            signature: entry.map(|entry| entry.signature.clone()).unwrap_or_default(),
            is_newest: manifest.named(name).is_some_and(|newest| Some(&newest.revision) == desired),
            in_use: in_use.map(|entry| entry.digest.clone()),
        }
    }

    fn condition(&self, digest: &Digest, desired: Mode) -> ReplicaCondition {
        let digest = digest.to_string();
        let short = short_digest(&digest);
        match &self.desired {
            Some((_, Some(reason))) => ReplicaCondition::new(ReplicaState::Degraded, "TooManyFaults", reason),
            Some((mode, None)) if *mode == desired => {
                let (state, reason) = match mode {
                    Mode::Active => (ReplicaState::Active, "Active"),
                    Mode::Canary { .. } => (ReplicaState::Canary, "Canary"),
                    Mode::Shadow => (ReplicaState::Shadow, "Shadow"),
                    Mode::Ready => (ReplicaState::Ready, "Ready"),
                };
                ReplicaCondition::new(state, reason, format!("{short} is {mode}; {}", self.signature))
            }
            Some((mode, None)) => {
                let message = format!(
                    "{short} is {mode} and not {desired}: somebody rolled it back; change the policy to try again"
                );
                ReplicaCondition::new(ReplicaState::Degraded, "RolledBack", message)
            }
            None => {
                let message = format!(
                    "{short} is not there any more: somebody rolled it back; change the policy to try again"
                );
                ReplicaCondition::new(ReplicaState::Degraded, "RolledBack", message)
            }
        }
    }
}

/// What a replica reports about a policy, beside digests and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplicaCondition {
    pub(crate) state: ReplicaState,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl ReplicaCondition {
    fn new(state: ReplicaState, reason: &'static str, message: impl Into<String>) -> Self {
        Self { state, reason, message: message.into() }
    }

    pub(crate) fn failed(failure: &PolicyFailure) -> Self {
        let state = match failure.kind {
            FailureKind::Fetch | FailureKind::Unreachable => ReplicaState::FetchFailed,
            FailureKind::Rejected | FailureKind::Blocked => ReplicaState::Rejected,
            FailureKind::Withdrawn => ReplicaState::Degraded,
            FailureKind::Transient => ReplicaState::Pending,
        };
        Self::new(state, failure.reason, &failure.message)
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
