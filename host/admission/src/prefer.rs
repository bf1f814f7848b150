//! What is preferred for a pod: every node that could take it is scored, and the best become terms. It changes nothing.

use netmarks_core::request::PendingPod;
use netmarks_core::snapshot::Snapshot;
use netmarks_scheduler_model::Node;
use netmarks_scoring::{Answer, Empty, Scorer};
use netmarks_state::ClusterState;

use crate::config::AdmissionConfig;
use crate::outcome::Outcome;
use crate::saving::Traffic;
use crate::terms::{HOSTNAME, ScoredNode, Term, ZONE, grade};

/// What decides which nodes are preferred.
#[derive(Clone, Copy, Debug)]
pub struct Preferring<'a> {
    pub config: &'a AdmissionConfig,
    pub scorer: &'a Scorer,
    /// That of the scorer.
    pub state: &'a ClusterState,
}

/// What a pod prefers.
#[derive(Clone, Debug, PartialEq)]
pub struct Preferred {
    /// The best first.
    pub terms: Vec<Term>,
    pub best: String,
}

impl Preferring<'_> {
    /// Whether a pod has no traffic to be near to: then nothing needs to be scored. Most pods of many clusters have none.
    #[must_use]
    pub fn is_without_traffic(self, pod: &PendingPod) -> bool {
        let snapshot = self.state.snapshot();
        traffic(&snapshot, pod).is_none() && snapshot.flows_at().is_some()
    }

    /// The answer of the policies for a pod and the nodes that could take it, and what is made of it.
    pub fn prefer(self, pod: &PendingPod, candidates: &[&Node]) -> (Answer, Result<Preferred, Outcome>) {
        let names: Vec<&str> = candidates.iter().map(|node| node.name.as_str()).collect();
        let answer = self.scorer.decide(pod, &names);
        let preferred = self.preferred(pod, candidates, &answer);
        (answer, preferred)
    }

    fn preferred(
        self,
        pod: &PendingPod,
        candidates: &[&Node],
        answer: &Answer,
    ) -> Result<Preferred, Outcome> {
        let traffic = traffic(answer.snapshot(), pod);
        match answer.empty {
            Some(Empty::NoPreference) if traffic.is_none() => return Err(Outcome::NoTraffic),
            Some(empty) => return Err(empty.into()),
            None if answer.confidence < 1.0 => return Err(Outcome::StaleMetrics),
            None => {}
        }
        let (Some(traffic), Some(shares)) = (traffic, answer.shares()) else {
            return Err(Outcome::NoTraffic);
        };
        let scored = candidates.iter().zip(shares).map(|(node, share)| ScoredNode {
            name: &node.name,
            hostname: label(node, HOSTNAME),
            share: *share,
        });
        let scored: Vec<ScoredNode<'_>> = scored.collect();
        let Some(best) =
            scored.iter().copied().reduce(|best, node| if node.share > best.share { node } else { best })
        else {
            return Err(Outcome::NoNode);
        };
        let best = best.name.to_owned();
        if traffic.with_node(&best) < self.config.min_saved_bytes_per_second {
            return Err(Outcome::LittleToSave);
        }
        let terms = grade(scored, zone(answer, &traffic, candidates), &self.config.grading());
        if terms.is_empty() { Err(Outcome::NoPreference) } else { Ok(Preferred { terms, best }) }
    }
}

fn traffic<'a>(snapshot: &'a Snapshot, pod: &PendingPod) -> Option<Traffic<'a>> {
    Traffic::of(snapshot, pod.application.as_ref()?, &pod.expected)
}

/// The zone that most of the pod's traffic is in, if a node there could take it and one elsewhere could, too.
fn zone<'a>(answer: &Answer, traffic: &Traffic<'_>, candidates: &[&'a Node]) -> Option<&'a str> {
    let snapshot = answer.snapshot();
    let zones = traffic.by_zone();
    let bytes = |node: &Node| {
        let zone = snapshot.names().id(&node.name).map(|id| snapshot.node(id).zone)?;
        zones.get(&zone).copied()
    };
    let with_bytes = candidates.iter().filter_map(|node| Some((*node, bytes(node)?)));
    let (best, _) = with_bytes.max_by(|(_, left), (_, right)| left.total_cmp(right))?;
    let zone = label(best, ZONE)?;
    candidates.iter().any(|node| label(node, ZONE) != Some(zone)).then_some(zone)
}

/// A label, if it is not empty.
fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.labels.get(key).map(String::as_str).filter(|value| !value.is_empty())
}
