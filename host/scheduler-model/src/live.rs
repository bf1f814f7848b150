//! [`LiveCluster`]: a [`Cluster`] that follows the events of a watch, and knows pods by name.
//!
//! The nodes of a cluster are fixed, because templates are compiled against them. So a node that comes, goes or changes what the
//! filters read makes another cluster, of the same pods: once for a batch of events, by [`LiveCluster::settle`], which
//! the writer calls. Heartbeats change nothing here.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::cluster::{Cluster, key};
use crate::node::Node;
use crate::pod::Pod;
use crate::template::TemplateId;

/// Templates that nobody uses any more and that a cluster may have before it is made again: those of pods that were asked about
/// or have gone. Beside them, as many as are in use.
const UNUSED_TEMPLATES: usize = 4_096;

/// And what they may say, in bytes: a pod may have a megabyte of terms.
const UNUSED_BYTES: usize = 32 << 20;

/// Holds nodes and pods by name, and a cluster of them.
#[derive(Clone, Debug)]
pub struct LiveCluster {
    nodes: BTreeMap<String, Listed<Node>>,
    /// By `namespace/name`.
    pods: HashMap<String, Listed<PlacedPod>, foldhash::fast::RandomState>,
    /// By the number that the caller gave them.
    assumed: HashMap<u64, PlacedPod, foldhash::fast::RandomState>,
    /// What the pods above are like.
    kinds: HashMap<Arc<str>, Kind, foldhash::fast::RandomState>,
    cluster: Cluster,
    /// Templates made for `cluster`.
    templates: usize,
    /// What those say that were made since it was, in bytes.
    bytes: usize,
    /// Whether `cluster` lacks a change of the nodes.
    outdated: bool,
    node_lists: Lists,
    pod_lists: Lists,
}

/// Something, and the list that it was last seen in.
#[derive(Clone, Debug)]
struct Listed<T> {
    what: T,
    list: u32,
}

/// A pod on a node, which the cluster need not know yet.
#[derive(Clone, Debug)]
struct PlacedPod {
    kind: Arc<str>,
    node: String,
}

/// What pods of one template have in common.
#[derive(Clone, Debug)]
struct Kind {
    pod: Pod,
    template: TemplateId,
    pods: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lists {
    latest: u32,
    complete: bool,
}

/// The nodes that could take a pod, as they were when that was asked.
#[derive(Clone, Debug)]
pub struct FeasibleNodes {
    nodes: Arc<[Node]>,
    feasible: Vec<usize>,
}

impl FeasibleNodes {
    /// In order of name.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.feasible.iter().filter_map(|node| self.nodes.get(*node))
    }
}

impl Default for LiveCluster {
    fn default() -> Self {
        Self {
            nodes: BTreeMap::new(),
            pods: HashMap::default(),
            assumed: HashMap::default(),
            kinds: HashMap::default(),
            cluster: Cluster::new(Vec::new()),
            templates: 0,
            bytes: 0,
            outdated: false,
            node_lists: Lists::default(),
            pod_lists: Lists::default(),
        }
    }
}

impl LiveCluster {
    /// Of nodes and pods that were all given at once, and that nothing needs to follow.
    #[must_use]
    pub fn fixed(nodes: impl IntoIterator<Item = Node>, pods: impl IntoIterator<Item = Pod>) -> Self {
        let mut live = Self::default();
        live.begin_node_list();
        nodes.into_iter().for_each(|node| live.apply_node(node));
        live.end_node_list();
        live.begin_pod_list();
        pods.into_iter().for_each(|pod| live.apply_pod(pod));
        live.end_pod_list();
        live.settle();
        live
    }

