//! From a review to the patch: one function, without anything that it changes.

use netmarks_core::application::Naming;
use netmarks_scheduler_model::{FeasibleNodes, Node};
use netmarks_scoring::{Answer, Scorer, bounds};
use netmarks_state::ClusterState;
use serde_json::Value;

use crate::candidates::Model;
use crate::config::{AdmissionConfig, Mode};
use crate::left_alone::left_alone;
use crate::outcome::Outcome;
use crate::patch::{DECISION, POLICY_SET, PREFERRED_NODE, patch};
use crate::prefer::{Preferred, Preferring};
use crate::review::Review;
use crate::reviewed::ReviewedPod;
use crate::terms::Term;

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
    pub(crate) answer: Option<(Answer, FeasibleNodes)>,
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
        let mirror = pod.mirror.then_some(Outcome::Mirror);
        if let Some(outcome) = mirror.or_else(|| left_alone(&pod.model, self.config)) {
            return Decided::unpatched(outcome, Some(pod));
        }
        // The API server looks at names only after webhooks; what is longer than it takes is not kept.
        if bounds::check(&pod.pending, &[]).is_err() {
            return Decided::unpatched(Outcome::TooLarge, Some(pod));
        }
        let Self { config, scorer, state, .. } = self;
        let preferring = Preferring { config, scorer, state };
        if preferring.is_without_traffic(&pod.pending) {
            return Decided::unpatched(Outcome::NoTraffic, Some(pod));
        }
        let Some(candidates) = self.model.candidates(&pod.model) else {
            return Decided::unpatched(Outcome::NotReady, Some(pod));
        };
        let nodes: Vec<&Node> = candidates.nodes().collect();
        if nodes.is_empty() {
            return Decided::unpatched(Outcome::NoNode, Some(pod));
        }
        let (answer, preferred) = preferring.prefer(&pod.pending, &nodes);
        let patched = preferred.and_then(|Preferred { terms, best }| {
            let annotations = [
                (DECISION, review.uid.clone()),
                (POLICY_SET, answer.policy_set()),
                (PREFERRED_NODE, best.clone()),
            ];
            let patch = patch(&review.pod, &terms, &annotations).ok_or(Outcome::NoRoom)?;
            Ok((patch, terms, best))
        });
        let mut decided = Decided::unpatched(Outcome::NoPreference, Some(pod));
        match patched {
            Ok((patch, terms, best)) => {
                (decided.patch, decided.terms, decided.best) = (patch, terms, Some(best));
                decided.outcome = match self.config.mode {
                    Mode::Apply => Outcome::Patched,
                    Mode::Preview => Outcome::Previewed,
                };
            }
            Err(outcome) => decided.outcome = outcome,
        }
        decided.answer = Some((answer, candidates));
        decided
    }
}
