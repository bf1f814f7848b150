//! Reviews as a real API server sent them; `fixtures/README.md` says how.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use netmarks_admission::ReviewedPod;
use netmarks_admission::patch::{DECISION, patch};
use netmarks_admission::review::{Review, decode};
use netmarks_admission::terms::{Nodes, Term};
use netmarks_core::application::Identity;
use serde_json::{Value, json};

use crate::json_patch::apply;

const PREFERRED: &str = "/spec/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution";

fn reviews() -> Vec<Review> {
    let lines = include_str!("fixtures/reviews.jsonl").lines();
    lines.map(|line| decode(line.as_bytes()).unwrap()).collect()
}

#[test]
fn each_is_the_pod_that_was_created() {
    let pods: Vec<ReviewedPod> = reviews()
        .iter()
        .map(|review| ReviewedPod::new(&review.pod, &review.namespace, Identity::Workload.into()).unwrap())
        .collect();
    let keys: Vec<&str> = pods.iter().map(|pod| pod.pending.key.as_str()).collect();
    assert_eq!(
        keys,
        ["shop/web-c7d5db94c-", "shop/db-0", "shop/once-", "shop/agent-", "shop/bare", "shop/dry"]
    );
    let applications: Vec<&str> =
        pods.iter().map(|pod| pod.pending.application.as_ref().unwrap().as_str()).collect();
    assert_eq!(applications, ["shop/web", "shop/db", "shop/once", "shop/agent", "shop/bare", "shop/dry"]);
    assert!(pods.iter().all(|pod| pod.uid.is_none()), "it has none yet");
    assert_eq!(pods.iter().filter(|pod| pod.owner.is_some()).count(), 4);
    let requests = pods[0].pending.requests;
    assert_eq!((requests.cpu_millicores, requests.memory_bytes), (250, 64 << 20));
    let dry: Vec<bool> = reviews().iter().map(|review| review.dry_run).collect();
    assert_eq!(dry, [false, false, false, false, false, true]);
}

#[test]
fn each_takes_terms_and_keeps_its_own() {
    let term = Term { weight: 100, nodes: Nodes::Hostnames(vec!["node-a".to_owned()]) };
    for review in reviews() {
        let operations = patch(&review.pod, std::slice::from_ref(&term), &[(DECISION, review.uid.clone())]);
        let patched = apply(&review.pod, &operations.unwrap());
        let own = review.pod.pointer(PREFERRED).and_then(Value::as_array).cloned().unwrap_or_default();
        let list = patched.pointer(PREFERRED).and_then(Value::as_array).unwrap();
        assert_eq!(*list, [own, vec![json!(term.to_api())]].concat());
        assert_eq!(patched["metadata"]["annotations"][DECISION], review.uid.as_str());
        let required = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
        assert_eq!(patched.pointer(required), review.pod.pointer(required));
    }
}
