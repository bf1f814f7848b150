//! One decision from beginning to end: snapshot, policy, scores, reasons.
//!
//! Apart from HTTP and from the extender's own types, so that another front door can use it. Everything here runs
//! on a blocking thread: a policy may take its whole deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use netmarks_core::compose::{ScoreMap, compose};
use netmarks_core::errors::chain;
use netmarks_core::freshness::{Freshness, WhenStale};
use netmarks_core::request::{Candidates, PendingPod, PolicyRequest, gather};
use netmarks_core::snapshot::Snapshot;
use netmarks_core::why::{NodeScore, rank};
use netmarks_engine::{Policy, PolicyError};
use netmarks_sources::state::{ClusterState, MetricsState};
use netmarks_sources::unix_now;
use serde::Serialize;

use crate::decisions::{self, Decision, Decisions};
use crate::metrics::Metrics;

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

/// What answers at the moment: one immutable generation, swapped whole.
#[derive(Debug)]
pub struct Live {
    /// Grows by one with each change.
    pub generation: u64,
    /// The policy.
    pub policy: Arc<Policy>,
    /// How its raw scores become the scheduler's.
    pub settings: ScoringSettings,
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
    /// The policy failed.
    PolicyFault,
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
    raw: Vec<f64>,
    request: PolicyRequest,
    fault: Option<PolicyError>,
    flows_age: Option<f64>,
    live: Arc<Live>,
    took: Duration,
}

impl Outcome {
    /// What the policy returned, per candidate, in the policy's unit; empty if it was not asked or failed.
    #[must_use]
    pub fn raw(&self) -> &[f64] {
        &self.raw
    }

    /// The best `limit` nodes with their reasons; `nodes` are those that were scored.
    ///
    /// # Errors
    /// If the policy failed.
    pub fn ranking(self, nodes: &[&str], limit: usize) -> Result<Vec<NodeScore>, PolicyError> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(rank(&self.request, nodes, &self.raw, &self.scores, limit)),
        }
    }
}

/// Scores pods by what is live now.
#[derive(Debug)]
pub struct Scorer {
    state: Arc<ClusterState>,
    live: ArcSwap<Live>,
    decisions: Decisions,
    metrics: Arc<Metrics>,
}

impl Scorer {
    /// A scorer that starts with `live` and remembers the last `decisions` decisions.
    #[must_use]
    pub fn new(state: Arc<ClusterState>, live: Live, decisions: usize, metrics: Arc<Metrics>) -> Self {
        metrics.live(&live);
        Self { state, live: ArcSwap::from_pointee(live), decisions: Decisions::new(decisions), metrics }
    }

    /// What is live.
    #[must_use]
    pub fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Makes another policy or other settings live. Requests under way finish with what they began with.
    pub fn replace(&self, policy: Arc<Policy>, settings: ScoringSettings) -> u64 {
        let generation = self.live.load().generation + 1;
        let live = Live { generation, policy, settings };
        self.metrics.live(&live);
        self.live.store(Arc::new(live));
        generation
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

    /// The metrics it counts in.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Scores `nodes` for `pod`. Uses one snapshot and one generation from beginning to end.
    #[must_use]
    pub fn decide(&self, pod: &PendingPod, nodes: &[&str]) -> Outcome {
        let started = Instant::now();
        let live = self.live.load_full();
        let snapshot = self.state.snapshot();
        let settings = live.settings;
        let (flows_age, freshness, confidence) = self.judge_flows(&snapshot, &settings);

        let candidates = Candidates::new(&snapshot, nodes);
        let assumed = self.state.assumed().resolve(&snapshot, started, &pod.key);
        let request = gather(&snapshot, pod, &candidates, live.policy.needs(), &assumed);
        let mut outcome = Outcome {
            scores: Vec::new(),
            empty: None,
            raw: Vec::new(),
            request,
            fault: None,
            flows_age,
            live,
            took: Duration::ZERO,
        };
        match freshness {
            _ if nodes.is_empty() => outcome.empty = Some(Empty::NoPreference),
            Freshness::Absent => outcome.empty = Some(Empty::NoMetrics),
            Freshness::Expired => outcome.empty = Some(Empty::StaleMetrics),
            Freshness::Fresh | Freshness::Stale => match self.call(&outcome) {
                Ok(raw) => {
                    outcome.scores = compose(&raw, settings.map, settings.top, confidence);
                    outcome.raw = raw;
                    outcome.empty = outcome.scores.is_empty().then_some(Empty::NoPreference);
                }
                Err(fault) => {
                    outcome.fault = Some(fault);
                    outcome.empty = Some(Empty::PolicyFault);
                }
            },
        }
        outcome.took = started.elapsed();
        outcome
    }

    /// Assumes the pod on its best node, for the requests that follow the answer.
    pub fn assume(&self, pod: &PendingPod, nodes: &[&str], outcome: &Outcome) {
        let best = outcome.scores.iter().max_by_key(|(_, score)| *score);
        if let Some(application) = &pod.application
            && let Some(node) = best.and_then(|(candidate, _)| nodes.get(*candidate as usize))
        {
            let lifetime = outcome.live.settings.assume_for;
            self.state.assumed().assume(&pod.key, application, node, Instant::now(), lifetime);
        }
    }

    /// Counts an answer that was waited for to the end.
    pub fn count(&self, outcome: &Outcome) {
        self.metrics.answered(outcome.empty, outcome.took);
    }

    /// Logs and remembers a decision. Called when its answer is already on the way.
    pub fn record(&self, pod: PendingPod, nodes: &[&str], outcome: &Outcome) {
        let fault = outcome.fault.as_ref().map(|fault| {
            self.metrics.fault(fault);
            let fault = chain(fault);
            tracing::warn!(pod = pod.key, fault, "policy fault, answered without scores");
            fault
        });
        if !self.decisions.enabled() {
            return;
        }
        let limit = if outcome.raw.is_empty() { 0 } else { decisions::NODES };
        self.decisions.record(Decision {
            at: unix_now(),
            pod: pod.key,
            application: pod.application,
            policy: outcome.live.policy.name().to_owned(),
            digest: outcome.live.policy.digest().to_owned(),
            generation: outcome.live.generation,
            candidates: nodes.len(),
            named: outcome.scores.len(),
            empty: outcome.empty,
            fault,
            flows_age_seconds: outcome.flows_age,
            took_microseconds: u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX),
            nodes: rank(&outcome.request, nodes, &outcome.raw, &outcome.scores, limit),
        });
    }

    fn call(&self, outcome: &Outcome) -> Result<Vec<f64>, PolicyError> {
        let started = Instant::now();
        let result = outcome.live.policy.score(&outcome.request);
        self.metrics.policy_called(started.elapsed());
        result
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
