//! Why a node scored what it did: the types behind `GET /v1/decisions` and `netmarks score`.
//!
//! Apart from scoring, which never waits for it: reasons are worked out after the answer is on its way.

use serde::Serialize;

use crate::application::Application;
use crate::request::PolicyRequest;

/// What one peer adds to one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeerShare {
    /// The peer.
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

/// One node of an answer, with its reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeScore {
    /// The node.
    pub node: String,
    /// What kube-scheduler is told: 0 to the top of the scale.
    pub score: u32,
    /// What the policy returned, in the policy's own unit (bytes per second for NetMARKS).
    pub raw: f64,
    /// The peers on the node, the largest weight first.
    pub peers: Vec<PeerShare>,
}

/// The best `limit` nodes with their scores and peers, best first; nodes that are equal are in order of name.
///
/// `scores` is what [`crate::compose::compose`] made of `raw`; `names` are the candidates' names.
#[must_use]
pub fn rank(
    request: &PolicyRequest,
    names: &[&str],
    raw: &[f64],
    scores: &[(u32, u32)],
    limit: usize,
) -> Vec<NodeScore> {
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
    let mut best: Vec<NodeScore> = Vec::with_capacity(order.len());
    for (rank, (position, raw, name)) in order.into_iter().enumerate() {
        if let Some(slot) = ranks.get_mut(position) {
            *slot = Some(rank);
        }
        let score = score_of.get(position).copied().unwrap_or(0);
        best.push(NodeScore { node: name.to_owned(), score, raw, peers: Vec::new() });
    }
    let flows = request.peers.outbound.iter().zip(&request.peers.inbound);
    for (peer, (application, (outbound, inbound))) in request.peer_names.iter().zip(flows).enumerate() {
        for (node, pods) in request.peers.placement(peer) {
            let rank = ranks.get(node as usize).copied().flatten();
            if let Some(node) = rank.and_then(|rank| best.get_mut(rank)) {
                node.peers.push(PeerShare {
                    application: application.clone(),
                    pods,
                    outbound_bytes_per_second: *outbound,
                    inbound_bytes_per_second: *inbound,
                });
            }
        }
    }
    for node in &mut best {
        node.peers.sort_by(|left, right| right.weight().total_cmp(&left.weight()));
    }
    best
}
