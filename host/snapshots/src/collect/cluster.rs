//! Nodes, pods and what stands behind them, from the Kubernetes API.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use k8s_openapi::api::apps::v1::{ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1 as api;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::{Api, Client};
use netmarks_core::application::{Application, Naming};
use netmarks_core::facts::Resources;
use netmarks_core::pod_identity::PodIdentity;
use netmarks_scheduler_model::{self as model, Node, Pod, Volume, Workload, owners};
use netmarks_sources::snapshot_file::{
    DisruptionBudget, FileNamespace, FileNode, FilePod, FileService, Missing, NodeCondition, NodeScheduling,
    SnapshotFile,
};
use serde::de::DeserializeOwned;

use super::kinds::{
    BUDGETS, CONTROLLERS, Kind, NAMESPACES, NODES, PODS, REPLICA_SETS, SERVICES, STATEFUL_SETS, VOLUMES,
};
use super::list::list;
use super::progress::{Progress, Step};
use super::{CollectError, empty};

/// Pods that have ended hold nothing.
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Labels of a PersistentVolume that say where it is.
const PLACES: [&str; 4] = [
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
];

/// Reads one kind after the other, so that an API server is asked for one page at a time.
struct Reader<'a> {
    client: &'a Client,
    progress: &'a dyn Progress,
    missing: Vec<Missing>,
}

/// The snapshot without flows.
///
/// # Errors
/// If nodes or pods cannot be listed.
pub(super) async fn cluster(
    client: &Client,
    naming: Naming,
    progress: &dyn Progress,
) -> Result<SnapshotFile, CollectError> {
    let needed = |kind: Kind| move |why| CollectError::List { resource: kind.resource, why };
    let mut reader = Reader { client, progress, missing: Vec::new() };
    let nodes =
        list(&Api::all(client.clone()), NODES, None, progress, file_node).await.map_err(needed(NODES))?;
    let volumes: HashMap<(String, String), Volume> =
        reader.read(VOLUMES, claimed).await.into_iter().flatten().collect();
    let pods: Api<api::Pod> = Api::all(client.clone());
    let pods = list(&pods, PODS, Some(UNFINISHED), progress, |pod| file_pod(naming, &volumes, &pod));
    let pods = pods.await.map_err(needed(PODS))?;
    let services = reader.read(SERVICES, file_service).await;
    let namespaces = reader.read(NAMESPACES, file_namespace).await;
    let disruption_budgets = reader.read(BUDGETS, disruption_budget).await;
    let mut workloads = reader.read(REPLICA_SETS, replica_set).await;
    workloads.extend(reader.read(STATEFUL_SETS, stateful_set).await);
    workloads.extend(reader.read(CONTROLLERS, replication_controller).await);
    // A Deployment keeps ten old ReplicaSets without pods.
    let owners: HashSet<(&str, &model::Owner)> = pods
        .iter()
        .filter_map(|pod| {
            let (namespace, _) = pod.name.split_once('/')?;
            Some((namespace, pod.scheduling.as_ref()?.owner.as_ref()?))
        })
        .collect();
    workloads.retain(|workload| owners.contains(&(workload.namespace.as_str(), &workload.owner)));
    let missing = reader.missing;
    Ok(SnapshotFile {
        missing,
        nodes,
        services,
        workloads,
        disruption_budgets,
        namespaces,
        pods,
        ..empty(naming.identity)
    })
}

impl Reader<'_> {
    /// All objects of a kind, or none and a line that says so.
    async fn read<K, T>(&mut self, kind: Kind, keep: impl Fn(K) -> T) -> Vec<T>
    where
        K: Clone + Debug + DeserializeOwned + kube::Resource<DynamicType = ()>,
    {
        let Kind { resource, without, .. } = kind;
        match list(&Api::all(self.client.clone()), kind, None, self.progress, keep).await {
            Ok(objects) => objects,
            Err(why) => {
                self.progress.step(Step::NotListed { resource });
                let why = format!("{why}: {without}");
                self.missing.push(Missing { what: resource.to_owned(), why });
                Vec::new()
            }
        }
    }
}

fn names(metadata: ObjectMeta) -> (String, String) {
    (metadata.namespace.unwrap_or_default(), metadata.name.unwrap_or_default())
}

