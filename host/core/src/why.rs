//! Why a node scored what it did: the types behind `GET /v1/decisions` and `netmarks score`.
//!
//! Scoring never waits for them: reasons are worked out after the answer is on its way.

use serde::Serialize;
use utoipa::ToSchema;

use crate::application::Application;
use crate::request::PolicyRequest;

/// What one peer adds to one node.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PeerShare {
    #[schema(value_type = String)]
    pub application: Application,
    /// Its pods on the node.
    pub pods: u32,
    /// Calls made to the peer, in bytes per second.
    pub outbound_bytes_per_second: f64,
    /// Calls made by the peer, in bytes per second.
    pub inbound_bytes_per_second: f64,
}

impl PeerShare {
    /// Both directions, times the pods on the node: what the paper's score adds for it.
    #[must_use]
    pub fn weight(&self) -> f64 {
        (self.outbound_bytes_per_second + self.inbound_bytes_per_second) * f64::from(self.pods)
    }
}

/// What one policy said of one node.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PolicyShare {
    pub policy: String,
    /// Relative to the others'.
    pub weight: f64,
    /// What it returned, in its own unit.
    pub raw: f64,
    /// What that became, 0 to 1; times the weight, it is its part of the whole.
    pub share: f64,
}

/// One addend of a node's score, in the words of the policy that made it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExplainedPart {
    pub policy: String,
    /// What the addend is.
    pub label: String,
    /// The peer that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub peer: Option<Application>,
    /// How much it is, in the unit of the policy's raw score.
    pub amount: f64,
}

/// One node of an answer, with its reasons.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NodeScore {
    pub node: String,
    /// What kube-scheduler is told: 0 to the top of the scale.
    pub score: u32,
    /// What the policy returned, in its own unit (bytes per second for NetMARKS); where several answer, the sum of
    /// their weighted shares, 0 to 1.
    pub raw: f64,
    /// Each policy's part, where several answer; one alone is `raw`.
    #[serde(skip_serializing_if = "is_alone")]
    pub policies: Vec<PolicyShare>,
    /// What the policies themselves say of it; only where somebody asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ExplainedPart>,
    /// The peers on the node, the largest weight first.
    pub peers: Vec<PeerShare>,
}

fn is_alone(policies: &[PolicyShare]) -> bool {
    policies.len() < 2
}

/// The scores of one policy for all candidates.
#[derive(Clone, Copy, Debug)]
pub struct PolicyScores<'a> {
    pub policy: &'a str,
    /// Relative to the others'.
    pub weight: f64,
    /// As returned, in the policy's own unit.
    pub raw: &'a [f64],
    /// 0 to 1.
    pub shares: &'a [f64],
}

/// What one request came to, for all candidates.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// As the scheduler sent them.
    pub names: &'a [&'a str],
    /// What they are ordered by: see [`NodeScore::raw`].
    pub raw: &'a [f64],
    /// What [`crate::compose::compose`] made of it.
    pub scores: &'a [(u32, u32)],
    pub policies: &'a [PolicyScores<'a>],
}

/// The best `limit` nodes with their scores and peers, best first; nodes that are equal are in order of name. Each
/// comes with its position among the candidates.
#[must_use]
pub fn rank(request: &PolicyRequest, answered: &Answered<'_>, limit: usize) -> Vec<(u32, NodeScore)> {
    let Answered { names, raw, scores, policies } = *answered;
    let mut score_of = vec![0; names.len()];
    for (candidate, score) in scores {
        if let Some(slot) = score_of.get_mut(*candidate as usize) {
            *slot = *score;
        }
    }
    let mut order: Vec<(usize, f64, &str)> =
        names.iter().zip(raw).enumerate().map(|(position, (name, raw))| (position, *raw, *name)).collect();
    let by_rank = |left: &(usize, f64, &str), right: &(usize, f64, &str)| {
        right.1.total_cmp(&left.1).then(left.2.cmp(right.2))
    };
    if limit < order.len() && limit > 0 {
        order.select_nth_unstable_by(limit - 1, by_rank);
    }
    order.truncate(limit);
    order.sort_by(by_rank);

    let mut ranks = vec![None; names.len()];
    let mut best: Vec<(u32, NodeScore)> = Vec::with_capacity(order.len());
    for (rank, (position, raw, name)) in order.into_iter().enumerate() {
        if let Some(slot) = ranks.get_mut(position) {
            *slot = Some(rank);
        }
        let score = score_of.get(position).copied().unwrap_or(0);
        let policies = policies.iter().map(|policy| policy.at(position)).collect();
        let node =
            NodeScore { node: name.to_owned(), score, raw, policies, parts: Vec::new(), peers: Vec::new() };
        best.push((u32::try_from(position).unwrap_or(u32::MAX), node));
    }
    let flows = request.peers.outbound.iter().zip(&request.peers.inbound);
    for (peer, (application, (outbound, inbound))) in request.peer_names.iter().zip(flows).enumerate() {
        for (node, pods) in request.peers.placement(peer) {
            let rank = ranks.get(node as usize).copied().flatten();
            if let Some((_, node)) = rank.and_then(|rank| best.get_mut(rank)) {
                node.peers.push(PeerShare {
                    application: application.clone(),
                    pods,
                    outbound_bytes_per_second: *outbound,
                    inbound_bytes_per_second: *inbound,
                });
            }
        }
    }
    for (_, node) in &mut best {
        node.peers.sort_by(|left, right| right.weight().total_cmp(&left.weight()));
    }
    best
}

impl PolicyScores<'_> {
    fn at(&self, position: usize) -> PolicyShare {
        let at = |values: &[f64]| values.get(position).copied().unwrap_or(0.0);
        PolicyShare {
            policy: self.policy.to_owned(),
            weight: self.weight,
            raw: at(self.raw),
            share: at(self.shares),
        }
    }
}
