//! [`Scorer`]: one decision from beginning to end, and everything that follows from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use netmarks_core::clock::unix_now;
use netmarks_core::compose::{compose, keep_best};
use netmarks_core::errors::chain;
use netmarks_core::freshness::Freshness;
use netmarks_core::needs::Needs;
use netmarks_core::request::{Candidates, PendingPod, gather};
use netmarks_core::snapshot::Snapshot;
use netmarks_policies::{Comparison, PartScore, Registry, Scored};
use netmarks_state::{ClusterState, MetricsState};

use crate::answer::Answer;
use crate::config::ScoringConfig;
use crate::decision::{Decision, Origin, PolicyDecision, brief};
use crate::decisions::{self, Decisions};
use crate::empty::Empty;
use crate::metrics::ScoringMetrics;

/// A request may name so many nodes that the watch does not know yet, beside as many again as it knows. kube-scheduler offers
/// nodes that exist; what a policy makes of a request with more than these is not held against it, and no shadow is asked.
const NODES_TO_COME: usize = 64;

/// Scores pods by what is live now.
#[derive(Debug)]
pub struct Scorer {
    state: Arc<ClusterState>,
    registry: Registry,
    config: ArcSwap<ScoringConfig>,
    decisions: Arc<Decisions>,
    metrics: Arc<ScoringMetrics>,
}

/// What is left to do for a pod once its answer is on its way.
#[derive(Debug)]
#[must_use = "an answer that is not recorded is neither explained nor compared with the shadows"]
pub struct UnrecordedAnswer<'s> {
    scorer: &'s Scorer,
    pod: PendingPod,
    answer: Answer,
}

impl Scorer {
    /// A scorer over `state` by the policies of `registry`, which records into `decisions` and counts in `metrics`.
    #[must_use]
    pub fn new(
        state: Arc<ClusterState>,
        registry: Registry,
        config: ScoringConfig,
        decisions: Arc<Decisions>,
        metrics: Arc<ScoringMetrics>,
    ) -> Self {
        Self { state, registry, config: ArcSwap::from_pointee(config), decisions, metrics }
    }

    /// Makes another configuration the one in force. Requests under way finish with what they began with.
    pub fn configure(&self, config: ScoringConfig) {
        self.config.store(Arc::new(config));
    }

