//! What to do next about one policy, and what to say of it.
//!
//! Deciding only: no clock, no network, no registry. The worker asks [`Memory::next`] before it acts and tells it what
//! came of it.
//!
//! The rules:
//! - The source is looked at when it is another one, when somebody says that it changed, when a tag's interval has
//!   passed, and later and later while it fails.
//! - Silence of a source that is only looked at again is no news for a minute: registries restart.
//! - A component is submitted once for each pair of digest and wish. What was refused or withdrawn is not submitted
//!   again until one of the two changes, so that nothing flaps; what could not be tried is.

use std::time::Duration;

use netmarks_policies::{Entry, Manifest, Mode, Origin, PolicyName, RevisionId};
use tokio::time::Instant;

use crate::conditions::short;
use crate::problem::{Kind, Problem};
use crate::status::ReplicaState;
use crate::wish::{Place, Wish};

/// First and longest pause after failures; each doubles the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// So many times in a row a source may be silent before that is said of it: about a minute.
const SILENCES: u32 = 6;

/// What is known about one policy.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    look: Option<Look>,
    attempt: Option<Attempt>,
}

/// The last look at the source.
#[derive(Debug)]
struct Look {
    place: Place,
    outcome: Result<(String, String), Problem>,
    again: Option<Instant>,
    failures: u32,
    outdated: bool,
}

/// The last submission.
#[derive(Debug)]
struct Attempt {
    digest: String,
    wish: Wish,
    outcome: Result<(), Problem>,
    again: Option<Instant>,
    failures: u32,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Get the bytes.
    Fetch,
    /// See whether the source still holds the same; only otherwise get the bytes.
    Look,
    /// Nothing, until then, or until something happens.
    Rest(Option<Instant>),
}

impl Memory {
    pub(crate) fn next(&self, place: &Place, wish: &Wish, now: Instant) -> Next {
        let due = |at: Option<Instant>, what: Next| match at {
            Some(at) if at <= now => what,
            later => Next::Rest(later),
        };
        match &self.look {
            Some(look) if look.place == *place && !look.outdated => match &look.outcome {
                Err(_) => due(look.again, Next::Fetch),
                Ok((digest, _)) => match &self.attempt {
                    Some(attempt) if attempt.is_of(digest, wish) => match due(attempt.again, Next::Fetch) {
                        Next::Rest(None) => due(look.again, Next::Look),
                        Next::Rest(Some(at)) => match due(look.again, Next::Look) {
                            Next::Rest(other) => Next::Rest(Some(other.map_or(at, |other| at.min(other)))),
                            look => look,
                        },
                        fetch => fetch,
                    },
                    _ => Next::Fetch,
                },
            },
            _ => Next::Fetch,
        }
    }

    /// Whether bytes of this digest are to be submitted now.
    pub(crate) fn is_submitted(&self, digest: &str, wish: &Wish, now: Instant) -> bool {
        match &self.attempt {
            Some(attempt) if attempt.is_of(digest, wish) => attempt.again.is_some_and(|again| again <= now),
            _ => true,
        }
    }

    /// Whether these bytes with these settings were asked for before, in another mode.
    pub(crate) fn asked_otherwise(&self, digest: &str, wish: &Wish) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| {
            let Wish { settings, mode } = &attempt.wish;
            attempt.digest == digest && *settings == wish.settings && *mode != wish.mode
        })
    }

    /// The mark of what the source held; see [`crate::source::Found`].
    pub(crate) fn mark(&self) -> Option<&str> {
        self.look.as_ref()?.outcome.as_ref().ok().map(|(_, mark)| mark.as_str())
    }

    /// The digest of what the source held.
    pub(crate) fn digest(&self) -> Option<&str> {
        self.look.as_ref()?.outcome.as_ref().ok().map(|(digest, _)| digest.as_str())
    }

    /// Somebody says that the source changed.
    pub(crate) fn outdate(&mut self) {
        if let Some(look) = &mut self.look {
            look.outdated = true;
        }
    }

    /// The source holds a component of this digest, under this mark.
    pub(crate) fn found(&mut self, place: &Place, digest: String, mark: String, now: Instant, random: f64) {
        let again = interval(place).map(|interval| now + scattered(interval, random));
        let (place, outcome) = (place.clone(), Ok((digest, mark)));
        self.look = Some(Look { place, outcome, again, failures: 0, outdated: false });
    }

    /// The source holds what it held.
    pub(crate) fn same(&mut self, now: Instant, random: f64) {
        if let Some(look) = &mut self.look {
            look.again = interval(&look.place).map(|interval| now + scattered(interval, random));
            (look.failures, look.outdated) = (0, false);
        }
    }

    /// The source gave nothing to one who was `only_looking`, or who needed its bytes.
    pub(crate) fn not_found(
        &mut self,
        place: &Place,
        problem: Problem,
        only_looking: bool,
        now: Instant,
        random: f64,
    ) {
        if let Some(look) = &mut self.look
            && only_looking
            && problem.kind == Kind::Unreachable
            && look.outcome.is_ok()
            && look.failures < SILENCES
        {
            look.failures += 1;
            look.again = Some(now + scattered(pause(look.failures), random));
            return;
        }
        let before = self.look.as_ref().filter(|look| look.place == *place && !look.outdated);
        let failures = before.map_or(0, |look| look.failures).saturating_add(1);
        let again = Some(now + scattered(pause(failures), random));
        self.look =
            Some(Look { place: place.clone(), outcome: Err(problem), again, failures, outdated: false });
    }

    /// A submission ended.
    pub(crate) fn attempted(
        &mut self,
        digest: String,
        wish: Wish,
        outcome: Result<(), Problem>,
        now: Instant,
        random: f64,
    ) {
        let before = self.attempt.as_ref().filter(|attempt| attempt.is_of(&digest, &wish));
        let failures = match &outcome {
            Ok(()) => 0,
            Err(_) => before.map_or(0, |attempt| attempt.failures).saturating_add(1),
        };
        let again = match &outcome {
            Err(problem) if problem.kind.is_tried_again() => Some(now + scattered(pause(failures), random)),
            _ => None,
        };
        self.attempt = Some(Attempt { digest, wish, outcome, again, failures });
    }

    /// What there is to say.
    pub(crate) fn saying(&self, wish: &Wish, standing: &Standing) -> Saying {
        let problem = |problem: &Problem| {
            let state = match problem.kind {
                Kind::Fetch | Kind::Unreachable => ReplicaState::FetchFailed,
                Kind::Refused | Kind::Blocked => ReplicaState::Rejected,
                Kind::Withdrawn => ReplicaState::Degraded,
                Kind::Passing => ReplicaState::Pending,
            };
            Saying::new(state, problem.reason, &problem.message)
        };
        let Some(look) = &self.look else {
            return Saying::new(ReplicaState::Pending, "Fetching", "not fetched yet");
        };
        let digest = match &look.outcome {
            Err(failure) => return problem(failure),
            Ok((digest, _)) => digest,
        };
        let attempt = self.attempt.as_ref().filter(|attempt| attempt.is_of(digest, wish));
        match attempt.map(|attempt| &attempt.outcome) {
            None => Saying::new(ReplicaState::Pending, "Trying", "not tried yet"),
            Some(Err(refusal)) => problem(refusal),
            Some(Ok(())) => standing.saying(digest, wish.mode),
        }
    }
}

