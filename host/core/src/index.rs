//! The live cluster: the one mutable place, fed by the watches and the metrics, from which snapshots are taken.
//!
//! Every change costs time that depends on what it touches (one application's placement, one node's row), not on
//! the size of the cluster: a table shares with its snapshots all that did not change since. Only a node joining or leaving copies
//! the table of names.

mod flows;
mod numbers;
mod target;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use self::numbers::Numbers;
use crate::application::Application;
use crate::facts::{ApplicationFacts, ApplicationId, NodeFacts, NodeId, PodFacts, Resources};
use crate::round_trips::{RoundTrip, RoundTrips};
use crate::snapshot::{ApplicationRow, NodePods, NodeRow, Said, Snapshot};

/// Holds pods, nodes, applications and flows.
#[derive(Debug, Default)]
pub struct Index {
    now: Snapshot,
    pods: HashMap<Box<str>, Pod, RandomState>,
    zones: Numbers,
    regions: Numbers,
    free_nodes: Vec<NodeId>,
    free_applications: Vec<ApplicationId>,
    /// Which relist a pod or node was last seen in; those that the latest one lacks are removed at its end.
    pod_list: u32,
    node_list: u32,
    nodes_seen: HashMap<NodeId, u32, RandomState>,
}

#[derive(Clone, Copy, Debug)]
struct Pod {
    application: Option<ApplicationId>,
    node: Option<NodeId>,
    requests: Resources,
    confined: bool,
    revision: u64,
    seen: u32,
}

/// A pod as the index remembers it.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedPod<'a> {
    /// `namespace/name`.
    pub key: &'a str,
    pub application: Option<&'a Application>,
    /// The node it runs or starts on; `None` while it is pending.
    pub node: Option<&'a str>,
    /// What kube-scheduler counts for it: see [`crate::requests`].
    pub requests: Resources,
}

