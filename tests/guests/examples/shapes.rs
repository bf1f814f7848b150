//! The NetMARKS score in three shapes of contract; see wit/shapes.wit.
//!
//! It depends on the SDK for its allocator only: the shapes are measured with what policies run with.

use std::collections::HashMap;

use netmarks_policy_sdk as _;

use bindings::bench::shapes::cluster;
use bindings::exports::bench::shapes::{pull, push_columns, push_records};

#[allow(missing_docs, unsafe_code, unreachable_pub)]
mod bindings {
    wit_bindgen::generate!({ path: "shapes/wit", world: "shapes" });

    use super::Shapes;
    export!(Shapes);
}

struct Shapes;

impl push_columns::Guest for Shapes {
    fn score(request: push_columns::Request) -> Vec<f64> {
        let mut scores = vec![0.0; request.candidates as usize];
        let traffic = request.outbound.iter().zip(&request.inbound);
        for ((outbound, inbound), row) in traffic.zip(request.first.windows(2)) {
            let &[start, end] = row else { continue };
            let row = start as usize..end as usize;
            let nodes = request.node.get(row.clone()).unwrap_or_default();
            let pods = request.pods.get(row).unwrap_or_default();
            add(&mut scores, outbound + inbound, nodes, pods);
        }
        scores
    }
}

impl push_records::Guest for Shapes {
    fn score(request: push_records::Request) -> Vec<f64> {
        let positions: HashMap<&str, usize> =
            request.nodes.iter().enumerate().map(|(position, name)| (name.as_str(), position)).collect();
        let mut scores = vec![0.0; request.nodes.len()];
        for peer in &request.peers {
            let traffic = peer.outbound + peer.inbound;
            for placement in &peer.placements {
                let position = positions.get(placement.node.as_str());
                if let Some(score) = position.and_then(|position| scores.get_mut(*position)) {
                    *score += traffic * f64::from(placement.pods);
                }
            }
        }
        scores
    }
}

impl pull::Guest for Shapes {
    fn score(candidates: u32, peers: u32) -> Vec<f64> {
        let mut scores = vec![0.0; candidates as usize];
        for index in 0..peers {
            let peer = cluster::get_peer(index);
            add(&mut scores, peer.outbound + peer.inbound, &peer.node, &peer.pods);
        }
        scores
    }
}

fn add(scores: &mut [f64], traffic: f64, nodes: &[u32], pods: &[u32]) {
    for (node, pods) in nodes.iter().zip(pods) {
        if let Some(score) = scores.get_mut(*node as usize) {
            *score += traffic * f64::from(*pods);
        }
    }
}
