//! Policies as kube-scheduler's extender, without HTTP between: one scorer over a cluster state that follows the placement.

use std::sync::Arc;

use netmarks_core::facts::PodFacts;
use netmarks_core::needs::ColumnNeed;
use netmarks_core::request::PendingPod;
use netmarks_policies::Registry;
use netmarks_scoring::{Decisions, Scorer, ScoringConfig, ScoringMetrics};
use netmarks_state::ClusterState;

use crate::world::World;

/// Scores nodes as `netmarks serve` does.
pub(crate) struct PolicyExtender<'w> {
    pub(crate) state: Arc<ClusterState>,
    pub(crate) scorer: Scorer,
    names: Vec<&'w str>,
    /// Decisions for which a policy failed.
    pub(crate) faults: u64,
    /// Names of the candidates of the decision under way.
    asked: Vec<&'w str>,
}

impl<'w> PolicyExtender<'w> {
    pub(crate) fn new(world: &'w World, registry: &Registry, config: &ScoringConfig) -> Self {
        let mut index = world.index();
        if registry.current().asks_for(ColumnNeed::NodeTarget) {
            index.replace_target(world.target());
        }
        let state = Arc::new(ClusterState::fixed(index));
        let metrics = ScoringMetrics::new(&mut prometheus_client::registry::Registry::default());
        let decisions = Arc::new(Decisions::new(0));
        let scorer =
            Scorer::new(state.clone(), registry.clone(), config.clone(), decisions, Arc::new(metrics));
        let names = world.nodes.iter().map(|node| node.name.as_str()).collect();
        Self { state, scorer, names, faults: 0, asked: Vec::new() }
    }

    pub(crate) fn bind(&self, key: &str, pod: &PendingPod, node: usize) {
        self.state.update(|index| {
            index.apply_pod(&PodFacts {
                key: key.to_owned(),
                application: pod.application.clone(),
                node: self.names.get(node).map(|name| (*name).to_owned()),
                gone: false,
                requests: pod.requests,
                confined: false,
                revision: pod.revision(),
            });
        });
    }

    pub(crate) fn delete(&self, key: &str) {
        self.state.update(|index| index.delete_pod(key));
    }

    /// The scores of the candidates, as the protocol carries them; none if the answer is empty.
    pub(crate) fn scores(&mut self, pod: &PendingPod, candidates: &[usize], scores: &mut Vec<i64>) {
        self.asked.clear();
        self.asked.extend(candidates.iter().map(|node| self.names.get(*node).copied().unwrap_or_default()));
        let answer = self.scorer.decide(pod, &self.asked);
        if answer.faults() > 0 {
            self.faults += 1;
        }
        if answer.scores.is_empty() {
            return;
        }
        scores.resize(candidates.len(), 0);
        for (candidate, score) in &answer.scores {
            if let Some(slot) = scores.get_mut(*candidate as usize) {
                *slot = i64::from(*score);
            }
        }
    }
}
