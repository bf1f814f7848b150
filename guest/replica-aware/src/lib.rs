//! What this replica brings: the part of the traffic that stays on a node once one more pod of the application is there.
//!
//!     score(n) = sum over peers X of T(X) * gain(X, n)
//!
//! With m pods of the application expected, o of them on n, M pods of X expected and k of them on n, the gain is
//!
//! - where calls prefer the caller's node: min((o + 1) / m, k / M) - min(o / m, k / M), so that the fifth replica beside one
//!   peer gains nothing;
//! - where calls are spread over all pods: (1 / m) * (k / M).

use netmarks_policy_gain::Gains;
use netmarks_policy_sdk::{Need, Parameter, Part, Policy, Request, export};

/// Most addends that the contract allows.
const MOST_PARTS: usize = 256;

/// The marginal gain of one replica.
#[derive(Debug)]
pub struct ReplicaAware;

impl Policy for ReplicaAware {
    const NAME: &'static str = "replica-aware";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Prefers nodes where one more replica keeps most of its traffic local.";
    /// All but the first are those of [`Gains`].
    const NEEDS: &'static [Need] =
        &[Need::Peers, Need::NodeOwnPods, Need::PeerReplicas, Need::PeerLocalShare, Need::PodReplicas];
    const PARAMETERS: &'static [Parameter] = &[Gains::ROUTING];

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let gains = Gains::read(request)?;
        let mut scores = vec![0.0; request.candidates()];
        for (index, peer) in request.peers().enumerate() {
            for (node, pods) in peer.placements() {
                if let Some(score) = scores.get_mut(node as usize) {
                    *score += peer.traffic() * gains.of(index, node as usize, f64::from(pods));
                }
            }
        }
        Ok(scores)
    }

    fn explain(request: &Request, node: u32) -> Result<Vec<Part>, String> {
        let gains = Gains::read(request)?;
        let parts = (0..).zip(request.peers()).filter_map(|(index, peer)| {
            let pods = peer.pods_on(node);
            let amount = peer.traffic() * gains.of(index as usize, node as usize, f64::from(pods));
            (amount > 0.0).then(|| Part { peer: Some(index), label: "kept on the node".to_owned(), amount })
        });
        Ok(parts.take(MOST_PARTS).collect())
    }
}

export!(ReplicaAware);