fn file_node(node: api::Node) -> FileNode {
    let mut known = Node::from(&node);
    let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
    let condition =
        |condition: api::NodeCondition| NodeCondition { kind: condition.type_, status: condition.status };
    let both = Resources {
        cpu_millicores: known.allocatable.cpu_millicores,
        memory_bytes: known.allocatable.memory_bytes,
    };
    FileNode {
        name: std::mem::take(&mut known.name),
        zone: None,
        region: None,
        labels: std::mem::take(&mut known.labels),
        allocatable_cpu_cores: both.cores(),
        allocatable_memory_bytes: both.memory_bytes,
        scheduling: Some(NodeScheduling::new(known, conditions.into_iter().map(condition).collect())),
    }
}

fn file_pod(naming: Naming, volumes: &HashMap<(String, String), Volume>, pod: &api::Pod) -> FilePod {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let volume = |claim: &str| volumes.get(&(namespace.clone(), claim.to_owned())).cloned();
    let known = Pod::from_api(pod, volume);
    let application = application(naming, &pod.metadata, &known);
    FilePod { uid: pod.metadata.uid.clone(), ..FilePod::new(known, application) }
}

fn application(naming: Naming, metadata: &ObjectMeta, pod: &Pod) -> Option<Application> {
    let owners = owners(metadata);
    let name = naming.name(PodIdentity {
        name: &pod.name,
        generated: metadata.generate_name.as_ref().is_some_and(|prefix| !prefix.is_empty()),
        labels: &pod.labels,
        owners: &owners,
    })?;
    Some(Application::new(&pod.namespace, name))
}

/// A volume by the claim that it is bound to.
fn claimed(volume: api::PersistentVolume) -> Option<((String, String), Volume)> {
    let spec = volume.spec?;
    let claim = spec.claim_ref?;
    let mut labels: BTreeMap<String, String> = volume.metadata.labels.unwrap_or_default();
    labels.retain(|label, _| PLACES.contains(&label.as_str()));
    let node_affinity = spec.node_affinity.and_then(|affinity| affinity.required);
    Some(((claim.namespace?, claim.name?), Volume { labels, node_affinity }))
}

fn file_service(service: api::Service) -> FileService {
    let spec = service.spec.unwrap_or_default();
    let (namespace, name) = names(service.metadata);
    FileService {
        namespace,
        name,
        selector: spec.selector.unwrap_or_default(),
        traffic_distribution: spec.traffic_distribution.as_deref().map(Into::into),
        internal_traffic_policy: spec.internal_traffic_policy.filter(|policy| policy != "Cluster"),
    }
}

fn file_namespace(namespace: api::Namespace) -> FileNamespace {
    let ObjectMeta { name, labels, .. } = namespace.metadata;
    FileNamespace { name: name.unwrap_or_default(), labels: labels.unwrap_or_default() }
}

fn disruption_budget(budget: PodDisruptionBudget) -> DisruptionBudget {
    let spec = budget.spec.unwrap_or_default();
    let (namespace, name) = names(budget.metadata);
    DisruptionBudget {
        namespace,
        name,
        selector: spec.selector,
        min_available: spec.min_available,
        max_unavailable: spec.max_unavailable,
        disruptions_allowed: budget.status.and_then(|status| status.disruptions_allowed).unwrap_or(0),
    }
}

fn workload(metadata: ObjectMeta, api_version: &str, kind: &str, selector: LabelSelector) -> Workload {
    let (namespace, name) = names(metadata);
    let owner = model::Owner { api_version: api_version.to_owned(), kind: kind.to_owned(), name };
    Workload { namespace, owner, selector }
}

fn replica_set(set: ReplicaSet) -> Workload {
    workload(set.metadata, "apps/v1", "ReplicaSet", set.spec.selector)
}

fn stateful_set(set: StatefulSet) -> Workload {
    workload(set.metadata, "apps/v1", "StatefulSet", set.spec.selector)
}

fn replication_controller(controller: api::ReplicationController) -> Workload {
    let match_labels = controller.spec.and_then(|spec| spec.selector);
    let selector = LabelSelector { match_labels, match_expressions: None };
    workload(controller.metadata, "v1", "ReplicationController", selector)
}
