//! An answer for one pod, and how it is explained.

use std::sync::Arc;
use std::time::Duration;

use netmarks_core::errors::chain;
use netmarks_core::snapshot::Snapshot;
use netmarks_core::why::{Answered, ExplainedPart, NodeScore, PolicyScores, rank};
use netmarks_engine::PolicyError;
use netmarks_policies::{PartScore, PolicySet, Scored};

use crate::empty::Empty;

/// An answer, with what is needed to explain it later.
#[derive(Debug)]
pub struct Answer {
    /// `(candidate, score)` of every candidate with a positive score.
    pub scores: Vec<(u32, u32)>,
    /// Why no candidate has one.
    pub empty: Option<Empty>,
    pub(crate) scored: Scored,
    /// Whether the canary answered.
    pub(crate) canary: bool,
    /// What its scores were multiplied by: below 1 while flows are going stale.
    pub confidence: f64,
    /// In seconds; `None` where no source could answer again.
    pub(crate) flows_age: Option<f64>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) set: Arc<PolicySet>,
    pub(crate) took: Duration,
}

impl Answer {
    /// What the candidates are ordered by: what the one policy returned, in its unit; where there are several, the
    /// sum of their weighted shares. Empty if none was asked or all failed.
    #[must_use]
    pub fn raw(&self) -> &[f64] {
        match self.scored.parts.as_slice() {
            [PartScore { result: Ok(scores), .. }] => &scores.raw,
            _ => self.scored.shares().unwrap_or_default(),
        }
    }

    /// The share of each candidate, 0 to 1, before it becomes a score; `None` if no policy was asked or all failed.
    #[must_use]
    pub fn shares(&self) -> Option<&[f64]> {
        self.scored.shares()
    }

    /// The cluster that it was made by.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The policies that answered, as `name@revision`, in order of name.
    #[must_use]
    pub fn policy_set(&self) -> String {
        let answered = self.scored.parts.iter().filter(|part| part.result.is_ok());
        let names: Vec<String> =
            answered.map(|part| format!("{}@{}", part.member.name, part.member.id)).collect();
        names.join(",")
    }

    /// How many policies failed.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.scored.parts.iter().filter(|part| part.result.is_err()).count()
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

    pub(crate) fn rank(&self, nodes: &[&str], limit: usize) -> Vec<(u32, NodeScore)> {
        // Peers are the same whoever asked for them; where nobody did, no peers can be shown.
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
            tracing::warn!(policy, error = chain(&fault), "policy failed to explain its score");
            Vec::new()
        }
    }
}
