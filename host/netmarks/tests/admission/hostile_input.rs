//! What no API server sends: the pod is allowed, and the reason is counted.

use serde_json::{Value, json};

use super::{Door, admission, preferred, review};
use crate::support::{config, hostile};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_in_the_pod_is_allowed_and_the_reason_counted() {
    let mut config = admission(config());
    config.admission.max_request_mib = 1;
    let door = Door::open(config).await;
    let long = "x".repeat(100_000);
    let with = |pointer: &str, value: Value| {
        let mut review = review("u-1");
        *review.pointer_mut(pointer).unwrap() = value;
        review.to_string()
    };
    let metadata = "/request/object/metadata";
    for (outcome, body) in [
        ("not-a-review", String::new()),
        ("not-a-review", "[".repeat(100_000)),
        ("other-version", with("/apiVersion", json!("admission.k8s.io/v1beta1"))),
        ("other-kind", with("/request/kind/kind", json!("Secret"))),
        ("other-operation", with("/request/operation", json!("DELETE"))),
        ("not-a-pod", with("/request/object", json!(null))),
        ("not-a-pod", with("/request/object", json!({"metadata": 7}))),
        ("not-a-pod", with("/request/object/spec", json!([]))),
        ("too-large", with(metadata, json!({"name": long, "labels": {"app": "p"}}))),
        ("too-large", with(metadata, json!({"name": "p-1", "labels": {"app": long}}))),
        ("too-large", "x".repeat(2 << 20)),
    ] {
        let response = door.post(body).await.unwrap();
        assert_eq!(response.get("patch"), None, "{outcome}");
        let series = format!("netmarks_admission_reviews_total{{outcome=\"{outcome}\"}}");
        assert!(door.extender.metric(&series).await.unwrap() > 0.0, "{outcome}");
    }
    let patch = door.patch(&review("u-2")).await.unwrap();
    assert_eq!(preferred(&patch)[0].1, ["node-3"], "and goes on");
    door.decision("u-2").await;
    assert_eq!(door.extender.json("/v1/decisions").await.unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fails_adds_nothing() {
    let door = Door::open(admission(hostile("trap"))).await;
    assert!(door.patch(&review("u-1")).await.unwrap().is_empty());
    door.counted("policy-fault", 1.0).await;
    assert_eq!(door.extender.metric("netmarks_admission_assumed_pods").await.unwrap(), 0.0);
}
