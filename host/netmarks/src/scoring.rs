//! One decision from beginning to end: snapshot, policies, scores, reasons.
//!
//! Apart from HTTP and from the extender's own types, so that another front door can use it. Everything here runs
//! on a blocking thread: a policy may take its whole deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use netmarks_core::compose::{ScoreMap, compose};
use netmarks_core::errors::chain;
use netmarks_core::freshness::{Freshness, WhenStale};
use netmarks_core::needs::Needs;
use netmarks_core::request::{Candidates, PendingPod, gather};
use netmarks_core::snapshot::Snapshot;
use netmarks_core::why::{Answered, ExplainedPart, NodeScore, PolicyScores, rank};
use netmarks_engine::PolicyError;
use netmarks_policies::{Comparison, PartScore, PolicySet, Registry, Scored};
use netmarks_sources::state::{ClusterState, MetricsState};
use netmarks_sources::unix_now;
use serde::Serialize;

use crate::decisions::{self, Decision, Decisions, PolicyDecision};
use crate::metrics::Metrics;
use crate::recent::Recent;

/// What the operator may change while pods are being scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoringSettings {
    /// From a share of the best raw score to a share of the top.
    pub map: ScoreMap,
    /// The best node's score.
    pub top: u32,
    /// How long a pod just answered is assumed on its best node.
    pub assume_for: Duration,
    /// Age (seconds) beyond which flows are stale.
    pub max_flow_age: f64,
    /// What stale flows are worth.
    pub when_stale: WhenStale,
}

/// Why an answer names no node. None of these is an error to the scheduler: it decides alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Empty {
    /// All candidates scored the same, for want of peers on them.
    NoPreference,
    /// The metrics source has not answered yet.
    NoMetrics,
    /// Its last answer is too old.
    StaleMetrics,
    /// Every policy failed.
    PolicyFault,
    /// No policy is active.
    NoPolicy,
    /// More requests at once than allowed.
    Overloaded,
    /// The request's own deadline passed.
    Deadline,
}

impl Empty {
    /// As in metric labels and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPreference => "no-preference",
            Self::NoMetrics => "no-metrics",
            Self::StaleMetrics => "stale-metrics",
            Self::PolicyFault => "policy-fault",
            Self::NoPolicy => "no-policy",
            Self::Overloaded => "overloaded",
            Self::Deadline => "deadline",
        }
    }
}

/// An answer, with what is needed to explain it later.
#[derive(Debug)]
pub struct Outcome {
    /// `(candidate, score)` of every candidate with a positive score.
    pub scores: Vec<(u32, u32)>,
    /// Why there is none.
    pub empty: Option<Empty>,
    scored: Scored,
    canary: bool,
    flows_age: Option<f64>,
    snapshot: Arc<Snapshot>,
    set: Arc<PolicySet>,
    assume_for: Duration,
    took: Duration,
}

impl Outcome {
    /// What the candidates are ordered by: what the one policy returned, in its unit; where there are several, the
    /// sum of their weighted shares. Empty if none was asked or all failed.
    #[must_use]
    pub fn raw(&self) -> &[f64] {
        match self.scored.parts.as_slice() {
            [PartScore { result: Ok(scores), .. }] => &scores.raw,
            _ => self.scored.shares().unwrap_or_default(),
        }
    }

    /// The best `limit` nodes with their reasons; `nodes` are those that were scored. With `explained`, also what the
    /// policies say in their own words, for a call per policy and node.
    ///
    /// # Errors
    /// If every policy failed.
    pub fn ranking(
        mut self,
        nodes: &[&str],
        limit: usize,
        explained: bool,
    ) -> Result<Vec<NodeScore>, PolicyError> {
        if self.empty == Some(Empty::PolicyFault)
            && let Some(PartScore { result: Err(fault), .. }) = self.scored.parts.pop()
        {
            return Err(fault);
        }
        let mut ranked = self.rank(nodes, limit);
        for (candidate, node) in ranked.iter_mut().filter(|_| explained) {
            for part in &self.scored.parts {
                node.parts.extend(explain(part, *candidate));
            }
        }
        Ok(ranked.into_iter().map(|(_, node)| node).collect())
    }

