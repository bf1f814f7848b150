//! [`Admission`]: a review from its body to its answer, what is assumed until the pod is seen, and what is remembered of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use netmarks_core::application::Naming;
use netmarks_core::clock::unix_now;
use netmarks_core::expected::ExpectedTraffic;
use netmarks_scoring::{Door, Origin, Scorer};
use netmarks_server::{BodyBudget, Seldom};
use netmarks_state::ClusterState;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::assumed::{Assumption, Ledger, SEEN_WITHIN, Seen};
use crate::candidates::Model;
use crate::config::{AdmissionConfig, Mode};
use crate::decide::{Decided, Deciding};
use crate::metrics::AdmissionMetrics;
use crate::outcome::Outcome;
use crate::review::{self, Review};
use crate::reviewed::ReviewedPod;
use crate::saving::Traffic;

const MIB: usize = 1024 * 1024;

/// How often it is looked for assumptions that have expired.
const LOOK: Duration = Duration::from_secs(1);

/// The door, open to the API server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Admission {
    pub(crate) config: Arc<AdmissionConfig>,
    pub(crate) metrics: Arc<AdmissionMetrics>,
    pub(crate) bodies: BodyBudget,
    /// One review after the other, so that each sees what the last one assumed.
    pub(crate) turn: Arc<Semaphore>,
    /// When the log last had a line about bad input.
    pub(crate) bad_input: Arc<Seldom>,
    scorer: Arc<Scorer>,
    state: Arc<ClusterState>,
    model: Model,
    naming: Naming,
    ledger: Arc<Mutex<Ledger>>,
}

/// An answer, and what is left to do once it is on its way.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) body: Vec<u8>,
    pub(crate) outcome: Outcome,
    /// Of the assumption.
    number: Option<u64>,
    /// `None` if nothing is to be remembered.
    decided: Option<(String, Decided)>,
}

impl Admission {
    /// The door with the limits of `config`, over the cluster that is scored by and the scheduler's model of it.
    #[must_use]
    pub fn new(
        config: &AdmissionConfig,
        naming: Naming,
        scorer: Arc<Scorer>,
        state: Arc<ClusterState>,
        model: Model,
        metrics: Arc<AdmissionMetrics>,
    ) -> Self {
        let mib = |count: u32| count as usize * MIB;
        Self {
            bodies: BodyBudget::new(mib(config.max_bodies_mib), mib(config.max_request_mib)),
            config: Arc::new(config.clone()),
            metrics,
            turn: Arc::new(Semaphore::new(1)),
            bad_input: Arc::default(),
            scorer,
            state,
            model,
            naming,
            ledger: Arc::default(),
        }
    }

    /// What would be answered now. Nothing comes of it.
    #[must_use]
    pub fn decide(&self, review: &Review) -> Decided {
        let Self { config, scorer, state, model, naming, .. } = self;
        Deciding { config, scorer, state, model, naming: *naming }.decide(review)
    }

    /// Takes note of a pod that the watch sees, or that is `gone`.
    pub fn see(&self, pod: &Pod, gone: bool) {
        let seen = Seen::of(pod, gone);
        let found = {
            let mut ledger = self.ledger();
            let found = ledger.see(&seen);
            self.metrics.assumed(ledger.len());
            if let Some(pod) = found.as_ref().filter(|_| !seen.settled) {
                // It is there, so it counts for longer than one that may have been refused; unless a scheduler has asked the extender, whose
                // answer counts from then on.
                let now = Instant::now();
                self.state.assumed().prolong(&pod.key(), now, pod.until.saturating_duration_since(now));
            }
            found
        };
        let Some(pod) = found else { return self.learn(pod, &seen) };
        self.scorer.name_decision(&pod.decision, &format!("{}/{}", seen.namespace, seen.name));
        if seen.settled {
            self.release(&pod);
        }
        // What another replica has answered, that one counts.
        if let (true, Some(node)) = (pod.own, seen.node) {
            self.landed(&pod, node);
        }
    }

    /// Another replica has decided for it: it is assumed here, too, for as long as there.
    fn learn(&self, pod: &Pod, seen: &Seen<'_>) {
        let (false, Some(decision), Some(best)) = (seen.settled, seen.decision, seen.preferred) else {
            return;
        };
        // Its scheduler has asked the extender already.
        if self.state.assumed().holds(&format!("{}/{}", seen.namespace, seen.name), Instant::now()) {
            return;
        }
        let age = Duration::try_from_secs_f64(unix_now() - seen.created.unwrap_or(0.0)).unwrap_or_default();
        if let Some(left) = self.config.assume_for().checked_sub(age).filter(|left| !left.is_zero()) {
            let pod = ReviewedPod::of(pod.clone(), self.naming);
            let bytes = serde_json::to_vec(&pod.model).map_or(0, |text| text.len());
            self.remember(decision, &pod, best, bytes, left, false);
        }
    }

