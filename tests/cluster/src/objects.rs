//! Nodes, Deployments and pods: the few operations on the API that nearly every test needs.

use crate::control_plane::ControlPlane;
use crate::wait::until;
use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Requests under way at once: enough to keep the API server busy, few enough to leave it responsive.
const CONCURRENCY: usize = 32;

/// A thousand nodes take some seconds to become ready; see [`crate::wait`] for how the limit is used.
const NODES_LIMIT: Duration = Duration::from_secs(300);

/// A node to create; kwok plays its kubelet.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    /// Name, also used as the `kubernetes.io/hostname` label.
    pub name: String,
    /// Value of the `topology.kubernetes.io/zone` label, if any.
    pub zone: Option<String>,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
    /// Capacity in Kubernetes notation, such as `4` or `500m` cores.
    pub cpu: String,
    /// Capacity in Kubernetes notation, such as `16Gi`.
    pub memory: String,
    /// How many pods fit.
    pub pods: u32,
}

impl NodeSpec {
    /// A node with 8 cores, 32 GiB, room for 250 pods and no zone.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            zone: None,
            labels: BTreeMap::new(),
            cpu: "8".to_owned(),
            memory: "32Gi".to_owned(),
            pods: 250,
        }
    }

    /// `count` nodes named `node-0000` and on.
    pub fn numbered(count: usize) -> Vec<Self> {
        (0..count).map(|index| Self::new(format!("node-{index:04}"))).collect()
    }

    /// The same with a zone.
    #[must_use]
    pub fn in_zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// The same with another capacity, in Kubernetes notation.
    #[must_use]
    pub fn with_capacity(mut self, cpu: &str, memory: &str) -> Self {
        self.cpu = cpu.to_owned();
        self.memory = memory.to_owned();
        self
    }

    fn object(&self) -> Result<Node> {
        let Self { name, zone, labels, cpu, memory, pods } = self;
        let mut labels = labels.clone();
        labels.insert("kubernetes.io/hostname".to_owned(), name.clone());
        labels.insert("kubernetes.io/os".to_owned(), "linux".to_owned());
        if let Some(zone) = zone {
            labels.insert("topology.kubernetes.io/zone".to_owned(), zone.clone());
        }
        let capacity = json!({"cpu": cpu, "memory": memory, "pods": pods.to_string()});
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": labels},
            "status": {"capacity": capacity, "allocatable": capacity},
        }))
        .with_context(|| format!("failed to describe node {name}"))
    }
}

/// A Deployment to create, whose pods carry the label `app` with its name.
#[derive(Debug, Clone)]
pub struct DeploymentSpec {
    /// Namespace; create it first.
    pub namespace: String,
    /// Name of the Deployment and value of the `app` label.
    pub name: String,
    /// How many pods.
    pub replicas: i32,
    /// Requested cores of one pod in Kubernetes notation, if any.
    pub cpu: Option<String>,
    /// Requested memory of one pod in Kubernetes notation, if any.
    pub memory: Option<String>,
    /// Further labels of the pods.
    pub labels: BTreeMap<String, String>,
}

impl DeploymentSpec {
    /// A Deployment without requests or further labels.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, replicas: i32) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            replicas,
            cpu: None,
            memory: None,
            labels: BTreeMap::new(),
        }
    }

    /// The same with requests, in Kubernetes notation.
    #[must_use]
    pub fn with_requests(mut self, cpu: &str, memory: &str) -> Self {
        self.cpu = Some(cpu.to_owned());
        self.memory = Some(memory.to_owned());
        self
    }

    fn object(&self) -> Result<Deployment> {
        let Self { namespace, name, replicas, cpu, memory, labels } = self;
        let mut labels = labels.clone();
        labels.insert("app".to_owned(), name.clone());
        let mut requests = BTreeMap::new();
        requests.extend(cpu.as_ref().map(|quantity| ("cpu", quantity)));
        requests.extend(memory.as_ref().map(|quantity| ("memory", quantity)));
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "containers": [
                            {"name": "main", "image": "none.invalid/none", "resources": {"requests": requests}},
                        ],
                        // No service account exists here.
                        "automountServiceAccountToken": false,
                        // kwok deletes at once, so there is nothing to be graceful for.
                        "terminationGracePeriodSeconds": 0,
                    },
                },
            },
        }))
        .with_context(|| format!("failed to describe deployment {namespace}/{name}"))
    }
}

/// Where one pod is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlacedPod {
    /// Value of the `app` label, empty without one.
    pub app: String,
    /// Name of the pod.
    pub pod: String,
    /// Node it is bound to.
    pub node: String,
    /// Whether its phase is Running.
    pub running: bool,
}

impl ControlPlane {
    /// Creates nodes and waits until each is Ready and free of the not-ready taint, so that pods can go there.
    pub async fn create_nodes(&self, nodes: &[NodeSpec]) -> Result<()> {
        let api: Api<Node> = Api::all(self.client().clone());
        let objects = nodes.iter().map(NodeSpec::object).collect::<Result<Vec<_>>>()?;
        stream::iter(objects)
            .map(|node| {
                let api = api.clone();
                async move { api.create(&PostParams::default(), &node).await.context("failed to create a node") }
            })
            .buffer_unordered(CONCURRENCY)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        until(&format!("{} nodes to be usable", nodes.len()), NODES_LIMIT, async || {
            let listed = api.list(&ListParams::default()).await.context("failed to list nodes")?;
            let usable: std::collections::HashSet<&str> = listed
                .items
                .iter()
                .filter(|node| is_usable(node))
                .filter_map(|n| n.metadata.name.as_deref())
                .collect();
            Ok(nodes.iter().all(|node| usable.contains(node.name.as_str())).then_some(()))
        })
        .await
    }