    fn rank(&self, nodes: &[&str], limit: usize) -> Vec<(u32, NodeScore)> {
        // Peers are the same whoever asked for them; where nobody did, there are none to show.
        let parts = &self.scored.parts;
        let request = parts.iter().find(|part| part.member.policy.needs().peers).or(parts.first());
        let Some(request) = request.map(|part| &part.request) else { return Vec::new() };
        let policies: Vec<PolicyScores<'_>> = parts.iter().filter_map(policy_scores).collect();
        let limit = if self.scored.shares().is_none() { 0 } else { limit };
        let answered = Answered { names: nodes, raw: self.raw(), scores: &self.scores, policies: &policies };
        rank(request, &answered, limit)
    }
}

fn policy_scores(part: &PartScore) -> Option<PolicyScores<'_>> {
    let scores = part.result.as_ref().ok()?;
    Some(PolicyScores {
        policy: part.member.name.as_str(),
        weight: part.member.settings.weight,
        raw: &scores.raw,
        shares: &scores.shares,
    })
}

/// What a policy says of its own score; one that fails here has scored all the same.
fn explain(part: &PartScore, candidate: u32) -> Vec<ExplainedPart> {
    let policy = part.member.name.as_str();
    match part.member.policy.explain(&part.request, candidate) {
        Ok(parts) => {
            let peer = |index: Option<u32>| part.request.peer_names.get(index? as usize).cloned();
            let explained = |said: netmarks_engine::Part| ExplainedPart {
                policy: policy.to_owned(),
                label: said.label,
                peer: peer(said.peer),
                amount: said.amount,
            };
            parts.into_iter().map(explained).collect()
        }
        Err(fault) => {
            tracing::warn!(policy, fault = chain(&fault), "policy failed to explain its score");
            Vec::new()
        }
    }
}

/// Scores pods by what is live now.
#[derive(Debug)]
pub struct Scorer {
    state: Arc<ClusterState>,
    registry: Registry,
    settings: ArcSwap<ScoringSettings>,
    decisions: Decisions,
    recent: Recent,
    metrics: Arc<Metrics>,
}

impl Scorer {
    /// A scorer by the policies of `registry` that remembers the last `decisions` decisions.
    #[must_use]
    pub fn new(
        state: Arc<ClusterState>,
        registry: Registry,
        settings: ScoringSettings,
        decisions: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (settings, decisions) = (ArcSwap::from_pointee(settings), Decisions::new(decisions));
        Self { state, registry, settings, decisions, recent: Recent::default(), metrics }
    }

