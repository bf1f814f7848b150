//! A run through the moves: what has happened and what is seen decide what is done next. No I/O and no clock.
//!
//! A run changes by events alone, and each is in the journal before it counts: so a run that is resumed is one to which the
//! journal's events happened. Times are since this run began; patience begins again with each run.

mod movable;
mod replacement;

use std::time::Duration;

use netmarks_core::digest::Digest;
use netmarks_core::units::bytes_per_second;

use crate::event::{Event, Skip, Subject, Unreplaced};
use crate::moves::{Move, digest};
use crate::seen::{Controller, ControllerSeen, NodeSeen, PodSeen, Pods};
use crate::stop::Stop;

pub(crate) use movable::movable;

/// What bounds a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many moves may turn out otherwise than planned: the replacement is on a node that the plan does not name, none came, or the move
    /// was left out.
    pub most_elsewhere: u32,
    /// How long an eviction may be refused.
    pub patience: Duration,
    /// How long a replacement may take to be ready, beyond the time that the old pod may take to end.
    pub ready_within: Duration,
    /// Between the end of one move and the beginning of the next.
    pub pause: Duration,
    /// No move begins later.
    pub window: Option<Duration>,
    /// How long the mesh's figures may be worse than before the first move.
    pub worse_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            most_elsewhere: 3,
            patience: Duration::from_secs(3_600),
            ready_within: Duration::from_secs(600),
            pause: Duration::ZERO,
            window: None,
            worse_for: Duration::from_secs(60),
        }
    }
}

/// How long the API server may not answer: an upgrade of a control plane of one node takes some minutes.
pub const UNANSWERED_FOR: Duration = Duration::from_secs(300);

/// The first wait after a refusal, doubled with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// The longest wait: a budget that allows an eviction again should not wait longer for us.
const LAST_RETRY: Duration = Duration::from_secs(60);

/// Less than this is rounding, in bytes per second.
const ROUNDING: f64 = 1.0;

/// What a run does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Say what the mesh's figures are.
    Measure,
    /// Say what this node is like.
    Look { node: String },
    /// Say how many pods this controller wants now.
    See { namespace: String, controller: Controller },
    /// Write the event into the journal, then ask the API server to evict the pod with this uid.
    Evict { number: usize, event: Event },
    /// Write the event into the journal.
    Record { number: usize, event: Event },
    /// Wait until something is seen to change, or for this moment.
    Wait { until: Duration },
    /// End; the moves that are left stay as they are.
    Stop(Stop),
    /// All moves are done.
    Finish,
}

/// The mesh's figures, compared with those before the first move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nobody asked.
    Unknown,
    /// As before, or not watched.
    Fine,
    /// Worse, or the store does not answer.
    Worse {
        /// Since when, without a break.
        since: Duration,
        why: String,
    },
}

/// What was asked for and seen, beside pods.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub pods: &'a Pods,
    /// The nodes that were looked at since anything was waited for.
    pub nodes: &'a [(String, NodeSeen)],
    /// The controller of the pod that was evicted, if it was looked at lately.
    pub controller: Option<&'a ControllerSeen>,
    pub health: &'a Health,
    /// When the health was found out.
    pub measured: Duration,
}

/// What became of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Replaced { by: String, node: String },
    Unreplaced(Unreplaced),
    Skipped(Skip),
}

/// An eviction that did not come about yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failed {
    since: Duration,
    retry_at: Duration,
    wait: Duration,
    /// Whether the API server answered at all.
    answered: bool,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was asked for, or it was refused.
    Before,
    /// The API server may have done it.
    Asked(Subject),
    /// The pod ends, and its replacement is awaited.
    Evicted { subject: Subject, since: Duration },
}

/// A run through the moves of a plan, one after the other.
#[derive(Clone, Debug)]
pub struct Run {
    /// The digest of the moves as they were planned.
    plan: Digest,
    moves: Vec<Move>,
    limits: Limits,
    outcomes: Vec<Outcome>,
    phase: Phase,
    failed: Option<Failed>,
    /// Of this run.
    elsewhere: u32,
    /// What the moves gain that came about as planned, less what the others cost whose pods were evicted, in bytes per second. What else
    /// those do to the traffic is not known.
    gained: f64,
    next_from: Duration,
}