    /// Answers for one pod, in this order: decides, assumes the pod on its best node for the requests that follow, hands the
    /// scores (`(candidate, score)`, positive ones only) to `deliver`, and counts. `deliver` says whether the answer was still
    /// waited for; if it was not, the pod may go anywhere, so it is assumed nowhere.
    ///
    /// Runs policies on the calling thread, each up to its deadline. What no answer waits for is left to
    /// [`UnrecordedAnswer::record`].
    pub fn answer(
        &self,
        pod: PendingPod,
        nodes: &[&str],
        deliver: impl FnOnce(&[(u32, u32)]) -> bool,
    ) -> UnrecordedAnswer<'_> {
        // The webhook's guess is over: a scheduler decides now. Otherwise the pod would be its own peer, and then be counted twice.
        if let Some(key) = &pod.assumed_as {
            self.state.assumed().forget(key, Instant::now());
        }
        let answer = self.decide(&pod, nodes);
        self.assume(&pod, nodes, &answer);
        if deliver(&answer.scores) {
            self.metrics.answered(answer.empty, answer.took);
        } else {
            self.state.assumed().forget(&pod.key, Instant::now());
        }
        UnrecordedAnswer { scorer: self, pod, answer }
    }

    /// The generation that answers now, and how long its policies together may take for one pod.
    #[must_use]
    pub fn in_force(&self) -> (u64, Duration) {
        let set = self.registry.current();
        (set.generation, set.longest())
    }

    /// Counts an answer that was given without asking any policy.
    pub fn answered_empty(&self, empty: Empty, took: Duration) {
        self.metrics.answered(Some(empty), took);
    }

    /// Scores `nodes` for `pod`. Uses one snapshot and one generation from beginning to end.
    #[must_use]
    pub fn decide(&self, pod: &PendingPod, nodes: &[&str]) -> Answer {
        let started = Instant::now();
        let set = self.registry.current();
        let config = self.config.load_full();
        let snapshot = self.state.snapshot();
        let (flows_age, freshness, confidence) = self.flow_confidence(&snapshot, &config);
        let workload = || pod.application.as_ref().map_or_else(|| pod.key.clone(), ToString::to_string);
        let (members, canary) = set.members(workload);
        let mut answer = Answer {
            scores: Vec::new(),
            empty: None,
            scored: Scored::default(),
            canary,
            confidence,
            flows_age,
            snapshot: snapshot.clone(),
            set: set.clone(),
            took: Duration::ZERO,
        };
        answer.empty = match freshness {
            _ if nodes.is_empty() => Some(Empty::NoPreference),
            _ if members.is_empty() => Some(Empty::NoPolicy),
            Freshness::Absent => Some(Empty::NoMetrics),
            Freshness::Expired => Some(Empty::StaleMetrics),
            Freshness::Fresh | Freshness::Stale => {
                let candidates = Candidates::new(&snapshot, nodes);
                let assumed = self.state.assumed().resolve(&snapshot, started, &pod.key);
                let gathered = |needs: &Needs| gather(&snapshot, pod, &candidates, needs, &assumed);
                answer.scored = netmarks_policies::score(members, gathered);
                match answer.scored.shares() {
                    None => Some(Empty::PolicyFault),
                    Some(shares) => {
                        answer.scores = compose(shares, config.map, config.top, confidence);
                        keep_best(&mut answer.scores, shares, config.most_hosts);
                        answer.scores.is_empty().then_some(Empty::NoPreference)
                    }
                }
            }
        };
        answer.took = started.elapsed();
        answer
    }

    fn assume(&self, pod: &PendingPod, nodes: &[&str], answer: &Answer) {
        let best = answer.scores.iter().max_by_key(|(_, score)| *score);
        let node = best.and_then(|(candidate, _)| nodes.get(*candidate as usize));
        let (assumed, now, assume_for) =
            (self.state.assumed(), Instant::now(), self.config.load().assume_for());
        match (&pod.application, node, pod.group.as_deref()) {
            (Some(application), Some(node), group) => {
                assumed.assume(&pod.key, group, application, node, now, assume_for);
            }
            (_, _, Some(group)) => assumed.renew(group, now, assume_for),
            (_, _, None) => {}
        }
    }

    /// Counts the calls of the policies for an answer, leaves the request for the shadows, remembers why. `nodes` are those that were
    /// scored.
    pub fn record(&self, pod: PendingPod, answer: &Answer, nodes: &[&str], origin: Origin) {
        let plausible = nodes.len() <= answer.snapshot.names().len() * 2 + NODES_TO_COME;
        let parts = answer.scored.parts.iter();
        let policies: Vec<PolicyDecision> =
            parts.map(|part| self.record_call(&pod.key, part, plausible)).collect();
        if let Some(shares) = answer.scored.shares().filter(|_| plausible) {
            let compared = self.registry.compare(&answer.set, |shadows| Comparison {
                snapshot: answer.snapshot.clone(),
                pod: pod.clone(),
                nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
                shares: shares.to_vec(),
                shadows,
            });
            if compared == Some(false) {
                self.metrics.shadow_skipped();
            }
        }
        if !self.decisions.enabled() {
            return;
        }
        let Origin { door, id, outcome } = origin;
        self.decisions.record(Decision {
            id,
            door,
            outcome,
            at: unix_now(),
            pod: pod.key,
            application: pod.application,
            generation: answer.set.generation,
            canary: answer.canary,
            policies,
            candidates: nodes.len(),
            named: answer.scores.len(),
            empty: answer.empty,
            flows_age_seconds: answer.flows_age,
            took_microseconds: u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX),
            nodes: answer.rank(nodes, decisions::NODES).into_iter().map(|(_, node)| node).collect(),
        });
    }

    /// Gives the decision `id` the name of its pod, which was not known when it was made.
    pub fn name_decision(&self, id: &str, pod: &str) {
        self.decisions.name(id, pod);
    }

    fn record_call(&self, pod: &str, part: &PartScore, plausible: bool) -> PolicyDecision {
        let policy = part.member.name.as_str();
        let fault = part.result.as_ref().err();
        self.metrics.policy_called(policy, part.took);
        if plausible {
            self.registry.count(part);
        }
        let fault = fault.map(|fault| {
            self.metrics.fault(fault);
            let fault = chain(fault);
            tracing::warn!(pod, error = fault, "policy fault");
            brief(fault)
        });
        PolicyDecision { policy: policy.to_owned(), digest: part.member.policy.digest().to_owned(), fault }
    }

    fn flow_confidence(&self, snapshot: &Snapshot, config: &ScoringConfig) -> (Option<f64>, Freshness, f64) {
        // Without a source that could answer again, flows are as the operator gave them.
        if self.state.readiness().metrics == MetricsState::Absent {
            return (None, Freshness::Fresh, 1.0);
        }
        let age = snapshot.flows_age();
        let (freshness, confidence) = config.when_stale.confidence(age, config.max_flow_age_seconds);
        (age, freshness, confidence)
    }
}

impl UnrecordedAnswer<'_> {
    /// Which one answered.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.answer.set.generation
    }

    /// Whether a policy was asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        !self.answer.scored.parts.is_empty()
    }

    /// Counts the calls of the policies, leaves the request for the shadows, remembers why. `nodes` are those that were
    /// scored.
    pub fn record(self, nodes: &[&str]) {
        let Self { scorer, pod, answer } = self;
        scorer.record(pod, &answer, nodes, Origin::EXTENDER);
    }
}