    /// Makes other settings the ones in force. Requests under way finish with what they began with.
    pub fn set(&self, settings: ScoringSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> ScoringSettings {
        **self.settings.load()
    }

    /// The policies.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The cluster that it scores by.
    #[must_use]
    pub fn state(&self) -> &Arc<ClusterState> {
        &self.state
    }

    /// The last decisions.
    #[must_use]
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// The last requests.
    #[must_use]
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// The metrics it counts in.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Scores `nodes` for `pod`. Uses one snapshot and one generation from beginning to end.
    #[must_use]
    pub fn decide(&self, pod: &PendingPod, nodes: &[&str]) -> Outcome {
        let started = Instant::now();
        let set = self.registry.current();
        let settings = self.settings();
        let snapshot = self.state.snapshot();
        let (flows_age, freshness, confidence) = self.judge_flows(&snapshot, &settings);
        let workload = || pod.application.as_ref().map_or_else(|| pod.key.clone(), ToString::to_string);
        let (members, canary) = set.members(workload);
        let mut outcome = Outcome {
            scores: Vec::new(),
            empty: None,
            scored: Scored::default(),
            canary,
            flows_age,
            snapshot: snapshot.clone(),
            set: set.clone(),
            assume_for: settings.assume_for,
            took: Duration::ZERO,
        };
        outcome.empty = match freshness {
            _ if nodes.is_empty() => Some(Empty::NoPreference),
            _ if members.is_empty() => Some(Empty::NoPolicy),
            Freshness::Absent => Some(Empty::NoMetrics),
            Freshness::Expired => Some(Empty::StaleMetrics),
            Freshness::Fresh | Freshness::Stale => {
                let candidates = Candidates::new(&snapshot, nodes);
                let assumed = self.state.assumed().resolve(&snapshot, started, &pod.key);
                let gathered = |needs: &Needs| gather(&snapshot, pod, &candidates, needs, &assumed);
                outcome.scored = netmarks_policies::score(members, gathered);
                match outcome.scored.shares() {
                    None => Some(Empty::PolicyFault),
                    Some(shares) => {
                        outcome.scores = compose(shares, settings.map, settings.top, confidence);
                        outcome.scores.is_empty().then_some(Empty::NoPreference)
                    }
                }
            }
        };
        outcome.took = started.elapsed();
        outcome
    }

    /// Assumes the pod on its best node, for the requests that follow the answer.
    pub fn assume(&self, pod: &PendingPod, nodes: &[&str], outcome: &Outcome) {
        let best = outcome.scores.iter().max_by_key(|(_, score)| *score);
        if let Some(application) = &pod.application
            && let Some(node) = best.and_then(|(candidate, _)| nodes.get(*candidate as usize))
        {
            self.state.assumed().assume(&pod.key, application, node, Instant::now(), outcome.assume_for);
        }
    }

    /// Counts an answer that was waited for to the end.
    pub fn count(&self, outcome: &Outcome) {
        self.metrics.answered(outcome.empty, outcome.took);
    }

    /// Everything that follows from a decision whose answer is already on the way: counts the calls of the policies,
    /// leaves the request for the shadows, remembers why.
    pub fn record(&self, pod: PendingPod, nodes: &[&str], outcome: &Outcome) {
        let policies: Vec<PolicyDecision> =
            outcome.scored.parts.iter().map(|part| self.record_call(&pod.key, part)).collect();
        if let Some(shares) = outcome.scored.shares() {
            let compared = self.registry.compare(&outcome.set, |shadows| Comparison {
                snapshot: outcome.snapshot.clone(),
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
        self.decisions.record(Decision {
            at: unix_now(),
            pod: pod.key,
            application: pod.application,
            generation: outcome.set.generation,
            canary: outcome.canary,
            policies,
            candidates: nodes.len(),
            named: outcome.scores.len(),
            empty: outcome.empty,
            flows_age_seconds: outcome.flows_age,
            took_microseconds: u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX),
            nodes: outcome.rank(nodes, decisions::NODES).into_iter().map(|(_, node)| node).collect(),
        });
    }

    fn record_call(&self, pod: &str, part: &PartScore) -> PolicyDecision {
        let policy = part.member.name.as_str();
        let fault = part.result.as_ref().err();
        self.metrics.policy_called(policy, part.took);
        self.registry.count(&part.member, part.took, fault);
        let fault = fault.map(|fault| {
            self.metrics.fault(fault);
            let fault = chain(fault);
            tracing::warn!(pod, fault, "policy fault");
            fault
        });
        PolicyDecision { policy: policy.to_owned(), digest: part.member.policy.digest().to_owned(), fault }
    }

    fn judge_flows(&self, snapshot: &Snapshot, settings: &ScoringSettings) -> (Option<f64>, Freshness, f64) {
        // Without a source that could answer again, flows are as the operator gave them.
        if self.state.readiness().metrics == MetricsState::Absent {
            return (None, Freshness::Fresh, 1.0);
        }
        let age = snapshot.flows_at().map(|at| (unix_now() - at).max(0.0));
        let (freshness, confidence) = settings.when_stale.judge(age, settings.max_flow_age);
        (age, freshness, confidence)
    }
}
