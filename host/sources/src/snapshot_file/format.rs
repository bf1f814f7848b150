//! The types of the file.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;
use netmarks_core::application::{Application, Identity};
use netmarks_core::expected::ExpectedTraffic;
use netmarks_core::facts::Resources;
use netmarks_core::request::PendingPod;
use netmarks_scheduler_model::{Node, Pod, PodScheduling, Workload};
use serde::{Deserialize, Serialize};

use super::objects::{DisruptionBudget, FileNamespace, FileService, NodeScheduling, with_both, without_both};

/// The version that is written.
pub const VERSION: u64 = 2;

/// The oldest version that is read. Version 1 lacks labels of nodes, `scheduling`, and all lists but nodes, pods and flows.
pub const OLDEST_VERSION: u64 = 1;

/// The label with a node's zone.
pub(super) const ZONE: &str = "topology.kubernetes.io/zone";
/// The label with a node's region.
pub(super) const REGION: &str = "topology.kubernetes.io/region";
/// The label that default spreading tells nodes apart by.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// A snapshot as it stands in the file.
///
/// What an extender writes is what it keeps in memory: no labels and no `scheduling`. A snapshot taken from the cluster has both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotFile {
    /// Of this format: [`OLDEST_VERSION`] to [`VERSION`] in a file, [`VERSION`] once it is read.
    pub version: u64,
    /// When it was taken, in seconds since the Unix epoch.
    pub taken_at: f64,
    /// What counts as one application in it.
    pub identity: Identity,
    /// Whether its names were replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymised: bool,
    /// What should be in it and could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    pub nodes: Vec<FileNode>,
    /// All pods that run, start or wait.
    pub pods: Vec<FilePod>,
    /// Services, for default spreading and for where the mesh sends calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<FileService>,
    /// ReplicaSets, StatefulSets and ReplicationControllers that have pods, for default spreading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<Workload>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disruption_budgets: Vec<DisruptionBudget>,
    /// Namespaces with their labels, for affinity that selects by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<FileNamespace>,
    /// When the flows were measured, in seconds since the Unix epoch; null when they never were.
    #[serde(default)]
    pub flows_at: Option<f64>,
    /// All flows, each edge once.
    pub flows: Vec<FileFlow>,
    /// Round-trip times between zones, each pair once, where something measures them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub round_trips: Vec<FileRoundTrip>,
}

impl Default for SnapshotFile {
    /// An empty cluster, whose flows were never measured.
    fn default() -> Self {
        Self {
            version: VERSION,
            taken_at: 0.0,
            identity: Identity::default(),
            anonymised: false,
            missing: Vec::new(),
            nodes: Vec::new(),
            pods: Vec::new(),
            services: Vec::new(),
            workloads: Vec::new(),
            disruption_budgets: Vec::new(),
            namespaces: Vec::new(),
            flows_at: None,
            flows: Vec::new(),
            round_trips: Vec::new(),
        }
    }
}

/// Something that should be in a snapshot and could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// What, as the resources of the API are called, or `flows`.
    pub what: String,
    /// Why, and what to do about it.
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileNode {
    pub name: String,
    /// Only where its label does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Only where its label does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What its pods may request together, in cores.
    #[serde(default)]
    pub allocatable_cpu_cores: f64,
    /// What its pods may request together, in bytes.
    #[serde(default)]
    pub allocatable_memory_bytes: u64,
    /// What else kube-scheduler reads of it; absent where that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<NodeScheduling>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePod {
    /// `namespace/name`.
    pub name: String,
    /// `metadata.uid`, which tells it from another of its name; absent where that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// `namespace/name` of its application; null for a pod that has none.
    #[serde(default)]
    pub application: Option<Application>,
    /// The node it runs or starts on; null while it is pending.
    #[serde(default)]
    pub node: Option<String>,
    /// Its labels, for selectors and for policies that ask. An extender keeps none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What kube-scheduler counts for it, in cores.
    #[serde(default)]
    pub cpu_request_cores: f64,
    /// What kube-scheduler counts for it, in bytes.
    #[serde(default)]
    pub memory_request_bytes: u64,
    /// What else kube-scheduler reads of it; absent where that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<PodScheduling>,
}

/// A flow: what one application's calls to another move, requests and responses together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFlow {
    /// Who calls, as `namespace/name`.
    pub source: Application,
    /// Who is called, as `namespace/name`.
    pub destination: Application,
    /// In bytes per second.
    pub bytes_per_second: f64,
    /// How often, per second; zero where only bytes were counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls_per_second: f64,
}

