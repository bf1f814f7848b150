//! A pod as the API server writes it, as far as placement depends on it: what it requests, where it runs, whether it still
//! does. Other fields are skipped without being allocated; [`crate::requests`] holds the rule that reads these.

use serde::Deserialize;
use serde::de::Deserializer;

use crate::facts::Resources;
use crate::quantity;

crate::go_object! {
    /// The field `spec` of a pod.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PodSpec {
        pub node_name: Option<String> = "nodeName",
        pub containers: Vec<Container> = "containers",
        pub init_containers: Vec<Container> = "initContainers",
        /// What the runtime takes beside the containers.
        pub overhead: Option<Amounts> = "overhead",
        /// For the pod as a whole.
        pub resources: Option<Requirements> = "resources",
        pub scheduling_group: Option<SchedulingGroup> = "schedulingGroup",
        pub workload: Option<WorkloadReference> = "workloadRef",
        /// Whether it names labels that its node must have.
        pub selects_nodes: bool as Present = "nodeSelector",
        pub affinity: Affinity = "affinity",
    }
}

crate::go_object! {
    /// What a pod is drawn to; only what rules nodes out is read.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Affinity {
        pub node: NodeAffinity = "nodeAffinity",
    }
}

crate::go_object! {
    /// Of an affinity to nodes, whether there is a rule that they must keep.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct NodeAffinity {
        pub required: bool as Present = "requiredDuringSchedulingIgnoredDuringExecution",
    }
}

crate::go_object! {
    /// The pods that kube-scheduler places together, since Kubernetes 1.36.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SchedulingGroup {
        pub pod_group: Option<String> = "podGroupName",
    }
}

crate::go_object! {
    /// The same in Kubernetes 1.35.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct WorkloadReference {
        pub name: String = "name",
        pub pod_group: String = "podGroup",
        /// Which of several groups of one kind.
        pub replica: Option<String> = "podGroupReplicaKey",
    }
}

crate::go_object! {
    /// The field `status` of a pod.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PodStatus {
        pub phase: Option<Phase> = "phase",
        pub container_statuses: Vec<ContainerStatus> = "containerStatuses",
        pub init_container_statuses: Vec<ContainerStatus> = "initContainerStatuses",
        /// What the node has set aside for the pod as a whole.
        pub allocated_resources: Option<Amounts> = "allocatedResources",
        /// What the pod as a whole runs with.
        pub resources: Option<Requirements> = "resources",
        pub conditions: Vec<Condition> = "conditions",
    }
}

crate::go_object! {
    /// A container or an init container.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Container {
        pub name: String = "name",
        pub resources: Option<Requirements> = "resources",
        /// Only init containers have one; `Always` makes a sidecar of it, which keeps running beside the containers.
        pub restart_policy: Option<RestartPolicy> = "restartPolicy",
    }
}

crate::go_object! {
    /// What a container runs with, which differs from its spec while it is resized.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ContainerStatus {
        pub name: String = "name",
        /// What the node has set aside for it.
        pub allocated_resources: Option<Amounts> = "allocatedResources",
        /// What it runs with.
        pub resources: Option<Requirements> = "resources",
    }
}

crate::go_object! {
    /// The field `resources` of a container or of a pod; limits are skipped.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Requirements {
        pub requests: Option<Amounts> = "requests",
    }
}

crate::go_object! {
    /// Amounts by resource. A malformed quantity, which the API server accepts nowhere, counts as nothing: to fail a whole
    /// list or request for it would stop placement.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Amounts {
        /// Millicores.
        pub cpu: Option<u64> as Millicores = "cpu",
        /// Bytes.
        pub memory: Option<u64> as Whole = "memory",
        /// How many pods; only nodes say it.
        pub pods: Option<u64> as Whole = "pods",
    }
}

/// The restart policy of an init container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RestartPolicy {
    Always,
    #[serde(other)]
    Other,
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Phase {
    Succeeded,
    Failed,
    #[serde(other)]
    Unfinished,
}

crate::go_object! {
    /// A condition of a pod.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Condition {
        pub kind: Option<ConditionKind> = "type",
        pub reason: Option<ConditionReason> = "reason",
    }
}

/// The type of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ConditionKind {
    PodResizePending,
    #[serde(other)]
    Other,
}

/// Why a condition has its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ConditionReason {
    /// The node can never grant the resize.
    Infeasible,
    #[serde(other)]
    Other,
}

impl PodSpec {
    /// Whether it says itself which nodes may take it.
    #[must_use]
    pub fn chooses_nodes(&self) -> bool {
        self.selects_nodes || self.affinity.node.required
    }

    /// The pods that kube-scheduler places together with this one, by a name that is unique in the namespace.
    #[must_use]
    pub fn group(&self) -> Option<String> {
        if let Some(group) = self.scheduling_group.as_ref().and_then(|group| group.pod_group.clone()) {
            return Some(group);
        }
        let WorkloadReference { name, pod_group, replica } = self.workload.as_ref()?;
        // A slash is in none of the three.
        Some(format!("{name}/{pod_group}/{}", replica.as_deref().unwrap_or_default()))
    }
}

impl PodStatus {
    /// Whether none of its containers will run again.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, Some(Phase::Succeeded | Phase::Failed))
    }

    /// The status of a container or init container; their names are unique within the pod.
    pub(crate) fn container(&self, name: &str) -> Option<&ContainerStatus> {
        let all = [&self.container_statuses, &self.init_container_statuses];
        all.into_iter().flatten().find(|status| status.name == name)
    }

    pub(crate) fn resize_is_infeasible(&self) -> bool {
        let mut conditions = self.conditions.iter();
        let pending = conditions.find(|condition| condition.kind == Some(ConditionKind::PodResizePending));
        pending.is_some_and(|condition| condition.reason == Some(ConditionReason::Infeasible))
    }
}

impl From<Amounts> for Resources {
    fn from(amounts: Amounts) -> Self {
        Self { cpu_millicores: amounts.cpu.unwrap_or(0), memory_bytes: amounts.memory.unwrap_or(0) }
    }
}

/// Something of which only matters that it is there.
struct Present;

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl From<Present> for bool {
    fn from(_: Present) -> Self {
        true
    }
}

struct Millicores(u64);
struct Whole(u64);

impl<'de> Deserialize<'de> for Millicores {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = quantity::text(deserializer)?;
        Ok(Self(text.and_then(|text| quantity::cpu_millicores(&text)).unwrap_or(0)))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = quantity::text(deserializer)?;
        Ok(Self(text.and_then(|text| quantity::memory_bytes(&text)).unwrap_or(0)))
    }
}

impl From<Millicores> for Option<u64> {
    fn from(Millicores(amount): Millicores) -> Self {
        Some(amount)
    }
}

impl From<Whole> for Option<u64> {
    fn from(Whole(amount): Whole) -> Self {
        Some(amount)
    }
}
