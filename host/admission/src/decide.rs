//! From a review to the patch: one function, without anything that it changes.

use netmarks_core::application::Naming;
use netmarks_scoring::{Answer, Empty, Scorer, bounds};
use netmarks_state::ClusterState;
use serde_json::Value;

use crate::candidates::{Candidate, Model};
use crate::config::{AdmissionConfig, Mode};
use crate::left_alone::left_alone;
use crate::outcome::Outcome;
use crate::patch::{DECISION, POLICY_SET, patch};
use crate::review::Review;
use crate::reviewed::ReviewedPod;
use crate::saving::Traffic;
use crate::terms::{ScoredNode, Term, grade};

/// What is asked for a decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deciding<'a> {
    pub(crate) config: &'a AdmissionConfig,
    pub(crate) scorer: &'a Scorer,
    pub(crate) state: &'a ClusterState,
    pub(crate) model: &'a Model,
    pub(crate) naming: Naming,
}

/// What is answered for a pod, and why.
#[derive(Debug)]
pub struct Decided {
    pub outcome: Outcome,
    /// What is added to the pod; with [`Outcome::Previewed`], what would be.
    pub patch: Vec<Value>,
    /// What it prefers, the best first.
    pub terms: Vec<Term>,
    /// The pod, if it is one.
    pub(crate) pod: Option<ReviewedPod>,
    /// The best node, if it is preferred.
    pub(crate) best: Option<String>,
    /// The answer of the policies, and the nodes that they scored.
    pub(crate) answer: Option<(Answer, Vec<Candidate>)>,
}

impl Decided {
    fn unpatched(outcome: Outcome, pod: Option<ReviewedPod>) -> Self {
        Self { outcome, patch: Vec::new(), terms: Vec::new(), pod, best: None, answer: None }
    }

    /// Whether the pod is to be taken as on its way to the best node.
    pub(crate) fn is_preferred(&self) -> bool {
        matches!(self.outcome, Outcome::Patched | Outcome::Previewed)
    }
}

impl Deciding<'_> {
    pub(crate) fn decide(self, review: &Review) -> Decided {
        let Ok(pod) = ReviewedPod::new(&review.pod, &review.namespace, self.naming) else {
            return Decided::unpatched(Outcome::NotAPod, None);
        };
        if let Some(outcome) = left_alone(&pod, self.config) {
            return Decided::unpatched(outcome, Some(pod));
        }
        // The API server looks at names only after webhooks; what is longer than it takes is not kept.
        if bounds::check(&pod.pending, &[]).is_err() {
            return Decided::unpatched(Outcome::TooLarge, Some(pod));
        }
        // Most pods of many clusters have none, and cost no more than this.
        let snapshot = self.state.snapshot();
        let application = pod.pending.application.as_ref();
        let traffic = application.and_then(|name| Traffic::of(&snapshot, name.as_str()));
        if traffic.is_none() && snapshot.flows_at().is_some() {
            return Decided::unpatched(Outcome::NoTraffic, Some(pod));
        }
        let Some(candidates) = self.model.candidates(&pod.model) else {
            return Decided::unpatched(Outcome::NotReady, Some(pod));
        };
        if candidates.is_empty() {
            return Decided::unpatched(Outcome::NoNode, Some(pod));
        }
        let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        let answer = self.scorer.decide(&pod.pending, &names);
        let mut decided = Decided::unpatched(Outcome::NoPreference, Some(pod));
        decided.outcome = self.prefer(review, &mut decided, &answer, &candidates);
        decided.answer = Some((answer, candidates));
        decided
    }

    /// Writes what is preferred into `decided`; returns what came of it.
    fn prefer(
        self,
        review: &Review,
        decided: &mut Decided,
        answer: &Answer,
        candidates: &[Candidate],
    ) -> Outcome {
        let application = decided.pod.as_ref().and_then(|pod| pod.pending.application.as_ref());
        let traffic = application.and_then(|name| Traffic::of(answer.snapshot(), name.as_str()));
        match answer.empty {
            Some(Empty::NoPreference) if traffic.is_none() => return Outcome::NoTraffic,
            Some(empty) => return empty.into(),
            None if answer.confidence < 1.0 => return Outcome::StaleMetrics,
            None => {}
        }
        let (Some(traffic), Some(shares)) = (traffic, answer.shares()) else { return Outcome::NoTraffic };
        let scored = candidates.iter().zip(shares).map(|(candidate, share)| ScoredNode {
            name: &candidate.name,
            hostname: candidate.hostname.as_deref(),
            share: *share,
        });
        let scored: Vec<ScoredNode<'_>> = scored.collect();
        let Some(best) =
            scored.iter().copied().reduce(|best, node| if node.share > best.share { node } else { best })
        else {
            return Outcome::NoNode;
        };
        let best = best.name.to_owned();
        if traffic.with_node(&best) < self.config.min_saved_bytes_per_second {
            return Outcome::LittleToSave;
        }
        let terms = grade(scored, zone(answer, &traffic, candidates), &self.config.grading());
        if terms.is_empty() {
            return Outcome::NoPreference;
        }
        let annotations = [(DECISION, review.uid.clone()), (POLICY_SET, answer.policy_set())];
        let Some(patch) = patch(&review.pod, &terms, &annotations) else { return Outcome::NoRoom };
        (decided.patch, decided.terms, decided.best) = (patch, terms, Some(best));
        match self.config.mode {
            Mode::Apply => Outcome::Patched,
            Mode::Preview => Outcome::Previewed,
        }
    }
}

/// The zone that most of the pod's traffic is in, if a node there could take it and one elsewhere could, too.
fn zone<'a>(answer: &Answer, traffic: &Traffic<'_>, candidates: &'a [Candidate]) -> Option<&'a str> {
    let snapshot = answer.snapshot();
    let zones = traffic.by_zone();
    let bytes = |candidate: &Candidate| {
        let zone = snapshot.names().id(&candidate.name).map(|id| snapshot.node(id).zone)?;
        zones.get(&zone).copied()
    };
    let with_bytes = candidates.iter().filter_map(|candidate| Some((candidate, bytes(candidate)?)));
    let (best, _) = with_bytes.max_by(|(_, left), (_, right)| left.total_cmp(right))?;
    let zone = best.zone.as_deref()?;
    candidates.iter().any(|candidate| candidate.zone.as_deref() != Some(zone)).then_some(zone)
}