    /// Deletes a node, as when a machine is taken away.
    pub async fn delete_node(&self, name: &str) -> Result<()> {
        let api: Api<Node> = Api::all(self.client().clone());
        api.delete(name, &DeleteParams::default())
            .await
            .with_context(|| format!("failed to delete node {name}"))?;
        Ok(())
    }

    /// Creates a namespace.
    pub async fn create_namespace(&self, name: &str) -> Result<()> {
        let api: Api<Namespace> = Api::all(self.client().clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))
            .with_context(|| format!("failed to describe namespace {name}"))?;
        api.create(&PostParams::default(), &namespace)
            .await
            .with_context(|| format!("failed to create namespace {name}"))?;
        Ok(())
    }

    /// Creates a Deployment; its pods appear, and are bound, some time later.
    pub async fn create_deployment(&self, spec: &DeploymentSpec) -> Result<()> {
        let api: Api<Deployment> = Api::namespaced(self.client().clone(), &spec.namespace);
        api.create(&PostParams::default(), &spec.object()?)
            .await
            .with_context(|| format!("failed to create deployment {}/{}", spec.namespace, spec.name))?;
        Ok(())
    }

    /// Changes how many pods a Deployment wants.
    pub async fn scale_deployment(&self, namespace: &str, name: &str, replicas: i32) -> Result<()> {
        let api: Api<Deployment> = Api::namespaced(self.client().clone(), namespace);
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        api.patch(name, &PatchParams::default(), &patch)
            .await
            .with_context(|| format!("failed to scale deployment {namespace}/{name} to {replicas}"))?;
        Ok(())
    }

    /// Deletes every Deployment of a namespace and waits until its pods are gone.
    pub async fn clear_namespace(&self, namespace: &str, limit: Duration) -> Result<()> {
        let deployments: Api<Deployment> = Api::namespaced(self.client().clone(), namespace);
        deployments
            .delete_collection(&DeleteParams::background(), &ListParams::default())
            .await
            .with_context(|| format!("failed to delete the deployments of {namespace}"))?;
        let pods: Api<Pod> = Api::namespaced(self.client().clone(), namespace);
        until(&format!("the pods of {namespace} to be gone"), limit, async || {
            let listed = pods.list_metadata(&ListParams::default()).await.context("failed to list pods")?;
            Ok(listed.items.is_empty().then_some(()))
        })
        .await
    }

    /// The bound pods of a namespace that are not being deleted, sorted by application and name.
    pub async fn placement(&self, namespace: &str) -> Result<Vec<PlacedPod>> {
        let api: Api<Pod> = Api::namespaced(self.client().clone(), namespace);
        let listed = api
            .list(&ListParams::default())
            .await
            .with_context(|| format!("failed to list the pods of {namespace}"))?;
        let mut pods: Vec<PlacedPod> = listed.items.into_iter().filter_map(placed).collect();
        pods.sort();
        Ok(pods)
    }

    /// Waits until exactly `count` pods of a namespace are bound, and returns where.
    pub async fn wait_bound(&self, namespace: &str, count: usize, limit: Duration) -> Result<Vec<PlacedPod>> {
        until(&format!("{count} pods of {namespace} to be bound"), limit, async || {
            self.exactly(namespace, count, |_| true).await
        })
        .await
    }

    /// Waits until exactly `count` pods of a namespace are bound and Running, and returns where.
    pub async fn wait_running(
        &self,
        namespace: &str,
        count: usize,
        limit: Duration,
    ) -> Result<Vec<PlacedPod>> {
        until(&format!("{count} pods of {namespace} to be running"), limit, async || {
            self.exactly(namespace, count, |pod| pod.running).await
        })
        .await
    }

    async fn exactly(
        &self,
        namespace: &str,
        count: usize,
        counts: impl Fn(&PlacedPod) -> bool,
    ) -> Result<Option<Vec<PlacedPod>>> {
        let pods = self.placement(namespace).await?;
        let seen = pods.iter().filter(|pod| counts(pod)).count();
        // As an error, so that the last number seen is in the message of a wait that fails.
        anyhow::ensure!(seen == count, "{seen} of {count} so far, {} bound", pods.len());
        Ok(Some(pods))
    }
}

fn placed(pod: Pod) -> Option<PlacedPod> {
    let spec = pod.spec?;
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    Some(PlacedPod {
        app: pod.metadata.labels.and_then(|mut labels| labels.remove("app")).unwrap_or_default(),
        pod: pod.metadata.name?,
        node: spec.node_name?,
        running: pod.status.and_then(|status| status.phase).as_deref() == Some("Running"),
    })
}

fn is_usable(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let tainted =
        node.spec.as_ref().and_then(|spec| spec.taints.as_ref()).is_some_and(|taints| !taints.is_empty());
    ready && !tainted
}