impl Attempt {
    fn is_of(&self, digest: &str, wish: &Wish) -> bool {
        self.digest == digest && self.wish == *wish
    }
}

/// Between two looks; `None` for what never changes or is watched.
fn interval(place: &Place) -> Option<Duration> {
    match place {
        Place::ConfigMap(_) => None,
        Place::Remote { reference, interval, .. } => {
            (!reference.is_pinned()).then(|| Duration::from_secs(u64::from(*interval)))
        }
    }
}

pub(crate) fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST_PAUSE)
}

/// Up to a tenth shorter or longer, with `random` from 0 to 1: replicas that started together should not ask together.
fn scattered(pause: Duration, random: f64) -> Duration {
    pause.mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0))
}

/// What the registry makes of a name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Standing {
    /// The wanted revision, if it has a place: in which mode, and why it was withdrawn if it was.
    pub(crate) wanted: Option<(Mode, Option<String>)>,
    /// Whether the wanted revision is the newest of its name.
    pub(crate) is_newest: bool,
    /// Digest of what is in use under the name.
    pub(crate) in_use: Option<String>,
}

impl Standing {
    pub(crate) fn of(manifest: &Manifest, name: &PolicyName, wanted: Option<&RevisionId>) -> Self {
        let ours = |origin: Origin| origin == Origin::Kubernetes;
        let entry = wanted.and_then(|wanted| manifest.entry(wanted)).filter(|entry| ours(entry.origin));
        let mut named = manifest.entries.iter().filter(|entry| entry.name == *name && ours(entry.origin));
        // What is withdrawn is in no use, unless there was nothing else to answer. The active one comes first.
        let used = |entry: &&Entry| entry.degraded.is_none() || entry.answers();
        let other = named.find(used);
        let in_use = entry.filter(used).or(other);
        Self {
            wanted: entry.map(|entry| (entry.mode, entry.degraded.clone())),
            is_newest: manifest.named(name).is_some_and(|newest| Some(&newest.revision) == wanted),
            in_use: in_use.map(|entry| entry.digest.clone()),
        }
    }

    fn saying(&self, digest: &str, wanted: Mode) -> Saying {
        let short = short(digest);
        match &self.wanted {
            Some((_, Some(reason))) => Saying::new(ReplicaState::Degraded, "TooManyFaults", reason),
            Some((mode, None)) if *mode == wanted => {
                let (state, reason) = match mode {
                    Mode::Active => (ReplicaState::Active, "Active"),
                    Mode::Canary { .. } => (ReplicaState::Canary, "Canary"),
                    Mode::Shadow => (ReplicaState::Shadow, "Shadow"),
                    Mode::Ready => (ReplicaState::Ready, "Ready"),
                };
                Saying::new(state, reason, format!("{short} is {mode}"))
            }
            Some((mode, None)) => {
                let message = format!(
                    "{short} is {mode} and not {wanted}: somebody rolled it back; change the policy to try again"
                );
                Saying::new(ReplicaState::Degraded, "RolledBack", message)
            }
            None => {
                let message = format!(
                    "{short} is not there any more: somebody rolled it back; change the policy to try again"
                );
                Saying::new(ReplicaState::Degraded, "RolledBack", message)
            }
        }
    }
}

/// What a replica says about a policy, beside digests and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saying {
    pub(crate) state: ReplicaState,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Saying {
    fn new(state: ReplicaState, reason: &'static str, message: impl Into<String>) -> Self {
        Self { state, reason, message: message.into() }
    }

    /// For a specification that cannot be read.
    pub(crate) fn invalid(problem: &Problem) -> Self {
        Self::new(ReplicaState::Rejected, problem.reason, &problem.message)
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
