//! Reading and writing the status of a policy: server-side apply, each part under its own field manager.
//!
//! - A replica's entry belongs to the field manager of that replica, so no other write can lose it. Applying nothing
//!   under that manager removes the entry, which any replica can do for one that is gone.
//! - Conditions and digest belong to one manager that all replicas share. They compute the same from the same entries,
//!   and each write names the version of the object that it was computed from: a replica with an older view is refused
//!   by the API server, receives the newer one, and computes again. So the last write always fits the last entries,
//!   without a leader, whose absence would have to be noticed first.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use netmarks_core::digest::Digest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::conditions::Summary;
use crate::resource::ScoringPolicy;
use crate::status::ReplicaStatus;
use crate::text::short_digest;
use netmarks_core::bounded::beginning;

/// The field manager of what all replicas share.
const SHARED: &str = "netmarks-summary";

/// What the API server takes as the name of a field manager, in bytes.
const MANAGER_BYTES: usize = 128;

/// Writes the status of policies in one namespace.
pub(crate) struct StatusWriter {
    api: Api<DynamicObject>,
}

/// A status as far as it can be read: one that a newer extender wrote must not stop this one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ObservedStatus {
    pub(crate) observed_generation: Option<i64>,
    pub(crate) digest: Option<String>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) replicas: Vec<ReplicaStatus>,
}

impl ObservedStatus {
    pub(crate) fn of(object: &DynamicObject) -> Self {
        let field = |name: &str| object.data.get("status").and_then(|status| status.get(name));
        Self {
            observed_generation: field("observedGeneration").and_then(Value::as_i64),
            digest: field("digest").and_then(Value::as_str).map(str::to_owned),
            conditions: readable(field("conditions")),
            replicas: readable(field("replicas")),
        }
    }

    /// Whether the shared part is `summary`.
    pub(crate) fn matches(&self, summary: &Summary) -> bool {
        self.observed_generation == Some(summary.observed_generation)
            && self.digest == summary.digest
            && self.conditions.len() == summary.conditions.len()
            && summary.conditions.iter().all(|condition| self.conditions.contains(condition))
    }
}

fn readable<T: DeserializeOwned>(items: Option<&Value>) -> Vec<T> {
    let items = items.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| serde_json::from_value(item.clone()).ok()).collect()
}

impl StatusWriter {
    pub(crate) fn new(client: Client, namespace: &str) -> Self {
        let resource = ApiResource::erase::<ScoringPolicy>(&());
        Self { api: Api::namespaced_with(client, namespace, &resource) }
    }

    /// Writes a replica's entry.
    pub(crate) async fn write_entry(
        &self,
        object: &DynamicObject,
        entry: &ReplicaStatus,
    ) -> Result<DynamicObject, kube::Error> {
        self.apply(object, &manager(&entry.name), false, json!({"replicas": [entry]})).await
    }

    /// Removes the entry of a replica; with `unless_changed`, only if the object still is the one given.
    pub(crate) async fn remove_entry(
        &self,
        object: &DynamicObject,
        replica: &str,
        unless_changed: bool,
    ) -> Result<DynamicObject, kube::Error> {
        self.apply(object, &manager(replica), unless_changed, Value::Null).await
    }

    /// Writes what all share, unless the object is not any more what it was computed from.
    pub(crate) async fn write_summary(
        &self,
        object: &DynamicObject,
        summary: &Summary,
    ) -> Result<DynamicObject, kube::Error> {
        let Summary { observed_generation, digest, conditions } = summary;
        let mut status = json!({"observedGeneration": observed_generation, "conditions": conditions});
        if let (Some(digest), Some(status)) = (digest, status.as_object_mut()) {
            status.insert("digest".to_owned(), digest.as_str().into());
            status.insert("shortDigest".to_owned(), short_digest(digest).into());
        }
        self.apply(object, SHARED, true, status).await
    }

    async fn apply(
        &self,
        object: &DynamicObject,
        manager: &str,
        unless_changed: bool,
        status: Value,
    ) -> Result<DynamicObject, kube::Error> {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        // With the uid, a namesake that was created meanwhile is left alone.
        let mut metadata = json!({"name": name, "uid": object.metadata.uid});
        if let (true, Some(metadata)) = (unless_changed, metadata.as_object_mut()) {
            metadata.insert("resourceVersion".to_owned(), json!(object.metadata.resource_version));
        }
        let resource = ApiResource::erase::<ScoringPolicy>(&());
        let mut patch =
            json!({"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata});
        if let (false, Some(patch)) = (status.is_null(), patch.as_object_mut()) {
            patch.insert("status".to_owned(), status);
        }
        let params = PatchParams::apply(manager).force();
        self.api.patch_status(name, &params, &Patch::Apply(&patch)).await
    }
}

/// The field manager of a replica.
fn manager(replica: &str) -> String {
    let manager = format!("netmarks-replica-{replica}");
    if manager.len() <= MANAGER_BYTES {
        return manager;
    }
    let hash = Digest::of(replica.as_bytes()).hex();
    format!("{}-{}", beginning(&manager, MANAGER_BYTES - 17), beginning(&hash, 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_are_short_and_distinct() {
        assert_eq!(manager("netmarks-0"), "netmarks-replica-netmarks-0");
        let (one, other) = (manager(&"x".repeat(253)), manager(&"x".repeat(252)));
        assert_ne!(one, other);
        assert_eq!((one.len(), other.len()), (MANAGER_BYTES, MANAGER_BYTES));
    }

    #[test]
    fn what_cannot_be_read_hides_nothing_else() {
        let resource = ApiResource::erase::<ScoringPolicy>(&());
        let good = json!({
            "name": "a", "generation": 1, "state": "Active", "reason": "Active", "message": "",
            "lastUpdate": "2026-01-01T00:00:00Z",
        });
        let status = json!({"observedGeneration": 3, "replicas": [{"name": "b", "state": "Hovering"}, good]});
        let object = DynamicObject::new("zone", &resource).data(json!({"status": status}));
        let written = ObservedStatus::of(&object);
        assert_eq!(written.observed_generation, Some(3));
        assert_eq!(written.replicas.iter().map(|replica| replica.name.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(ObservedStatus::of(&DynamicObject::new("new", &resource)), ObservedStatus::default());
    }
}
