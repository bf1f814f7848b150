//! `AdmissionReview`, version 1: a pod's creation decoded, and the response, which always allows it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::outcome::Outcome;

/// The only version that is spoken.
const VERSION: &str = "admission.k8s.io/v1";

/// Longest uid that is repeated; the API server's have 36 bytes.
const LONGEST_UID: usize = 128;

/// What the API server asks about.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// Of the request, which the response repeats.
    pub uid: String,
    pub namespace: String,
    /// Nothing will come of it: the client only wants to see what would.
    pub dry_run: bool,
    /// The pod as it was sent.
    pub pod: Value,
}

/// A body that no terms can be added for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// As far as there is one.
    pub uid: String,
    pub outcome: Outcome,
}

/// Decodes a body.
///
/// # Errors
/// If it is not the review of a pod's creation. It is answered all the same: see [`allow`].
pub fn decode(body: &[u8]) -> Result<Review, Refused> {
    let refused = |uid: &str, outcome| Refused { uid: uid.to_owned(), outcome };
    let Ok(mut review) = serde_json::from_slice::<Value>(body) else {
        return Err(refused("", Outcome::NotAReview));
    };
    let text = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let uid = Some(text(&review, "/request/uid")).filter(|uid| uid.len() <= LONGEST_UID).unwrap_or_default();
    if text(&review, "/kind") != "AdmissionReview" {
        return Err(refused(&uid, Outcome::NotAReview));
    }
    if text(&review, "/apiVersion") != VERSION || uid.is_empty() {
        return Err(refused(&uid, Outcome::OtherVersion));
    }
    let kind = ["group", "version", "kind"].map(|part| text(&review, &format!("/request/kind/{part}")));
    if kind.each_ref().map(String::as_str) != ["", "v1", "Pod"] {
        return Err(refused(&uid, Outcome::OtherKind));
    }
    let subresource = text(&review, "/request/subResource");
    if text(&review, "/request/operation") != "CREATE" || !subresource.is_empty() {
        return Err(refused(&uid, Outcome::OtherOperation));
    }
    Ok(Review {
        namespace: text(&review, "/request/namespace"),
        dry_run: review.pointer("/request/dryRun").and_then(Value::as_bool).unwrap_or(false),
        pod: review.pointer_mut("/request/object").map(Value::take).unwrap_or_default(),
        uid,
    })
}

/// The uid of a request, whatever else the body is; empty if it has none.
#[must_use]
pub fn uid(body: &[u8]) -> String {
    match decode(body) {
        Ok(Review { uid, .. }) | Err(Refused { uid, .. }) => uid,
    }
}

/// The response that allows the pod as it is.
#[must_use]
pub fn allow(uid: &str) -> Vec<u8> {
    response(&json!({"uid": uid, "allowed": true}))
}

/// The response that allows the pod with a JSON patch.
#[must_use]
pub fn allow_with(uid: &str, patch: &[Value]) -> Vec<u8> {
    let patch = STANDARD.encode(Value::from(patch).to_string());
    response(&json!({"uid": uid, "allowed": true, "patchType": "JSONPatch", "patch": patch}))
}

fn response(response: &Value) -> Vec<u8> {
    json!({"apiVersion": VERSION, "kind": "AdmissionReview", "response": response}).to_string().into_bytes()
}
