//! A snapshot as the simulation needs it: the same nodes and pods, by the same indexes, for the model of kube-scheduler, for
//! policies and for the figures.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use netmarks_core::facts::{ApplicationFacts, PodFacts, Resources};
use netmarks_core::index::Index;
use netmarks_core::request::PendingPod;
use netmarks_placement::{Flow, Inventory};
use netmarks_scheduler_model as model;
use netmarks_sources::snapshot_file::{FileNode, FilePod, SnapshotFile};
use netmarks_target_placement as target_placement;
use netmarks_target_placement::{Scene, Target, TargetConfig, TargetRouting};

/// A snapshot that cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Nothing to place pods on.
    #[error("the snapshot has no nodes")]
    NoNodes,
    /// Nothing to place.
    #[error("the snapshot has no pods")]
    NoPods,
    /// A node that is not there.
    #[error("the snapshot has no node `{0}`")]
    NoNode(String),
}

/// A snapshot, ready to be simulated.
#[derive(Debug)]
pub struct World {
    pub(crate) inventory: Inventory,
    pub(crate) nodes: Vec<model::Node>,
    pub(crate) pods: Vec<model::Pod>,
    /// The pods as an extender is asked about them.
    pub(crate) pending: Vec<PendingPod>,
    services: Vec<model::Service>,
    workloads: Vec<model::Workload>,
    /// The snapshot without pods.
    empty: SnapshotFile,
    /// What controllers and Services say of applications.
    said: Vec<ApplicationFacts>,
    /// What policies are told to converge to, from where the pods are; made when it is first asked for.
    target: OnceLock<Target>,
    /// How it is made.
    target_config: TargetConfig,
}

/// The nodes of a world without pods, and its pods compiled: made once, and copied for each run.
#[derive(Debug)]
pub struct EmptyCluster {
    pub(crate) cluster: model::Cluster,
    /// One for each pod.
    pub(crate) templates: Vec<model::TemplateId>,
}

impl World {
    /// From a snapshot. Pods that are being deleted are left out; a pod on a node that the snapshot does not have waits for one.
    ///
    /// # Errors
    /// If there is nothing to place, or nowhere to place it.
    pub fn new(mut snapshot: SnapshotFile) -> Result<Self, WorldError> {
        let mut pods = std::mem::take(&mut snapshot.pods);
        pods.retain(|pod| !pod.is_terminating());
        if snapshot.nodes.is_empty() {
            return Err(WorldError::NoNodes);
        }
        if pods.is_empty() {
            return Err(WorldError::NoPods);
        }
        let nodes: Vec<model::Node> = snapshot.nodes.iter().map(FileNode::model).collect();
        let models: Vec<model::Pod> = pods.iter().map(FilePod::model).collect();
        Ok(Self {
            said: snapshot.said(&pods),
            target: OnceLock::new(),
            target_config: TargetConfig::default(),
            inventory: inventory(&snapshot, &pods, &nodes, &models),
            nodes,
            pods: models,
            pending: pods.iter().map(FilePod::pending).collect(),
            services: snapshot.services.iter().map(Into::into).collect(),
            workloads: snapshot.workloads.clone(),
            empty: snapshot,
        })
    }

    /// Nodes, pods and traffic as the figures count them.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The pods of the inventory, in its order, as the model of kube-scheduler takes them.
    #[must_use]
    pub fn pods(&self) -> &[model::Pod] {
        &self.pods
    }

    /// The snapshot, without its pods.
    #[must_use]
    pub fn snapshot(&self) -> &SnapshotFile {
        &self.empty
    }

    /// The index of a node.
    ///
    /// # Errors
    /// If no node has this name.
    pub fn node(&self, name: &str) -> Result<usize, WorldError> {
        let found = self.nodes.iter().position(|node| node.name == name);
        found.ok_or_else(|| WorldError::NoNode(name.to_owned()))
    }

    /// Without what controllers say: policies learn of replicas as they are placed, as where none of them can be listed.
    #[must_use]
    pub fn without_replicas(mut self) -> Self {
        for facts in &mut self.said {
            (facts.replicas, facts.requests) = (0, Resources::default());
        }
        self
    }

    /// Without a target placement, as where `serve` is configured to compute none.
    #[must_use]
    pub fn without_target(mut self) -> Self {
        self.target = OnceLock::from(Target::new());
        self
    }

    /// With a target placement as `serve` computes it by this configuration, which may want none.
    #[must_use]
    pub fn with_target(mut self, config: TargetConfig) -> Self {
        let enabled = config.enabled;
        self.target_config = config;
        if enabled { self } else { self.without_target() }
    }

    /// With a target placement for calls that are routed like this, as with `target.routing`.
    #[must_use]
    pub fn with_target_routing(mut self, routing: TargetRouting) -> Self {
        self.target_config.routing = routing;
        self
    }