impl Run {
    /// A run to which the events of an earlier one have happened already.
    #[must_use]
    pub fn new(moves: Vec<Move>, limits: Limits, before: &[Event]) -> Self {
        let mut run = Self {
            plan: digest(&moves),
            moves,
            limits,
            outcomes: Vec::new(),
            phase: Phase::Before,
            failed: None,
            elsewhere: 0,
            gained: 0.0,
            next_from: Duration::ZERO,
        };
        before.iter().for_each(|event| run.happened(event, Duration::ZERO));
        Self { failed: None, elsewhere: 0, next_from: Duration::ZERO, ..run }
    }

    /// By what the journal knows the moves.
    #[must_use]
    pub fn plan(&self) -> Digest {
        self.plan
    }

    /// The moves as they are meant now: where a tie was broken otherwise than planned, later ones follow.
    #[must_use]
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// What became of the first moves; the next is under way, and the others have not begun.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.outcomes.len() == self.moves.len()
    }

    /// Whether the pod of the move that is under way was evicted.
    #[must_use]
    pub fn is_evicted(&self) -> bool {
        matches!(self.phase, Phase::Evicted { .. })
    }

    /// Takes what happened to the move that is under way.
    pub fn happened(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Evicting(subject) => self.phase = Phase::Asked(subject.clone()),
            Event::Refused { answer } => {
                self.phase = Phase::Before;
                self.fail(true, answer, now);
            }
            Event::Unanswered { error } => self.fail(false, error, now),
            Event::Evicted => {
                if let Phase::Asked(subject) = &self.phase {
                    self.phase = Phase::Evicted { subject: subject.clone(), since: now };
                }
                self.failed = None;
            }
            Event::Replaced { by, node } => {
                let planned = self.current().is_some_and(|(_, planned)| planned.is_there(node));
                self.elsewhere += u32::from(!planned);
                self.follow(node);
                self.end(Outcome::Replaced { by: by.clone(), node: node.clone() });
                self.next_from = now + self.limits.pause;
            }
            Event::Unreplaced { why } => {
                self.elsewhere += 1;
                self.end(Outcome::Unreplaced(why.clone()));
                self.next_from = now + self.limits.pause;
            }
            Event::Skipped { why } => {
                self.elsewhere += u32::from(*why != Skip::There);
                self.end(Outcome::Skipped(why.clone()));
            }
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some((_, planned)) = self.current() {
            self.gained += match &outcome {
                Outcome::Replaced { node, .. } if planned.is_there(node) => planned.gain,
                Outcome::Skipped(Skip::There) => planned.gain,
                // The pod left its node: what that was to cost counts, and what it was to gain elsewhere is not known.
                Outcome::Replaced { .. } | Outcome::Unreplaced(_) => planned.gain.min(0.0),
                Outcome::Skipped(_) => 0.0,
            };
        }
        self.outcomes.push(outcome);
        self.phase = Phase::Before;
        self.failed = None;
    }

    /// The replacement is on another node of its tie: for later moves of its application the two nodes change places.
    fn follow(&mut self, node: &str) {
        let Some((number, planned)) = self.current() else { return };
        if planned.to == node || !planned.is_there(node) || planned.application.is_empty() {
            return;
        }
        let (application, to) = (planned.application.clone(), planned.to.clone());
        let later = self.moves.iter_mut().skip(number + 1);
        later.filter(|later| later.application == application).for_each(|later| later.exchange(&to, node));
    }

    fn fail(&mut self, answered: bool, text: &str, now: Duration) {
        // Refusals and silence are counted apart: each has a patience of its own.
        let before = self.failed.take().filter(|failed| failed.answered == answered);
        let since = before.as_ref().map_or(now, |failed| failed.since);
        let wait = before.map_or(FIRST_RETRY, |failed| (failed.wait * 2).min(LAST_RETRY));
        self.failed = Some(Failed { since, retry_at: now + wait, wait, answered, text: text.to_owned() });
    }

    /// The move that is under way, and its number.
    fn current(&self) -> Option<(usize, &Move)> {
        let number = self.outcomes.len();
        self.moves.get(number).map(|planned| (number, planned))
    }

    /// The event for "there is no such pod": after a question without an answer it was evicted by that.
    #[must_use]
    pub fn missing(&self) -> Event {
        match &self.failed {
            Some(Failed { answered: false, .. }) => Event::Evicted,
            _ => Event::Skipped { why: Skip::Gone },
        }
    }

    /// What to do next.
    #[must_use]
    pub fn next(&self, facts: &Facts<'_>, now: Duration) -> Action {
        let Some((number, planned)) = self.current() else { return Action::Finish };
        let record = |event| Action::Record { number, event };
        match &self.phase {
            Phase::Evicted { subject, since } => {
                self.replacement(number, planned, subject, *since, facts, now)
            }
            // Was it done, and the answer lost?
            Phase::Asked(subject) if ends(facts.pods.get(&planned.pod), &subject.pod_uid) => {
                record(Event::Evicted)
            }
            Phase::Before | Phase::Asked(_) => match self.stop(planned, facts.health, now) {
                Some(stop) => Action::Stop(stop),
                None => self.eviction(number, planned, facts, now),
            },
        }
    }

    /// Why no further move begins.
    fn stop(&self, planned: &Move, health: &Health, now: Duration) -> Option<Stop> {
        let Limits { most_elsewhere, patience, window, worse_for, .. } = self.limits;
        if self.elsewhere > most_elsewhere {
            return Some(Stop::Elsewhere { moves: self.elsewhere, most: most_elsewhere });
        }
        if window.is_some_and(|window| now >= window) {
            return Some(Stop::Window);
        }
        if let Some(Failed { since, answered, text, .. }) = &self.failed {
            let (pod, answer) = (planned.pod.clone(), text.clone());
            let patience = if *answered { patience } else { UNANSWERED_FOR };
            if now.saturating_sub(*since) >= patience {
                let seconds = patience.as_secs();
                return Some(match answered {
                    true => Stop::Refused { pod, seconds, answer },
                    false => Stop::Unanswered { pod, seconds, error: answer },
                });
            }
        }
        match health {
            Health::Worse { since, why } if now.saturating_sub(*since) >= worse_for => {
                Some(Stop::Worse { seconds: worse_for.as_secs(), why: why.clone() })
            }
            _ => None,
        }
    }

    /// Whether more would leave a node after this move than before the first.
    fn loss(&self, planned: &Move) -> Option<Stop> {
        let (costs, gained) = (bytes_per_second(-planned.gain), bytes_per_second(self.gained));
        let loses = self.gained + planned.gain < -ROUNDING;
        loses.then(|| Stop::Loss { pod: planned.pod.clone(), costs, gained })
    }

    /// The eviction, or what has to be known or waited for before it.
    fn eviction(&self, number: usize, planned: &Move, facts: &Facts<'_>, now: Duration) -> Action {
        let retry_at = self.failed.as_ref().map_or(Duration::ZERO, |failed| failed.retry_at);
        let window = self.limits.window.unwrap_or(Duration::MAX);
        let from = retry_at.max(self.next_from);
        if now < from {
            let patience = self.failed.as_ref().map_or(Duration::MAX, |failed| {
                failed.since + if failed.answered { self.limits.patience } else { UNANSWERED_FOR }
            });
            return Action::Wait { until: from.min(window).min(patience) };
        }
        let skip = |why| Action::Record { number, event: Event::Skipped { why } };
        let (seen, controller) = match movable(planned, facts.pods) {
            Ok(found) => found,
            Err(why) => return skip(why),
        };
        if let Some(stop) = self.loss(planned) {
            return Action::Stop(stop);
        }
        match facts.health {
            Health::Unknown => return Action::Measure,
            // Asked again as often as whoever measures finds right.
            Health::Worse { since, .. } => {
                return Action::Wait { until: (*since + self.limits.worse_for).min(window) };
            }
            // What the last move did does not show in figures of before.
            Health::Fine if facts.measured < self.next_from => return Action::Measure,
            Health::Fine => {}
        }
        match planned.closed(|node| facts.nodes.iter().find(|(name, _)| name == node).map(|(_, seen)| *seen))
        {
            Ok(None) => {}
            Ok(Some(why)) => return skip(why),
            Err(node) => return Action::Look { node: node.to_owned() },
        }
        let (namespace, _) = planned.parts();
        let subject = Subject {
            pod_uid: seen.uid.clone(),
            controller: controller.clone(),
            known: facts.pods.of(namespace, &controller.uid).map(|(_, pod)| pod.uid.clone()).collect(),
            grace_seconds: seen.grace_seconds,
        };
        Action::Evict { number, event: Event::Evicting(subject) }
    }
}

/// Whether the pod with this uid is gone or going.
fn ends(seen: Option<&PodSeen>, uid: &str) -> bool {
    seen.is_none_or(|pod| pod.uid != uid || pod.terminating)
}

#[cfg(test)]
mod tests;
