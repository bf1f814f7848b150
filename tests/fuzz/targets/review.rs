//! Bodies of admission reviews. Each is answered with an allowance, and a patch only adds: what the pod prefers stays in front.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netmarks_admission::patch::patch;
use netmarks_admission::review::{allow_with, decode, uid};
use netmarks_admission::terms::{Nodes, Term};
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let mut operations = Vec::new();
    if let Ok(review) = decode(body) {
        let terms = [Term { weight: 50, nodes: Nodes::Hostnames(vec!["node-a".to_owned()]) }];
        operations =
            patch(&review.pod, &terms, &[("netmarks.dev/decision", "1".to_owned())]).unwrap_or_default();
        for operation in &operations {
            assert_eq!(operation["op"], "add", "{operation}");
        }
    }
    let answer = allow_with(&uid(body), &operations);
    let answer: Value = serde_json::from_slice(&answer).expect("the answer is JSON");
    assert_eq!(answer["response"]["allowed"], true);
});
