//! Pods and nodes as decoded from the API: only what placement needs.
//!
//! A whole Pod is some 10 KiB of managed fields, annotations, environment and status, which would be allocated and thrown away at
//! every event. This decoder skips over them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use netmarks_core::facts::Resources;
use netmarks_core::go_object;
use netmarks_core::pod::{Amounts, PodSpec, PodStatus};
use netmarks_core::pod_identity::Owner;
use netmarks_core::requests::pod_requests;
use serde::Deserialize;

/// A pod, as far as placement needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "wire::Pod")]
pub struct TrimmedPod {
    /// Name, its prefix if it was generated, namespace, labels, uid and resource version; everything else was skipped.
    pub metadata: ObjectMeta,
    /// All owners, in the pod's order.
    pub owners: Vec<Owner<'static>>,
    /// Whether it is terminating or finished.
    pub gone: bool,
    /// The node it was bound to.
    pub node: Option<String>,
    /// What kube-scheduler counts for it.
    pub requests: Resources,
    /// Whether it says itself which nodes may take it.
    pub chooses_nodes: bool,
}

/// A node, as far as placement needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "wire::Node")]
pub struct TrimmedNode {
    /// Name, labels, uid and resource version; everything else was skipped.
    pub metadata: ObjectMeta,
    /// What its pods may request together.
    pub allocatable: Resources,
    /// How many pods it takes; 0 where it does not say.
    pub max_pods: u32,
    /// Whether it is cordoned, or has a taint that keeps pods off.
    pub closed: bool,
}

macro_rules! impl_resource {
    ($type:ty, $group:literal, $kind:literal, $plural:literal, $scope:ty) => {
        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                $group.into()
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

pub(super) use impl_resource;

impl_resource!(TrimmedPod, "", "Pod", "pods", NamespaceResourceScope);
impl_resource!(TrimmedNode, "", "Node", "nodes", ClusterResourceScope);

/// The JSON that is read; fields that are not named here are skipped without being allocated.
pub(super) mod wire {
    use super::*;

    go_object! {
        pub(super) struct Pod {
            metadata: Metadata = "metadata",
            spec: PodSpec = "spec",
            status: PodStatus = "status",
        }
    }

    go_object! {
        pub(in crate::kubernetes) struct Metadata {
            name: Option<String> = "name",
            generate_name: Option<String> = "generateName",
            namespace: Option<String> = "namespace",
            labels: Option<BTreeMap<String, String>> = "labels",
            uid: Option<String> = "uid",
            resource_version: Option<String> = "resourceVersion",
            owner_references: Vec<OwnerReference> = "ownerReferences",
            // Only whether it is there matters.
            deletion_timestamp: Option<serde::de::IgnoredAny> = "deletionTimestamp",
        }
    }

    go_object! {
        struct OwnerReference {
            api_version: String = "apiVersion",
            kind: String = "kind",
            name: String = "name",
            controller: bool = "controller",
        }
    }

    go_object! {
        pub(super) struct Node {
            metadata: Metadata = "metadata",
            spec: NodeSpec = "spec",
            status: NodeStatus = "status",
        }
    }

    go_object! {
        struct NodeSpec {
            unschedulable: bool = "unschedulable",
            taints: Vec<Taint> = "taints",
        }
    }

    go_object! {
        struct Taint {
            effect: String = "effect",
        }
    }

    go_object! {
        struct NodeStatus {
            allocatable: Amounts = "allocatable",
        }
    }

    impl From<OwnerReference> for Owner<'static> {
        fn from(owner: OwnerReference) -> Self {
            Self {
                api_version: owner.api_version.into(),
                kind: owner.kind.into(),
                name: owner.name.into(),
                controller: owner.controller,
            }
        }
    }

    impl Metadata {
        pub(in crate::kubernetes) fn object_meta(&mut self) -> ObjectMeta {
            ObjectMeta {
                name: self.name.take(),
                generate_name: self.generate_name.take().filter(|prefix| !prefix.is_empty()),
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
            let owners = std::mem::take(&mut metadata.owner_references);
            Self {
                gone: status.is_finished() || metadata.deletion_timestamp.is_some(),
                requests: pod_requests(&spec, &status),
                metadata: metadata.object_meta(),
                owners: owners.into_iter().map(Owner::from).collect(),
                chooses_nodes: spec.chooses_nodes(),
                node: spec.node_name.filter(|node| !node.is_empty()),
            }
        }
    }

    impl From<Node> for TrimmedNode {
        fn from(node: Node) -> Self {
            let Node { mut metadata, spec, status } = node;
            let max_pods = status.allocatable.pods.unwrap_or(0);
            Self {
                metadata: metadata.object_meta(),
                allocatable: status.allocatable.into(),
                max_pods: u32::try_from(max_pods).unwrap_or(u32::MAX),
                closed: spec.unschedulable
                    || spec.taints.iter().any(|taint| matches!(&*taint.effect, "NoSchedule" | "NoExecute")),
            }
        }
    }
}
