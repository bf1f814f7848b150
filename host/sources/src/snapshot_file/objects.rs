//! What kube-scheduler reads of a cluster beside names, labels, CPU and memory.
//!
//! It is written with Kubernetes' own names of fields. What it reads of a pod is `netmarks_scheduler_model::PodScheduling`, which the
//! file holds as it is but for CPU and memory, which it says already.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use netmarks_core::facts::Resources;
use netmarks_scheduler_model::{Node, ResourceList, Service};
use serde::{Deserialize, Serialize};

/// Pods that a kubelet takes unless it is told otherwise.
const DEFAULT_PODS: u64 = 110;

/// What kube-scheduler reads of a node beside its name, labels, CPU and memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeScheduling {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<api::Taint>,
    /// Whether it is cordoned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unschedulable: bool,
    /// The number of pods, and all resources other than CPU and memory.
    #[serde(default, skip_serializing_if = "ResourceList::is_empty")]
    pub allocatable: ResourceList,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<NodeCondition>,
}

/// A condition of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeCondition {
    /// `Ready`, `MemoryPressure` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileService {
    pub namespace: String,
    pub name: String,
    /// Empty for a Service that selects no pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
    /// Which endpoints it prefers; absent where it has no preference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_distribution: Option<TrafficDistribution>,
    /// `Local` where calls from within the cluster go to endpoints on the caller's node only; absent for `Cluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_traffic_policy: Option<String>,
}

impl FileService {
    /// Whether calls go to endpoints on the caller's node where there are some.
    #[must_use]
    pub fn prefers_node(&self) -> bool {
        self.traffic_distribution == Some(TrafficDistribution::PreferSameNode)
            || self.internal_traffic_policy.as_deref() == Some("Local")
    }
}

/// Which endpoints a Service prefers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficDistribution {
    PreferSameNode,
    /// Also the older name of it, `PreferClose`.
    #[serde(alias = "PreferClose")]
    PreferSameZone,
    /// One that this program does not know.
    #[serde(untagged)]
    Other(String),
}

impl From<&str> for TrafficDistribution {
    fn from(text: &str) -> Self {
        match text {
            "PreferSameNode" => Self::PreferSameNode,
            "PreferSameZone" | "PreferClose" => Self::PreferSameZone,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<&FileService> for Service {
    fn from(service: &FileService) -> Self {
        let FileService { namespace, name, selector, traffic_distribution: _, internal_traffic_policy: _ } =
            service.clone();
        Self { namespace, name, selector }
    }
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisruptionBudget {
    pub namespace: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<IntOrString>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// How many of its pods may be evicted now, as the controller counted them.
    #[serde(default)]
    pub disruptions_allowed: i32,
}

/// A namespace with its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileNamespace {
    pub name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// CPU and memory laid over the other resources.
pub(super) fn with_both(mut others: ResourceList, both: Resources) -> ResourceList {
    others.set("cpu", both.cpu_millicores);
    others.set("memory", both.memory_bytes);
    others
}

/// All resources but CPU and memory.
pub(super) fn without_both(mut all: ResourceList) -> ResourceList {
    all.set("cpu", 0);
    all.set("memory", 0);
    all
}

impl NodeScheduling {
    /// Of the model's node what the file does not say elsewhere.
    #[must_use]
    pub fn new(node: Node, conditions: Vec<NodeCondition>) -> Self {
        let Node { name: _, labels: _, taints, unschedulable, allocatable } = node;
        Self { taints, unschedulable, allocatable: without_both(allocatable), conditions }
    }

    pub(super) fn model(
        known: Option<&Self>,
        name: &str,
        labels: BTreeMap<String, String>,
        both: Resources,
    ) -> Node {
        let unknown = || Self {
            allocatable: ResourceList { pods: DEFAULT_PODS, ..ResourceList::default() },
            ..Self::default()
        };
        let Self { taints, unschedulable, allocatable, conditions: _ } =
            known.cloned().unwrap_or_else(unknown);
        Node {
            name: name.to_owned(),
            labels,
            taints,
            unschedulable,
            allocatable: with_both(allocatable, both),
        }
    }
}