impl Index {
    /// The cluster as it is now, for requests to read. Costs a few reference counts.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { pod_count: self.pods.len(), ..self.now.clone() }
    }

    /// How many pods are kept: running, starting and pending ones.
    #[must_use]
    pub fn pod_count(&self) -> usize {
        self.pods.len()
    }

    /// Every pod that is kept.
    pub fn pods(&self) -> impl Iterator<Item = IndexedPod<'_>> {
        self.pods.iter().map(|(key, pod)| IndexedPod {
            key,
            application: pod.application.and_then(|id| self.now.application_name(id)),
            node: pod.node.map(|id| self.now.names.name(id)),
            requests: pod.requests,
        })
    }

    /// A pod that is kept.
    #[must_use]
    pub fn pod(&self, key: &str) -> Option<IndexedPod<'_>> {
        let (key, pod) = self.pods.get_key_value(key)?;
        Some(IndexedPod {
            key,
            application: pod.application.and_then(|id| self.now.application_name(id)),
            node: pod.node.map(|id| self.now.names.name(id)),
            requests: pod.requests,
        })
    }

    /// Every node that was seen itself, as a source told it.
    pub fn nodes(&self) -> impl Iterator<Item = NodeFacts> + '_ {
        self.now.names.iter().map(|(id, name)| (self.now.node(id), name)).filter(|(row, _)| row.known).map(
            |(row, name)| NodeFacts {
                name: name.to_owned(),
                zone: self.zones.text(row.zone).map(str::to_owned),
                region: self.regions.text(row.region).map(str::to_owned),
                allocatable: row.allocatable,
                max_pods: row.max_pods,
                closed: row.closed,
            },
        )
    }

    /// The names of the zones that nodes have by number, from 1.
    #[must_use]
    pub fn zones(&self) -> &[Box<str>] {
        self.zones.texts()
    }

    /// The names of the regions that nodes have by number, from 1.
    #[must_use]
    pub fn regions(&self) -> &[Box<str>] {
        self.regions.texts()
    }

    /// Takes a pod that was added or changed in any way.
    pub fn apply_pod(&mut self, facts: &PodFacts) {
        if facts.gone {
            self.delete_pod(&facts.key);
            return;
        }
        let application = facts.application.as_ref().map(|name| self.intern_application(name));
        let node = facts.node.as_deref().map(|name| self.intern_node(name));
        let pod = Pod {
            application,
            node,
            requests: facts.requests,
            confined: facts.confined,
            revision: facts.revision,
            seen: self.pod_list,
        };
        let before = match self.pods.get_mut(facts.key.as_str()) {
            Some(slot) => Some(std::mem::replace(slot, pod)),
            None => self.pods.insert(facts.key.as_str().into(), pod),
        };
        self.place(pod);
        if let Some(before) = before {
            self.displace(before);
        }
    }

    /// Takes a pod's deletion. One that is not known is ignored.
    pub fn delete_pod(&mut self, key: &str) {
        if let Some(pod) = self.pods.remove(key) {
            self.displace(pod);
        }
    }

    /// Begins a complete list of pods: the first one, or a new one after a broken watch.
    pub fn begin_pod_list(&mut self) {
        self.pod_list = self.pod_list.wrapping_add(1);
    }

    /// Ends it: pods that it did not have are removed.
    pub fn end_pod_list(&mut self) {
        let current = self.pod_list;
        let gone: Vec<Box<str>> =
            self.pods.iter().filter(|(_, pod)| pod.seen != current).map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.delete_pod(&key);
        }
    }

    /// Takes a node that was added or changed in any way.
    pub fn apply_node(&mut self, facts: &NodeFacts) {
        let id = self.intern_node(&facts.name);
        let zone = facts.zone.as_deref().map_or(0, |zone| self.zones.number(zone));
        let region = facts.region.as_deref().map_or(0, |region| self.regions.number(region));
        self.nodes_seen.insert(id, self.node_list);
        let before = self.now.node(id);
        let NodeFacts { allocatable, max_pods, closed, .. } = *facts;
        let after = NodeRow { zone, region, allocatable, max_pods, closed, known: true, ..before };
        // Most updates of a node are heartbeats that change nothing here.
        if before != after
            && let Some(row) = self.now.nodes.get_mut(id.index())
        {
            *row = after;
        }
    }

    /// Takes a node's deletion. Its pods are kept until their own deletion is seen: they are on no candidate.
    pub fn delete_node(&mut self, name: &str) {
        if let Some(id) = self.now.names.id(name) {
            self.nodes_seen.remove(&id);
            if let Some(row) = self.now.nodes.get_mut(id.index()) {
                let NodeRow { requested, pods, awaited, .. } = *row;
                *row = NodeRow { requested, pods, awaited, ..NodeRow::default() };
            }
            self.release_node(id);
        }
    }

    /// Begins a complete list of nodes.
    pub fn begin_node_list(&mut self) {
        self.node_list = self.node_list.wrapping_add(1);
    }

    /// Ends it: nodes that it did not have are removed.
    pub fn end_node_list(&mut self) {
        let current = self.node_list;
        let gone: Vec<String> = self
            .nodes_seen
            .iter()
            .filter(|(_, seen)| **seen != current)
            .map(|(id, _)| self.now.names.name(*id).to_owned())
            .collect();
        for name in gone {
            self.delete_node(&name);
        }
    }

    /// Takes what controllers and Services say of an application, in place of what they said before.
    pub fn apply_application(&mut self, facts: &ApplicationFacts) {
        let ApplicationFacts { application, replicas, requests, local_routing } = facts;
        let said = Said { replicas: *replicas, requests: *requests, local_routing: *local_routing };
        let known = self.now.ids.get(application).copied();
        // Nothing is said of it any more, and nobody knows it.
        if known.is_none() && said == Said::default() {
            return;
        }
        let id = known.unwrap_or_else(|| self.intern_application(application));
        if let Some(row) = self.now.applications.get_mut(id.index())
            && row.said != said
        {
            row.said = said;
        }
    }

    /// Replaces the round-trip times. Measurements between a node and itself, and to what has no known zone, do not count.
    pub fn replace_round_trips(&mut self, measured: &[RoundTrip]) {
        let zone = |name: &str| match self.now.names.id(name) {
            Some(node) => self.now.node(node).zone,
            None => self.zones.known(name).unwrap_or(0),
        };
        let between = measured
            .iter()
            .filter(|trip| trip.source != trip.destination || self.now.names.id(&trip.source).is_none())
            .map(|trip| (zone(&trip.source), zone(&trip.destination), trip.seconds));
        let round_trips = RoundTrips::new(self.zones.texts().len() + 1, between);
        if *self.now.round_trips != round_trips {
            self.now.round_trips = Arc::new(round_trips);
        }
    }

    fn place(&mut self, pod: Pod) {
        let Some(node) = pod.node else { return };
        if let Some(row) = self.now.nodes.get_mut(node.index()) {
            row.requested.add(pod.requests);
            row.pods += 1;
        }
        let Some(row) = pod.application.and_then(|id| self.now.applications.get_mut(id.index())) else {
            return;
        };
        row.pods += 1;
        row.confined += u32::from(pod.confined);
        row.requested.add(pod.requests);
        let placement = Arc::make_mut(&mut row.placement);
        match placement.iter_mut().find(|entry| entry.node == node) {
            Some(entry) => entry.pods += 1,
            None => placement.push(NodePods { node, pods: 1 }),
        }
        let each = target::entry(row, node).and_then(|entry| entry.enter(pod.revision).then_some(entry.each));
        if let (Some(each), Some(row)) = (each, self.now.nodes.get_mut(node.index())) {
            row.awaited.remove(each);
        }
    }

    fn displace(&mut self, pod: Pod) {
        let Some(node) = pod.node else { return };
        let mut awaited = None;
        if let Some(row) = pod.application.and_then(|id| self.now.applications.get_mut(id.index())) {
            row.pods = row.pods.saturating_sub(1);
            row.confined = row.confined.saturating_sub(u32::from(pod.confined));
            row.requested.remove(pod.requests);
            let placement = Arc::make_mut(&mut row.placement);
            if let Some(position) = placement.iter().position(|entry| entry.node == node)
                && let Some(entry) = placement.get_mut(position)
            {
                entry.pods -= 1;
                if entry.pods == 0 {
                    placement.swap_remove(position);
                }
            }
            awaited =
                target::entry(row, node).and_then(|entry| entry.leave(pod.revision).then_some(entry.each));
        }
        if let Some(row) = self.now.nodes.get_mut(node.index()) {
            row.requested.remove(pod.requests);
            row.pods = row.pods.saturating_sub(1);
            row.awaited.add(awaited.unwrap_or_default());
        }
        self.release_node(node);
    }

    fn intern_application(&mut self, name: &Application) -> ApplicationId {
        if let Some(id) = self.now.ids.get(name) {
            return *id;
        }
        let row = ApplicationRow { name: Some(name.clone()), ..ApplicationRow::default() };
        let id = match self.free_applications.pop() {
            Some(id) => {
                self.now.applications.set(id.index(), row);
                id
            }
            None => {
                let id = ApplicationId(u32::try_from(self.now.applications.len()).unwrap_or(u32::MAX));
                self.now.applications.push_back(row);
                id
            }
        };
        self.now.ids.insert(name.clone(), id);
        id
    }

    fn intern_node(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.now.names.id(name) {
            return id;
        }
        let names = Arc::make_mut(&mut self.now.names);
        let id =
            self.free_nodes.pop().unwrap_or_else(|| NodeId(u32::try_from(names.slots()).unwrap_or(u32::MAX)));
        names.insert(id, name);
        match self.now.nodes.get_mut(id.index()) {
            Some(row) => *row = NodeRow::default(),
            None => self.now.nodes.push(NodeRow::default()),
        }
        id
    }

    /// Frees the id of a node that is neither known nor has pods.
    fn release_node(&mut self, id: NodeId) {
        let row = self.now.node(id);
        if !row.known && row.pods == 0 && !self.now.names.name(id).is_empty() {
            Arc::make_mut(&mut self.now.names).remove(id);
            self.forget_target(id);
            self.free_nodes.push(id);
        }
    }
}
