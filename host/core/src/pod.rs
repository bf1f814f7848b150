//! A pod as the API server writes it, as far as placement depends on it: what it requests, where it runs, whether it still
//! does. Other fields are skipped without being allocated; [`crate::requests`] holds the rule that reads these.

use serde::Deserialize;
use serde::de::Deserializer;

use crate::facts::Resources;
use crate::quantity;

/// The field `spec` of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    pub node_name: Option<String>,
    pub containers: Option<Vec<Container>>,
    pub init_containers: Option<Vec<Container>>,
    /// What the runtime takes beside the containers.
    pub overhead: Option<Amounts>,
    /// For the pod as a whole.
    pub resources: Option<Requirements>,
}

/// The field `status` of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    pub phase: Option<Phase>,
    pub container_statuses: Option<Vec<ContainerStatus>>,
    pub init_container_statuses: Option<Vec<ContainerStatus>>,
    /// What the node has set aside for the pod as a whole.
    pub allocated_resources: Option<Amounts>,
    /// What the pod as a whole runs with.
    pub resources: Option<Requirements>,
    pub conditions: Option<Vec<Condition>>,
}

/// A container or an init container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    pub name: String,
    pub resources: Option<Requirements>,
    /// Only init containers have one; `Always` makes a sidecar of it, which keeps running beside the containers.
    pub restart_policy: Option<RestartPolicy>,
}

/// What a container runs with, which differs from its spec while it is resized.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    pub name: String,
    /// What the node has set aside for it.
    pub allocated_resources: Option<Amounts>,
    /// What it runs with.
    pub resources: Option<Requirements>,
}

/// The field `resources` of a container or of a pod; limits are skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Requirements {
    pub requests: Option<Amounts>,
}

/// Amounts by resource. A malformed quantity, which the API server accepts nowhere, counts as nothing: to fail a whole list
/// or request for it would stop placement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Amounts {
    /// Millicores.
    #[serde(deserialize_with = "millicores")]
    pub cpu: Option<u64>,
    /// Bytes.
    #[serde(deserialize_with = "bytes")]
    pub memory: Option<u64>,
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

/// A condition of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: Option<ConditionKind>,
    pub reason: Option<ConditionReason>,
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

impl PodStatus {
    /// Whether none of its containers will run again.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, Some(Phase::Succeeded | Phase::Failed))
    }

    /// The status of a container or init container; their names are unique within the pod.
    pub(crate) fn container(&self, name: &str) -> Option<&ContainerStatus> {
        let all = [&self.container_statuses, &self.init_container_statuses];
        all.into_iter().flatten().flatten().find(|status| status.name == name)
    }

    pub(crate) fn resize_is_infeasible(&self) -> bool {
        let mut conditions = self.conditions.iter().flatten();
        let pending = conditions.find(|condition| condition.kind == Some(ConditionKind::PodResizePending));
        pending.is_some_and(|condition| condition.reason == Some(ConditionReason::Infeasible))
    }
}

impl From<Amounts> for Resources {
    fn from(amounts: Amounts) -> Self {
        Self { cpu_millicores: amounts.cpu.unwrap_or(0), memory_bytes: amounts.memory.unwrap_or(0) }
    }
}

fn millicores<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(quantity::text(deserializer)?.map(|text| quantity::cpu_millicores(&text).unwrap_or(0)))
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(quantity::text(deserializer)?.map(|text| quantity::memory_bytes(&text).unwrap_or(0)))
}
