//! A pod, as far as kube-scheduler reads it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::{Deserialize, Serialize};

use crate::left_out::LeftOut;
use crate::objects::Owner;
use crate::requests::pod_requests;
use crate::resources::ResourceList;

/// A pod. Its fields are named and written as in Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The node it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    #[serde(flatten)]
    pub scheduling: PodScheduling,
}

/// What kube-scheduler reads of a pod beside its names, labels and node. A snapshot file holds it as it is, but for CPU and
/// memory of `requests`, which it writes elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodScheduling {
    /// What kube-scheduler counts for it.
    #[serde(default, skip_serializing_if = "ResourceList::is_empty")]
    pub requests: ResourceList,
    /// CPU and memory as the score counts them: 100m and 200Mi for each container that requests nothing. Absent: as
    /// for a pod of one container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_zero_requests: Option<ResourceList>,
    /// The same of its containers alone, for a pod that also requests as a whole: so the score counts the pod itself before it
    /// is on a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_requests: Option<ResourceList>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<api::Affinity>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<api::Toleration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topology_spread_constraints: Vec<api::TopologySpreadConstraint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_ports: Vec<HostPort>,
    /// The PersistentVolumes that are bound to its claims.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Absent: the default scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_name: Option<String>,
    /// Its controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Time>,
    /// When its kubelet accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// Whether it is being deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub terminating: bool,
    /// What of it the model does not consider, as far as the object says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

impl PodScheduling {
    /// Whether nobody chooses its node: a DaemonSet puts one on each, and a node makes its own.
    #[must_use]
    pub fn belongs_to_its_node(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.kind == "DaemonSet" || owner.kind == "Node")
    }

    /// Whether it says itself which nodes may take it.
    #[must_use]
    pub fn chooses_nodes(&self) -> bool {
        let affinity = self.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
        !self.node_selector.is_empty()
            || affinity.is_some_and(|affinity| {
                affinity.required_during_scheduling_ignored_during_execution.is_some()
            })
    }
}

/// A port of the node that a container takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostPort {
    /// Empty: every address of the node.
    #[serde(default, rename = "hostIP", skip_serializing_if = "String::is_empty")]
    pub host_ip: String,
    /// `TCP`, `UDP` or `SCTP`; empty is `TCP`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    pub host_port: u16,
}

/// Where a bound PersistentVolume can be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Its labels of zone and region, as older provisioners write them; several values are joined by `__`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its `spec.nodeAffinity.required`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_affinity: Option<api::NodeSelector>,
}

impl Pod {
    /// From an object of the API. `volume` is asked for the PersistentVolume bound to each claim that the pod names; `None` is a
    /// claim whose volume is unknown.
    #[must_use]
    pub fn from_api(pod: &api::Pod, volume: impl Fn(&str) -> Option<Volume>) -> Self {
        let empty = api::PodSpec::default();
        let spec = pod.spec.as_ref().unwrap_or(&empty);
        let counted = pod_requests(pod);
        let mut left_out = left_out(spec);
        let mut volumes = Vec::new();
        for claim in claims(spec, pod.metadata.name.as_deref().unwrap_or_default()) {
            match volume(&claim) {
                Some(volume) => volumes.push(volume),
                None => left_out.push(LeftOut::UnboundVolume),
            }
        }
        left_out.sort_unstable();
        left_out.dedup();
        let metadata = &pod.metadata;
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            labels: metadata.labels.clone().unwrap_or_default(),
            node_name: spec.node_name.clone().filter(|node| !node.is_empty()),
            scheduling: PodScheduling {
                requests: counted.requests,
                non_zero_requests: Some(counted.non_zero),
                container_requests: counted.of_containers,
                node_selector: spec.node_selector.clone().unwrap_or_default(),
                affinity: spec.affinity.clone(),
                tolerations: spec.tolerations.clone().unwrap_or_default(),
                topology_spread_constraints: spec.topology_spread_constraints.clone().unwrap_or_default(),
                host_ports: host_ports(spec),
                volumes,
                priority: spec.priority.unwrap_or(0),
                scheduler_name: spec.scheduler_name.clone(),
                owner: controller(metadata),
                creation_timestamp: metadata.creation_timestamp.clone(),
                start_time: pod.status.as_ref().and_then(|status| status.start_time.clone()),
                terminating: metadata.deletion_timestamp.is_some(),
                left_out,
            },
        }
    }
}

fn is_zero(priority: &i32) -> bool {
    *priority == 0
}

fn controller(metadata: &ObjectMeta) -> Option<Owner> {
    let mut owners = metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| owner.controller == Some(true))?;
    Some(Owner { api_version: owner.api_version.clone(), kind: owner.kind.clone(), name: owner.name.clone() })
}

/// Names of the PersistentVolumeClaims that it uses, those included that are made for it.
fn claims(spec: &api::PodSpec, pod: &str) -> Vec<String> {
    let volumes = spec.volumes.iter().flatten();
    let claim = |volume: &api::Volume| {
        let named = volume.persistent_volume_claim.as_ref().map(|source| source.claim_name.clone());
        named.or_else(|| volume.ephemeral.as_ref().map(|_| format!("{pod}-{}", volume.name)))
    };
    volumes.filter_map(claim).collect()
}

fn host_ports(spec: &api::PodSpec) -> Vec<HostPort> {
    // Of init containers, those count that keep running.
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    let taken = |port: &api::ContainerPort| {
        Some(HostPort {
            host_ip: port.host_ip.clone().unwrap_or_default(),
            protocol: port.protocol.clone().filter(|protocol| protocol != "TCP").unwrap_or_default(),
            host_port: u16::try_from(port.host_port?).ok().filter(|port| *port > 0)?,
        })
    };
    ports.filter_map(taken).collect()
}

fn left_out(spec: &api::PodSpec) -> Vec<LeftOut> {
    let has = |any: bool, what| any.then_some(what);
    let limited = |volume: &api::Volume| {
        volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some() || volume.csi.is_some()
    };
    let all = [
        has(spec.volumes.iter().flatten().any(limited), LeftOut::VolumeLimits),
        has(spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()), LeftOut::ResourceClaims),
        has(spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()), LeftOut::SchedulingGates),
        has(spec.scheduling_group.is_some(), LeftOut::SchedulingGroup),
    ];
    all.into_iter().flatten().collect()
}
