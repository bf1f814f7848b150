//! The same conformance cases on every build of the NetMARKS policy, against the same score in native Rust.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use crate::support::{guest, load, worked_example};
use netmarks_core::application::Application;
use netmarks_core::native::netmarks_score;
use netmarks_core::request::{Peers, PolicyRequest};
use netmarks_engine::{Description, Part, Policy};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The committed build, the one made from source just now, and the one that cargo-component made.
fn builds() -> Vec<Policy> {
    let committed = include_bytes!("../../../policies/netmarks.wasm").to_vec();
    [
        ("committed", committed),
        ("cargo", guest("netmarks")),
        ("cargo-component", guest("netmarks-cargo-component")),
    ]
    .map(|(name, bytes)| load(name, &bytes).unwrap())
    .into()
}

#[test]
fn it_says_what_it_is() {
    for policy in builds() {
        let Description { name, needs, parameters, .. } = policy.description();
        assert_eq!(
            (name.as_str(), needs.as_slice(), parameters.len()),
            ("netmarks", &["peers".to_owned()][..], 0)
        );
        assert!(policy.digest().starts_with("sha256:") && policy.digest().len() == 71);
    }
}

#[test]
fn the_worked_example_scores_80_110_160_0() {
    for policy in builds() {
        assert_eq!(policy.score(&worked_example()).unwrap(), [80.0, 110.0, 160.0, 0.0]);
    }
}

#[test]
fn explanations_add_up_to_the_score() {
    for policy in builds() {
        let parts = policy.explain(&worked_example(), 2).unwrap();
        assert_eq!(parts, [Part { peer: Some(0), label: "traffic".to_owned(), amount: 160.0 }]);
        assert!(policy.explain(&worked_example(), 3).unwrap().is_empty());
    }
}

#[test]
fn replicas_count_each_and_no_peers_is_no_score() {
    for policy in builds() {
        let mut request = worked_example();
        request.peers.pods = vec![3, 1, 1];
        assert_eq!(policy.score(&request).unwrap(), [80.0, 110.0, 480.0, 0.0]);
        let cold = PolicyRequest {
            candidates: 2,
            nodes: 2,
            peers: Peers { first: vec![0], ..Peers::default() },
            ..PolicyRequest::default()
        };
        assert_eq!(policy.score(&cold).unwrap(), [0.0, 0.0]);
    }
}

/// Requests with any number of peers on any candidates.
fn requests() -> impl Strategy<Value = PolicyRequest> {
    let peer = (0.0f64..1e9, 0.0f64..1e9, prop::collection::btree_map(0u32..300, 1u32..100, 0..40));
    (1u32..300, prop::collection::vec(peer, 0..30)).prop_map(|(candidates, peers)| {
        let mut request = PolicyRequest { candidates, nodes: candidates, ..PolicyRequest::default() };
        request.peers.first.push(0);
        for (position, (outbound, inbound, placement)) in peers.into_iter().enumerate() {
            request.peers.outbound.push(outbound);
            request.peers.inbound.push(inbound);
            for (node, pods) in placement.into_iter().filter(|(node, _)| *node < candidates) {
                request.peers.node.push(node);
                request.peers.pods.push(pods);
            }
            request.peers.first.push(u32::try_from(request.peers.node.len()).unwrap());
            request.peer_names.push(Application::new("n", &position.to_string()));
        }
        request
    })
}

#[test]
fn the_component_and_native_rust_agree_to_the_last_bit() {
    let builds = builds();
    TestRunner::new(Config::with_cases(100))
        .run(&requests(), |request| {
            let native = netmarks_score(&request);
            for policy in &builds {
                prop_assert_eq!(&policy.score(&request).unwrap(), &native);
            }
            Ok(())
        })
        .unwrap();
}
