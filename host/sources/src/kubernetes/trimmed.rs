//! Pods and nodes as decoded from the API: only what placement needs.
//!
//! Apart because a whole Pod is some 10 KiB of managed fields, annotations, environment and status that would be
//! allocated and thrown away at every event; here the decoder skips over them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use netmarks_core::facts::Resources;
use serde::Deserialize;

use netmarks_core::quantity;

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
    /// What the scheduler reckons with for it.
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

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct PodSpec {
        node_name: Option<String>,
        containers: Option<Vec<Container>>,
        init_containers: Option<Vec<Container>>,
        overhead: Option<Amounts>,
        resources: Option<Requirements>,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Container {
        resources: Option<Requirements>,
        restart_policy: Option<String>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Requirements {
        requests: Option<Amounts>,
    }

    #[derive(Clone, Copy, Default, Deserialize)]
    #[serde(default)]
    struct Amounts {
        cpu: Option<Cpu>,
        memory: Option<Memory>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct PodStatus {
        phase: Option<Phase>,
    }

    #[derive(Deserialize)]
    enum Phase {
        Succeeded,
        Failed,
        #[serde(other)]
        Unfinished,
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

    #[derive(Clone, Copy, Deserialize)]
    #[serde(from = "Text<'_>")]
    struct Cpu(u64);

    #[derive(Clone, Copy, Deserialize)]
    #[serde(from = "Text<'_>")]
    struct Memory(u64);

    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    // The API server accepts no pod or node with a malformed quantity. Should one appear nevertheless it counts as
    // nothing: to fail the whole list for it would stop placement for the cluster.
    impl From<Text<'_>> for Cpu {
        fn from(text: Text<'_>) -> Self {
            Self(quantity::cpu_millicores(&text.0).unwrap_or(0))
        }
    }

    impl From<Text<'_>> for Memory {
        fn from(text: Text<'_>) -> Self {
            Self(quantity::memory_bytes(&text.0).unwrap_or(0))
        }
    }

    impl Amounts {
        fn resources(self) -> Resources {
            Resources {
                cpu_millicores: self.cpu.map_or(0, |cpu| cpu.0),
                memory_bytes: self.memory.map_or(0, |memory| memory.0),
            }
        }
    }

    impl Container {
        fn requests(&self) -> Resources {
            self.resources.as_ref().and_then(|resources| resources.requests).unwrap_or_default().resources()
        }

        /// Whether an init container keeps running beside the containers ("sidecar container").
        fn keeps_running(&self) -> bool {
            self.restart_policy.as_deref() == Some("Always")
        }
    }

    fn sum(left: Resources, right: Resources) -> Resources {
        Resources {
            cpu_millicores: left.cpu_millicores.saturating_add(right.cpu_millicores),
            memory_bytes: left.memory_bytes.saturating_add(right.memory_bytes),
        }
    }

    fn largest(left: Resources, right: Resources) -> Resources {
        Resources {
            cpu_millicores: left.cpu_millicores.max(right.cpu_millicores),
            memory_bytes: left.memory_bytes.max(right.memory_bytes),
        }
    }

    impl PodSpec {
        /// The scheduler's rule (`k8s.io/component-helpers/resource`, `PodRequests`): the sum of the containers and
        /// of the init containers that keep running, or what the largest other init container needs together with
        /// those started before it; a request of the pod as a whole takes its place; then the overhead.
        fn requests(&self) -> Resources {
            let containers = self.containers.iter().flatten();
            let running = containers.map(Container::requests).fold(Resources::default(), sum);
            let mut sidecars = Resources::default();
            let mut peak = Resources::default();
            for container in self.init_containers.iter().flatten() {
                if container.keeps_running() {
                    sidecars = sum(sidecars, container.requests());
                    peak = largest(peak, sidecars);
                } else {
                    peak = largest(peak, sum(sidecars, container.requests()));
                }
            }
            let mut requests = largest(sum(running, sidecars), peak);
            if let Some(whole) = self.resources.as_ref().and_then(|resources| resources.requests) {
                requests.cpu_millicores = whole.cpu.map_or(requests.cpu_millicores, |cpu| cpu.0);
                requests.memory_bytes = whole.memory.map_or(requests.memory_bytes, |memory| memory.0);
            }
            sum(requests, self.overhead.unwrap_or_default().resources())
        }
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
            let finished = matches!(status.phase, Some(Phase::Succeeded | Phase::Failed));
            let owners = metadata.owner_references.take().unwrap_or_default();
            let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
            Self {
                gone: finished || metadata.deletion_timestamp.is_some(),
                requests: spec.requests(),
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
                allocatable: status.allocatable.unwrap_or_default().resources(),
            }
        }
    }
}