/// How long a message takes from one zone to another and back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRoundTrip {
    /// A zone; a node counts for its zone.
    pub source: String,
    /// A zone; a node counts for its zone.
    pub destination: String,
    pub seconds: f64,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl FileNode {
    /// Its zone, wherever it stands.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.said(&self.zone, ZONE)
    }

    /// Its region, wherever it stands.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.said(&self.region, REGION)
    }

    fn said<'a>(&'a self, field: &'a Option<String>, label: &str) -> Option<&'a str> {
        let text = field.as_ref().or_else(|| self.labels.get(label));
        text.map(String::as_str).filter(|text| !text.is_empty())
    }

    /// CPU and memory that its pods may request together.
    #[must_use]
    pub fn allocatable(&self) -> Resources {
        Resources::from_cores(self.allocatable_cpu_cores, self.allocatable_memory_bytes)
    }

    /// How many pods it takes; 0 where that is unknown.
    pub(super) fn max_pods(&self) -> u32 {
        let pods = self.scheduling.as_ref().map_or(0, |scheduling| scheduling.allocatable.pods);
        u32::try_from(pods).unwrap_or(u32::MAX)
    }

    /// Whether it takes no pod that does not tolerate it.
    pub(super) fn is_closed(&self) -> bool {
        let keeps_off = |taint: &Taint| matches!(&*taint.effect, "NoSchedule" | "NoExecute");
        self.scheduling
            .as_ref()
            .is_some_and(|scheduling| scheduling.unschedulable || scheduling.taints.iter().any(keeps_off))
    }

    /// As the model of kube-scheduler takes it. Of a node without `scheduling`, nothing else is known: it is taken to have
    /// no taints, its name as its host name, and room for as many pods as a kubelet takes by default.
    #[must_use]
    pub fn model(&self) -> Node {
        let mut labels = self.labels.clone();
        for (label, text) in [(ZONE, self.zone()), (REGION, self.region())] {
            if let Some(text) = text {
                labels.entry(label.to_owned()).or_insert_with(|| text.to_owned());
            }
        }
        if self.scheduling.is_none() {
            labels.entry(HOSTNAME.to_owned()).or_insert_with(|| self.name.clone());
        }
        NodeScheduling::model(self.scheduling.as_ref(), &self.name, labels, self.allocatable())
    }
}

impl FilePod {
    /// Of the model's pod, whose uid it does not know; the inverse of [`Self::model`].
    #[must_use]
    pub fn new(pod: Pod, application: Option<Application>) -> Self {
        let Pod { namespace, name, labels, node_name, mut scheduling } = pod;
        let requests = &scheduling.requests;
        let both = Resources { cpu_millicores: requests.cpu_millicores, memory_bytes: requests.memory_bytes };
        scheduling.requests = without_both(scheduling.requests);
        Self {
            name: format!("{namespace}/{name}"),
            uid: None,
            application,
            node: node_name,
            labels,
            cpu_request_cores: both.cores(),
            memory_request_bytes: both.memory_bytes,
            scheduling: Some(scheduling),
        }
    }

    /// As the pod that waits for a node.
    #[must_use]
    pub fn pending(&self) -> PendingPod {
        PendingPod {
            group: None,
            assumed_as: None,
            expected: ExpectedTraffic::default(),
            key: self.name.clone(),
            application: self.application.clone(),
            labels: self.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            requests: self.requests(),
        }
    }

    /// What kube-scheduler counts for it.
    #[must_use]
    pub fn requests(&self) -> Resources {
        Resources::from_cores(self.cpu_request_cores, self.memory_request_bytes)
    }

    /// Whether it may run on some nodes only.
    pub(super) fn is_confined(&self) -> bool {
        self.scheduling
            .as_ref()
            .is_some_and(|scheduling| scheduling.belongs_to_its_node() || scheduling.chooses_nodes())
    }

    /// Whether it is being deleted.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.scheduling.as_ref().is_some_and(|scheduling| scheduling.terminating)
    }

    /// As the model of kube-scheduler takes it. Of a pod without `scheduling`, only requests are known.
    #[must_use]
    pub fn model(&self) -> Pod {
        let (namespace, name) = self.name.split_once('/').unwrap_or(("", &self.name));
        let mut scheduling = self.scheduling.clone().unwrap_or_default();
        scheduling.requests = with_both(scheduling.requests, self.requests());
        Pod {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: self.labels.clone(),
            node_name: self.node.clone(),
            scheduling,
        }
    }
}
