//! Watch events to changes of the index: no I/O, so that every order of events is tested with plain values.

use kube::runtime::watcher::Event;
use netmarks_core::application::{Application, Naming};
use netmarks_core::facts::{NodeFacts, PodFacts};
use netmarks_core::index::Index;
use netmarks_core::pod_identity::{Owner, PodIdentity};
use netmarks_core::revision::revision;

use super::trimmed::{TrimmedNode, TrimmedPod};

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";

/// What one event of a watch asks of the index. Made before the index is locked.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<Facts> {
    /// A complete list begins.
    BeginList,
    /// An object is there, or has changed.
    Apply(Facts),
    /// The object of this name (`namespace/name` for pods) is deleted.
    Delete(String),
    /// The list is complete: what it lacked is gone.
    EndList,
}

/// What came of a batch of changes that someone else must hear of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Complete lists that were begun.
    pub lists_begun: u32,
    /// Complete lists that ended.
    pub lists_ended: u32,
    /// Pods that are now known to be bound or gone, as `namespace/name`.
    pub settled: Vec<String>,
}

/// What a pod's event asks of the index; `None` for an object without a name, which no API server sends.
#[must_use]
pub fn pod_change(naming: Naming, event: Event<TrimmedPod>) -> Option<Change<PodFacts>> {
    Some(match event {
        Event::Init => Change::BeginList,
        Event::InitDone => Change::EndList,
        Event::InitApply(pod) | Event::Apply(pod) => Change::Apply(pod_facts(naming, pod)?),
        Event::Delete(pod) => Change::Delete(format!("{}/{}", pod.metadata.namespace?, pod.metadata.name?)),
    })
}

/// What a node's event asks of the index; `None` as in [`pod_change`].
#[must_use]
pub fn node_change(event: Event<TrimmedNode>) -> Option<Change<NodeFacts>> {
    Some(match event {
        Event::Init => Change::BeginList,
        Event::InitDone => Change::EndList,
        Event::InitApply(node) | Event::Apply(node) => Change::Apply(node_facts(node)?),
        Event::Delete(node) => Change::Delete(node.metadata.name?),
    })
}

/// Applies a batch of changes of pods, in their order.
pub fn apply_pods(index: &mut Index, changes: Vec<Change<PodFacts>>) -> Outcome {
    let mut outcome = Outcome::default();
    for change in changes {
        match change {
            Change::BeginList => {
                index.begin_pod_list();
                outcome.lists_begun += 1;
            }
            Change::Apply(facts) => {
                index.apply_pod(&facts);
                if facts.gone || facts.node.is_some() {
                    outcome.settled.push(facts.key);
                }
            }
            Change::Delete(key) => {
                index.delete_pod(&key);
                outcome.settled.push(key);
            }
            Change::EndList => {
                index.end_pod_list();
                outcome.lists_ended += 1;
            }
        }
    }
    outcome
}

/// Applies a batch of changes of nodes, in their order.
pub fn apply_nodes(index: &mut Index, changes: Vec<Change<NodeFacts>>) -> Outcome {
    let mut outcome = Outcome::default();
    for change in changes {
        match change {
            Change::BeginList => {
                index.begin_node_list();
                outcome.lists_begun += 1;
            }
            Change::Apply(facts) => index.apply_node(&facts),
            Change::Delete(name) => index.delete_node(&name),
            Change::EndList => {
                index.end_node_list();
                outcome.lists_ended += 1;
            }
        }
    }
    outcome
}

fn pod_facts(naming: Naming, pod: TrimmedPod) -> Option<PodFacts> {
    let (namespace, name) = (pod.metadata.namespace?, pod.metadata.name?);
    let belongs_to_its_node = |owner: &Owner<'_>| owner.kind == "DaemonSet" || owner.kind == "Node";
    let labels = pod.metadata.labels.unwrap_or_default();
    let application = naming.name(PodIdentity {
        name: &name,
        generated: pod.metadata.generate_name.is_some(),
        labels: &labels,
        owners: &pod.owners,
    });
    Some(PodFacts {
        key: format!("{namespace}/{name}"),
        application: application.map(|application| Application::new(&namespace, application)),
        node: pod.node,
        gone: pod.gone,
        requests: pod.requests,
        revision: revision(|name| labels.get(name).map(String::as_str)),
        confined: pod.chooses_nodes || pod.owners.iter().any(belongs_to_its_node),
    })
}

fn node_facts(node: TrimmedNode) -> Option<NodeFacts> {
    let mut labels = node.metadata.labels.unwrap_or_default();
    let mut label = |key: &str| labels.remove(key).filter(|value| !value.is_empty());
    Some(NodeFacts {
        name: node.metadata.name?,
        zone: label(ZONE),
        region: label(REGION),
        allocatable: node.allocatable,
        max_pods: node.max_pods,
        closed: node.closed,
    })
}