    /// Whether both lists were complete once.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.node_lists.complete && self.pod_lists.complete
    }

    pub fn begin_node_list(&mut self) {
        self.node_lists.latest = self.node_lists.latest.wrapping_add(1);
    }

    /// What the list lacked is gone.
    pub fn end_node_list(&mut self) {
        let (before, list) = (self.nodes.len(), self.node_lists.latest);
        self.nodes.retain(|_, node| node.list == list);
        self.outdated |= before != self.nodes.len();
        self.node_lists.complete = true;
    }

    pub fn apply_node(&mut self, node: Node) {
        let list = self.node_lists.latest;
        match self.nodes.get_mut(&node.name) {
            Some(known) if known.what == node => known.list = list,
            _ => {
                self.outdated = true;
                self.nodes.insert(node.name.clone(), Listed { what: node, list });
            }
        }
    }

    pub fn delete_node(&mut self, name: &str) {
        self.outdated |= self.nodes.remove(name).is_some();
    }

    pub fn begin_pod_list(&mut self) {
        self.pod_lists.latest = self.pod_lists.latest.wrapping_add(1);
    }

    /// What the list lacked is gone.
    pub fn end_pod_list(&mut self) {
        let list = self.pod_lists.latest;
        let gone: Vec<PlacedPod> =
            self.pods.extract_if(|_, pod| pod.list != list).map(|(_, pod)| pod.what).collect();
        for pod in gone {
            self.leave(&pod);
        }
        self.pod_lists.complete = true;
    }

    /// A pod as it is now. One without a node takes no room.
    pub fn apply_pod(&mut self, pod: Pod) {
        let name = format!("{}/{}", pod.namespace, pod.name);
        let Some(node) = pod.node_name.clone() else { return self.delete_pod(&name) };
        let list = self.pod_lists.latest;
        let kind: Arc<str> = key(&pod).into();
        if let Some(known) = self.pods.get_mut(&name) {
            known.list = list;
            if known.what.node == node && known.what.kind == kind {
                return;
            }
        }
        let placed = self.enter(kind, pod, node);
        if let Some(before) = self.pods.insert(name, Listed { what: placed, list }) {
            self.leave(&before.what);
        }
    }

    /// By `namespace/name`.
    pub fn delete_pod(&mut self, name: &str) {
        if let Some(pod) = self.pods.remove(name) {
            self.leave(&pod.what);
        }
    }

    /// Takes a pod to be on a node, under a number that is the caller's, until it is released.
    pub fn assume(&mut self, number: u64, pod: &Pod, node: &str) {
        let placed = self.enter(key(pod).into(), pod.clone(), node.to_owned());
        if let Some(before) = self.assumed.insert(number, placed) {
            self.leave(&before);
        }
    }

    pub fn release(&mut self, number: u64) {
        if let Some(pod) = self.assumed.remove(&number) {
            self.leave(&pod);
        }
    }

    /// Makes the cluster again if nodes have changed, or if half of what may be is there that is not used any more. Takes as long as it
    /// takes to place all pods. Whoever calls it after each change keeps questions from having to.
    pub fn settle(&mut self) {
        if self.outdated || self.is_full(2) {
            self.renew();
        }
    }

    /// Whether it has a part of what may be there that is not used any more.
    fn is_full(&self, part: usize) -> bool {
        self.templates > self.kinds.len() * 2 + UNUSED_TEMPLATES / part || self.bytes > UNUSED_BYTES / part
    }

    fn renew(&mut self) {
        let mut cluster = Cluster::new(self.nodes.values().map(|node| node.what.clone()).collect());
        for kind in self.kinds.values_mut() {
            kind.template = cluster.template(&kind.pod);
        }
        for pod in self.pods.values().map(|pod| &pod.what).chain(self.assumed.values()) {
            if let (Some(kind), Some(node)) = (self.kinds.get(&pod.kind), cluster.node_index(&pod.node)) {
                cluster.place(kind.template, node);
            }
        }
        self.cluster = cluster;
        self.templates = self.kinds.len();
        self.bytes = 0;
        self.outdated = false;
    }

    /// The nodes that could take one more pod like this.
    pub fn feasible(&mut self, pod: &Pod) -> FeasibleNodes {
        if self.outdated || self.is_full(1) {
            self.renew();
        }
        let key = key(pod);
        let known = self.kinds.get(key.as_str()).map(|kind| kind.template);
        let template = known.unwrap_or_else(|| {
            self.templates += 1;
            self.bytes += key.len();
            self.cluster.template(pod)
        });
        FeasibleNodes { feasible: self.cluster.feasible(template).nodes, nodes: self.cluster.shared_nodes() }
    }

    /// The nodes that could take one more pod like this one (`namespace/name`), which is on a node.
    pub fn feasible_for_another(&mut self, name: &str) -> Option<FeasibleNodes> {
        let kind = &self.pods.get(name)?.what.kind;
        let pod = self.kinds.get(kind)?.pod.clone();
        Some(self.feasible(&pod))
    }

    fn enter(&mut self, key: Arc<str>, pod: Pod, node: String) -> PlacedPod {
        let Self { cluster, templates, bytes, kinds, .. } = self;
        let kind = kinds.entry(key.clone()).or_insert_with(|| {
            *templates += 1;
            *bytes += key.len();
            Kind { template: cluster.template(&pod), pod, pods: 0 }
        });
        kind.pods += 1;
        if let Some(node) = cluster.node_index(&node) {
            cluster.place(kind.template, node);
        }
        PlacedPod { kind: key, node }
    }

    fn leave(&mut self, pod: &PlacedPod) {
        let Some(kind) = self.kinds.get_mut(&pod.kind) else { return };
        if let Some(node) = self.cluster.node_index(&pod.node) {
            self.cluster.remove(kind.template, node);
        }
        kind.pods -= 1;
        if kind.pods == 0 {
            self.kinds.remove(&pod.kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::ResourceList;

    fn node(name: &str, pods: u64) -> Node {
        let allocatable = ResourceList { pods, ..ResourceList::new(4_000, 1 << 33) };
        Node { name: name.to_owned(), allocatable, ..Node::default() }
    }

    fn pod(name: &str, node: Option<&str>, cpu: u64) -> Pod {
        let mut pod = Pod {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            node_name: node.map(str::to_owned),
            ..Pod::default()
        };
        pod.scheduling.requests = ResourceList::new(cpu, 0);
        pod
    }

    fn feasible(live: &mut LiveCluster, cpu: u64) -> Vec<String> {
        live.feasible(&pod("new", None, cpu)).nodes().map(|node| node.name.clone()).collect()
    }

    #[test]
    fn pods_take_room_until_they_are_gone() {
        let mut live = LiveCluster::fixed([node("a", 10), node("b", 10)], []);
        assert!(live.is_complete());
        assert_eq!(feasible(&mut live, 3_000), ["a", "b"]);
        live.apply_pod(pod("web-1", Some("a"), 2_000));
        live.apply_pod(pod("web-1", Some("a"), 2_000));
        assert_eq!(feasible(&mut live, 3_000), ["b"]);
        let another =
            |live: &mut LiveCluster, name: &str| Some(live.feasible_for_another(name)?.nodes().count());
        assert_eq!((another(&mut live, "shop/web-1"), another(&mut live, "shop/web-9")), (Some(2), None));
        assert_eq!(feasible(&mut live, 2_000), ["a", "b"], "an event that comes twice counts once");
        live.assume(7, &pod("web-2", None, 1_000), "b");
        assert_eq!(feasible(&mut live, 3_001), Vec::<String>::new());
        live.release(7);
        live.release(7);
        assert_eq!(feasible(&mut live, 3_001), ["b"]);
        live.apply_pod(pod("web-1", Some("b"), 1_000));
        assert_eq!(feasible(&mut live, 3_001), ["a"], "it is another pod of that name");
        live.delete_pod("shop/web-1");
        assert_eq!(feasible(&mut live, 3_001), ["a", "b"]);
        assert!(live.kinds.is_empty());
    }

    #[test]
    fn nodes_come_change_and_go_and_pods_stay() {
        let mut live = LiveCluster::fixed([node("a", 10)], [pod("web-1", Some("b"), 2_000)]);
        live.assume(1, &pod("web-2", None, 1_000), "b");
        live.apply_node(node("b", 10));
        assert_eq!(feasible(&mut live, 2_000), ["a"], "its pods were known before it");
        assert_eq!(feasible(&mut live, 1_000), ["a", "b"]);
        live.apply_node(Node { unschedulable: true, ..node("b", 10) });
        assert_eq!(feasible(&mut live, 1_000), ["a"]);
        live.delete_node("a");
        assert_eq!(feasible(&mut live, 1_000), Vec::<String>::new());
    }

    #[test]
    fn what_a_complete_list_lacks_is_gone() {
        let mut live = LiveCluster::fixed(
            [node("a", 10), node("b", 10)],
            [pod("web-1", Some("a"), 4_000), pod("web-2", Some("b"), 4_000)],
        );
        live.begin_pod_list();
        live.apply_pod(pod("web-2", Some("b"), 4_000));
        assert_eq!(feasible(&mut live, 1), Vec::<String>::new());
        live.end_pod_list();
        assert_eq!(feasible(&mut live, 1), ["a"]);
        live.begin_node_list();
        live.apply_node(node("b", 10));
        live.end_node_list();
        assert_eq!(feasible(&mut live, 1), Vec::<String>::new());
    }

    #[test]
    fn templates_that_nobody_uses_are_forgotten() {
        let mut live = LiveCluster::fixed([node("a", 10)], [pod("web-1", Some("a"), 1)]);
        for cpu in 0..UNUSED_TEMPLATES as u64 + 10 {
            feasible(&mut live, cpu + 2);
        }
        assert!(live.templates < 100, "{}", live.templates);
        let mut large = pod("new", None, 1);
        for number in 0..40 {
            large.labels.insert("a".to_owned(), number.to_string() + &"x".repeat(1 << 20));
            live.feasible(&large);
            assert!(live.bytes <= UNUSED_BYTES + (2 << 20), "{}", live.bytes);
        }
    }
}
