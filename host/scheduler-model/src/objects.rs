//! What stands behind a pod: its namespace, its Services and the workload that made it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use netmarks_core::pod_identity;
use serde::{Deserialize, Serialize};

/// A Service, for the default spreading of its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    pub namespace: String,
    pub name: String,
    /// Empty for a Service that selects no pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
}

impl From<&api::Service> for Service {
    fn from(service: &api::Service) -> Self {
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone());
        Self {
            namespace: service.metadata.namespace.clone().unwrap_or_default(),
            name: service.metadata.name.clone().unwrap_or_default(),
            selector: selector.unwrap_or_default(),
        }
    }
}

/// Which object owns a pod as its controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    pub api_version: String,
    pub kind: String,
    pub name: String,
}

/// A ReplicaSet, StatefulSet or ReplicationController, for the default spreading of its pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    pub namespace: String,
    /// As its pods name it.
    #[serde(flatten)]
    pub owner: Owner,
    pub selector: LabelSelector,
}

/// All owners of an object, as the rules that name applications take them.
#[must_use]
pub fn owners(metadata: &ObjectMeta) -> Vec<pod_identity::Owner<'_>> {
    let references = metadata.owner_references.iter().flatten();
    let owners = references.map(|owner| pod_identity::Owner {
        api_version: owner.api_version.as_str().into(),
        kind: owner.kind.as_str().into(),
        name: owner.name.as_str().into(),
        controller: owner.controller.unwrap_or(false),
    });
    owners.collect()
}
