//! Bodies, decoded and answered: whatever comes in, the pod is allowed, and there is a reason.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use netmarks_admission::Outcome;
use netmarks_admission::review::{Refused, allow, allow_with, decode, uid};
use proptest::prelude::*;
use serde_json::{Value, json};

fn review() -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "namespace": "shop",
            "operation": "CREATE",
            "dryRun": false,
            "object": {"metadata": {"generateName": "web-"}, "spec": {"containers": []}},
        },
    })
}

fn decoded(review: &Value) -> Result<netmarks_admission::review::Review, Refused> {
    decode(review.to_string().as_bytes())
}

/// A review with one thing exchanged, and what comes of it.
fn refused(pointer: &str, value: Value) -> (String, Outcome) {
    let mut review = review();
    *review.pointer_mut(pointer).unwrap() = value;
    let Refused { uid, outcome } = decoded(&review).unwrap_err();
    (uid, outcome)
}

#[test]
fn a_pods_creation_is_taken_and_everything_else_has_its_reason() {
    let review = decoded(&review()).unwrap();
    assert_eq!((review.uid.as_str(), review.namespace.as_str(), review.dry_run), ("u-1", "shop", false));
    assert_eq!(review.pod["metadata"]["generateName"], "web-");
    let with_uid = |outcome| ("u-1".to_owned(), outcome);
    assert_eq!(refused("/kind", json!("Pod")), with_uid(Outcome::NotAReview));
    assert_eq!(refused("/apiVersion", json!("admission.k8s.io/v1beta1")), with_uid(Outcome::OtherVersion));
    assert_eq!(refused("/request/uid", json!(7)), (String::new(), Outcome::OtherVersion));
    assert_eq!(refused("/request", json!(null)), (String::new(), Outcome::OtherVersion));
    assert_eq!(refused("/request/kind/kind", json!("Binding")), with_uid(Outcome::OtherKind));
    assert_eq!(refused("/request/kind/group", json!("apps")), with_uid(Outcome::OtherKind));
    assert_eq!(refused("/request/operation", json!("UPDATE")), with_uid(Outcome::OtherOperation));
    let mut other = self::review();
    other["request"]["subResource"] = json!("ephemeralcontainers");
    assert_eq!(decoded(&other).unwrap_err().outcome, Outcome::OtherOperation);
    other = self::review();
    other["request"]["dryRun"] = json!(true);
    assert!(decoded(&other).unwrap().dry_run);
}

#[test]
fn the_answer_repeats_the_uid_and_allows() {
    let answer: Value = serde_json::from_slice(&allow("u-1")).unwrap();
    assert_eq!(answer["response"], json!({"uid": "u-1", "allowed": true}));
    let operations = [json!({"op": "add", "path": "/spec/x", "value": "\u{e9}"})];
    let answer: Value = serde_json::from_slice(&allow_with("u-1", &operations)).unwrap();
    assert_eq!(
        (&answer["kind"], &answer["apiVersion"]),
        (&json!("AdmissionReview"), &json!("admission.k8s.io/v1"))
    );
    assert_eq!(
        (&answer["response"]["allowed"], &answer["response"]["patchType"]),
        (&json!(true), &json!("JSONPatch"))
    );
    assert_eq!(answer["response"]["patch"], "W3sib3AiOiJhZGQiLCJwYXRoIjoiL3NwZWMveCIsInZhbHVlIjoiw6kifV0=");
}

mod hostile {
    use super::*;

    #[test]
    fn what_is_not_a_review_has_a_reason() {
        let deep = "[".repeat(100_000);
        let long = json!({"request": {"uid": "u".repeat(1 << 20)}}).to_string();
        let texts = [
            "",
            "null",
            "7",
            "[]",
            "{}",
            "{\"request\":7}",
            "{\"kind\":{}}",
            &deep,
            &long,
            "\u{0}",
            "{\"kind\":",
        ];
        for text in texts {
            assert_eq!(decode(text.as_bytes()).unwrap_err().outcome, Outcome::NotAReview, "{text:.40}");
            assert_eq!(uid(text.as_bytes()), "", "a uid that no API server makes is not repeated");
        }
        assert_eq!(decode(b"\xff\xfe{}").unwrap_err().outcome, Outcome::NotAReview);
    }

    proptest! {
        /// Any bytes, and any review with some of its bytes exchanged.
        #[test]
        fn no_body_makes_it_fail_or_deny(
            bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), by in any::<u8>(),
        ) {
            let mut broken = review().to_string().into_bytes();
            let at = at.index(broken.len());
            broken[at] = by;
            for body in [bytes, broken] {
                let uid = uid(&body);
                let answer: Value = serde_json::from_slice(&allow(&uid)).unwrap();
                prop_assert_eq!(&answer["response"]["allowed"], &json!(true));
            }
        }
    }
}
