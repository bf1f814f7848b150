//! The NetMARKS score in native Rust: the yardstick for the component, in its tests and benchmarks.
//!
//! Never used to answer a request: what answers is always a policy.

use crate::request::PolicyRequest;

/// `score(P, n) = sum over X of (F(P,X) + F(X,P)) * (pods of X on n)`, per candidate (Wojciechowski et al.,
/// "NetMARKS", IEEE INFOCOM 2021).
#[must_use]
pub fn netmarks_score(request: &PolicyRequest) -> Vec<f64> {
    let mut scores = vec![0.0; request.candidates as usize];
    let weights = request.peers.outbound.iter().zip(&request.peers.inbound).map(|(out, inn)| out + inn);
    for (peer, weight) in weights.enumerate() {
        for (node, pods) in request.peers.placement(peer) {
            if let Some(score) = scores.get_mut(node as usize) {
                *score += weight * f64::from(pods);
            }
        }
    }
    scores
}
