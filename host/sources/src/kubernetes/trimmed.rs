//! Pods and nodes as decoded from the API: only what placement needs.
//!
//! Apart because a whole Pod is some 10 KiB of managed fields, annotations, environment and status that would be
//! allocated and thrown away at every event; here the decoder skips over them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use netmarks_core::facts::Resources;
use netmarks_core::pod::{Amounts, PodSpec, PodStatus};
use netmarks_core::requests::pod_requests;
use serde::Deserialize;

/// A pod, as far as placement needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "wire::Pod")]
pub struct TrimmedPod {
    /// Name, namespace, labels, uid and resource version; everything else was skipped.
    pub metadata: ObjectMeta,
    /// Kind and name of the owner that is the pod's controller.
    pub controller: Option<(String, String)>,
    /// Whether it is terminating or finished.
    pub gone: bool,
    /// The node it was bound to.
    pub node: Option<String>,
    /// What kube-scheduler counts for it.
    pub requests: Resources,
}

/// A node, as far as placement needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "wire::Node")]
pub struct TrimmedNode {
    /// Name, labels, uid and resource version; everything else was skipped.
    pub metadata: ObjectMeta,
    /// What its pods may request together.
    pub allocatable: Resources,
}

macro_rules! impl_resource {
    ($type:ty, $kind:literal, $plural:literal, $scope:ty) => {
        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                "".into()
            }

            fn version((): &()) -> Cow<'_, str> {
                "v1".into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

impl_resource!(TrimmedPod, "Pod", "pods", NamespaceResourceScope);
impl_resource!(TrimmedNode, "Node", "nodes", ClusterResourceScope);

/// The JSON that is read; fields that are not named here are skipped without being allocated.
mod wire {
    use super::*;

    #[derive(Deserialize)]
    pub(super) struct Pod {
        #[serde(default)]
        metadata: Metadata,
        #[serde(default)]
        spec: PodSpec,
        #[serde(default)]
        status: PodStatus,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Metadata {
        name: Option<String>,
        namespace: Option<String>,
        labels: Option<BTreeMap<String, String>>,
        uid: Option<String>,
        resource_version: Option<String>,
        owner_references: Option<Vec<Owner>>,
        // Only whether it is there matters.
        deletion_timestamp: Option<serde::de::IgnoredAny>,
    }

    #[derive(Deserialize)]
    struct Owner {
        kind: String,
        name: String,
        #[serde(default)]
        controller: Option<bool>,
    }

    #[derive(Deserialize)]
    pub(super) struct Node {
        #[serde(default)]
        metadata: Metadata,
        #[serde(default)]
        status: NodeStatus,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct NodeStatus {
        allocatable: Option<Amounts>,
    }

    impl Metadata {
        fn object_meta(&mut self) -> ObjectMeta {
            ObjectMeta {
                name: self.name.take(),
                namespace: self.namespace.take(),
                labels: self.labels.take(),
                uid: self.uid.take(),
                resource_version: self.resource_version.take(),
                ..ObjectMeta::default()
            }
        }
    }

    impl From<Pod> for TrimmedPod {
        fn from(pod: Pod) -> Self {
            let Pod { mut metadata, spec, status } = pod;
            let owners = metadata.owner_references.take().unwrap_or_default();
            let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
            Self {
                gone: status.is_finished() || metadata.deletion_timestamp.is_some(),
                requests: pod_requests(&spec, &status),
                metadata: metadata.object_meta(),
                controller: controller.map(|owner| (owner.kind, owner.name)),
                node: spec.node_name.filter(|node| !node.is_empty()),
            }
        }
    }

    impl From<Node> for TrimmedNode {
        fn from(node: Node) -> Self {
            let Node { mut metadata, status } = node;
            Self {
                metadata: metadata.object_meta(),
                allocatable: status.allocatable.unwrap_or_default().into(),
            }
        }
    }
}