    /// What the snapshot lacks, and why.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.empty.missing.iter().map(|missing| format!("{}: {}", missing.what, missing.why)).collect()
    }

    /// The nodes without pods, for the model of kube-scheduler; one may be cordoned.
    #[must_use]
    pub fn empty_cluster(&self, cordoned: Option<usize>) -> EmptyCluster {
        let mut nodes = self.nodes.clone();
        if let Some(node) = cordoned.and_then(|node| nodes.get_mut(node)) {
            node.unschedulable = true;
        }
        let mut cluster = model::Cluster::new(nodes)
            .with_services(self.services.clone())
            .with_workloads(self.workloads.clone());
        let templates = self.pods.iter().map(|pod| cluster.template(pod)).collect();
        EmptyCluster { cluster, templates }
    }

    /// Nodes and flows without pods, for policies, with what controllers and Services say of applications.
    pub(crate) fn index(&self) -> Index {
        let mut index = self.empty.to_index();
        self.said.iter().for_each(|facts| index.apply_application(facts));
        index
    }

    /// The target placement that `serve` would compute from where the pods are.
    pub(crate) fn target(&self) -> &Target {
        self.target.get_or_init(|| {
            let mut index = self.index();
            for (pod, model) in self.pending.iter().zip(&self.pods) {
                let scheduling = &model.scheduling;
                index.apply_pod(&PodFacts {
                    key: pod.key.clone(),
                    application: pod.application.clone(),
                    node: model.node_name.clone(),
                    gone: false,
                    requests: pod.requests,
                    confined: scheduling.belongs_to_its_node() || scheduling.chooses_nodes(),
                    revision: 0,
                });
            }
            let snapshot = index.snapshot();
            if target_placement::too_large(&snapshot, &self.target_config) {
                return Target::new();
            }
            let scene = Scene::new(&snapshot, &self.target_config);
            let packed = target_placement::search(&scene, &self.target_config, &|| false);
            scene.target(&packed.placement)
        })
    }
}

impl EmptyCluster {
    /// Whether a pod could run on a node without other pods, else the first filter that speaks against it.
    pub fn could_run(&self, pod: usize, node: usize) -> Result<(), model::Reason> {
        let template = self.templates.get(pod).ok_or(model::Reason::Unknown)?;
        self.cluster.could_run(*template, node)
    }

    /// What the model leaves out, each sentence with the number of pods that it concerns.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for what in self.templates.iter().flat_map(|template| self.cluster.left_out(*template)) {
            *counts.entry(what.to_string()).or_default() += 1;
        }
        counts
    }
}

fn inventory(
    snapshot: &SnapshotFile,
    pods: &[FilePod],
    nodes: &[model::Node],
    models: &[model::Pod],
) -> Inventory {
    let by_name: HashMap<&str, usize> =
        nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index)).collect();
    let mut applications = Applications::default();
    let node = |(file, node): (&FileNode, &model::Node)| netmarks_placement::Node {
        name: node.name.clone(),
        zone: file.zone().map(str::to_owned),
        region: file.region().map(str::to_owned),
        cpu_millicores: node.allocatable.cpu_millicores,
        memory_bytes: node.allocatable.memory_bytes,
        max_pods: u32::try_from(node.allocatable.pods).unwrap_or(u32::MAX),
    };
    let pods = pods.iter().zip(models).map(|(file, pod)| netmarks_placement::Pod {
        name: file.name.clone(),
        application: file.application.as_ref().map(|name| applications.number(name.as_str())),
        cpu_millicores: pod.scheduling.requests.cpu_millicores,
        memory_bytes: pod.scheduling.requests.memory_bytes,
        created: pod.scheduling.creation_timestamp.as_ref().map(|time| time.0.as_second() as f64),
        node: pod.node_name.as_deref().and_then(|name| by_name.get(name)).copied(),
        fixed: pod.scheduling.belongs_to_its_node(),
    });
    let pods = pods.collect();
    let flows = snapshot.flows.iter().map(|flow| Flow {
        source: applications.number(flow.source.as_str()),
        destination: applications.number(flow.destination.as_str()),
        bytes_per_second: flow.bytes_per_second,
        calls_per_second: flow.calls_per_second,
    });
    let flows = flows.collect();
    Inventory {
        nodes: snapshot.nodes.iter().zip(nodes).map(node).collect(),
        applications: applications.names,
        pods,
        flows,
    }
}

/// Numbers applications in the order in which they are met.
#[derive(Default)]
struct Applications {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
}

impl Applications {
    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len();
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = r#"{
        "version": 2, "taken_at": 1.0, "identity": "app", "flows_at": 1.0,
        "nodes": [{"name": "a", "allocatable_cpu_cores": 2.0, "allocatable_memory_bytes": 8589934592,
                   "scheduling": {"allocatable": {"pods": "110"}}},
                  {"name": "b", "allocatable_cpu_cores": 2.0, "allocatable_memory_bytes": 8589934592,
                   "scheduling": {"allocatable": {"pods": "110"}}}],
        "pods": [{"name": "shop/web-0", "application": "shop/web", "node": "a", "scheduling": {}},
                 {"name": "shop/db-0", "application": "shop/db", "node": "b", "scheduling": {}}],
        "flows": [{"source": "shop/web", "destination": "shop/db", "bytes_per_second": 1000.0}]}"#;

    #[test]
    fn a_cluster_of_more_pods_than_serve_takes_has_no_target() {
        let targets = |max_pods: usize| {
            let snapshot = SnapshotFile::from_json(SNAPSHOT.as_bytes()).unwrap();
            let config = TargetConfig { max_pods, ..TargetConfig::default() };
            World::new(snapshot).unwrap().with_target(config).target().len()
        };
        assert_eq!((targets(2), targets(1)), (2, 0));
    }
}
