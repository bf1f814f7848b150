//! The NetMARKS score: put a pod where the applications it talks to run.
//!
//!     score(P, n) = sum over applications X of (F(P, X) + F(X, P)) * (pods of X running or starting on n)
//!
//! in bytes per second times pods, after Wojciechowski et al., "NetMARKS: Network Metrics-AwaRe Kubernetes Scheduler
//! Powered by Service Mesh", IEEE INFOCOM 2021.

use netmarks_policy_sdk::{Need, Part, Policy, Request, export};

/// The paper's score, without parameters.
#[derive(Debug)]
pub struct NetMarks;

impl Policy for NetMarks {
    const NAME: &'static str = "netmarks";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Prefers nodes that run the pods this application exchanges most bytes with.";
    const NEEDS: &'static [Need] = &[Need::Peers];

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let mut scores = vec![0.0; request.candidates()];
        for peer in request.peers() {
            let traffic = peer.traffic();
            for (node, pods) in peer.placements() {
                if let Some(score) = scores.get_mut(node as usize) {
                    *score += traffic * f64::from(pods);
                }
            }
        }
        Ok(scores)
    }

    fn explain(request: &Request, node: u32) -> Result<Vec<Part>, String> {
        let parts = (0..).zip(request.peers()).filter_map(|(index, peer)| {
            let pods = peer.pods_on(node);
            let amount = peer.traffic() * f64::from(pods);
            (pods > 0).then(|| Part { peer: Some(index), label: "traffic".to_owned(), amount })
        });
        // The heaviest peers come first, so what the contract's limit cuts off is the least of it.
        Ok(parts.take(256).collect())
    }
}

export!(NetMarks);

#[cfg(test)]
mod tests;