    /// Counts what a pod has on its node of the traffic that it would have on its best one; by the placement as it is now, without what its
    /// application exchanges with itself.
    fn landed(&self, pod: &Assumption, node: &str) {
        let snapshot = self.state.snapshot();
        let Some(application) = &pod.application else { return };
        let Some(traffic) = Traffic::of(&snapshot, application, &ExpectedTraffic::default()) else { return };
        let (best, here) = (traffic.with_others_on(&pod.best), traffic.with_others_on(node));
        let as_good = node == pod.best || here >= best * self.config.grading().as_good;
        self.metrics.landed(as_good, best, here);
    }

    /// Answers a body. The pod is assumed on its best node from then on.
    pub(crate) fn answer(&self, body: &[u8]) -> Answered {
        let review = match review::decode(body) {
            Ok(review) => review,
            Err(refused) => {
                let body = review::allow(&refused.uid);
                return Answered { body, outcome: refused.outcome, number: None, decided: None };
            }
        };
        self.expire();
        let bytes = body.len();
        let decided = self.decide(&review);
        let outcome = decided.outcome;
        let body = match outcome {
            Outcome::Patched => review::allow_with(&review.uid, &decided.patch),
            _ => review::allow(&review.uid),
        };
        if review.dry_run {
            return Answered { body, outcome, number: None, decided: None };
        }
        let number = self.assume(&review.uid, &decided, bytes);
        Answered { body, outcome, number, decided: Some((review.uid, decided)) }
    }

    /// Takes back what an answer assumed that nobody waited for: the pod goes anywhere.
    pub(crate) fn take_back(&self, answered: &Answered) {
        let pod = answered.number.and_then(|number| self.ledger().forget(number));
        if let Some(pod) = pod {
            self.release(&pod);
        }
    }

    /// Counts the calls of the policies, and remembers why.
    pub(crate) fn record(&self, answered: Answered) {
        let Some((id, Decided { outcome, pod: Some(pod), answer: Some((answer, candidates)), .. })) =
            answered.decided
        else {
            return;
        };
        let nodes: Vec<&str> = candidates.nodes().map(|node| node.name.as_str()).collect();
        let origin = Origin { door: Door::Admission, id: Some(id), outcome: Some(outcome.as_str()) };
        self.scorer.record(pod.pending, &answer, &nodes, origin);
    }

    fn assume(&self, decision: &str, decided: &Decided, bytes: usize) -> Option<u64> {
        let (pod, best) = (decided.pod.as_ref()?, decided.best.as_deref()?);
        let lifetime = self.config.assume_for();
        if !decided.is_preferred() || lifetime.is_zero() {
            return None;
        }
        Some(self.remember(decision, pod, best, bytes, lifetime, true))
    }

    /// Assumes a pod on its best node; returns the assumption's number.
    fn remember(
        &self,
        decision: &str,
        pod: &ReviewedPod,
        best: &str,
        bytes: usize,
        lifetime: Duration,
        own: bool,
    ) -> u64 {
        let now = Instant::now();
        let mut ledger = self.ledger();
        let assumption = Assumption {
            number: ledger.number(),
            decision: decision.to_owned(),
            own,
            uid: pod.uid.clone(),
            namespace: pod.model.namespace.clone(),
            name: pod.name.clone(),
            owner: pod.owner.clone(),
            application: pod.pending.application.clone(),
            best: best.to_owned(),
            at: unix_now(),
            until: now + if own { lifetime.min(SEEN_WITHIN) } else { lifetime },
            at_last: now + lifetime,
            bytes,
        };
        let number = assumption.number;
        self.model.assume(number, &pod.model, best);
        self.assume_as_peer(&assumption, now);
        let forgotten = ledger.remember(assumption);
        self.metrics.assumed(ledger.len());
        drop(ledger);
        forgotten.iter().for_each(|pod| self.release(pod));
        number
    }

    /// Tells all doors where it is taken to be. Nothing steers a pod of a preview, so only its room is taken: its peers are not there for the
    /// other doors.
    fn assume_as_peer(&self, pod: &Assumption, now: Instant) {
        if let (Some(application), Mode::Apply) = (&pod.application, self.config.mode) {
            let left = pod.until.saturating_duration_since(now);
            self.state.assumed().assume(&pod.key(), None, application, &pod.best, now, left);
        }
    }

    /// Gives back what pods take that were refused after their review, or wait for too long, until `shutdown`: reviews may not come for hours.
    pub async fn forget_expired(self, shutdown: CancellationToken) {
        let every = async {
            let mut looks = tokio::time::interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                self.expire();
            }
        };
        shutdown.run_until_cancelled(every).await;
    }

    fn expire(&self) {
        let expired = {
            let mut ledger = self.ledger();
            let expired = ledger.expire(Instant::now());
            self.metrics.assumed(ledger.len());
            expired
        };
        expired.iter().for_each(|pod| self.release(pod));
    }

    fn release(&self, pod: &Assumption) {
        self.model.release(pod.number);
        self.state.assumed().forget(&pod.key(), Instant::now());
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing in it can panic half-way, so a poisoned ledger is still a good one.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
