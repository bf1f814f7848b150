//! A small cluster to score in: built in a test, or written in a case file in the same words.
//!
//! A snapshot file lists every pod and is meant for machines; a cluster of this kind becomes one.

use std::collections::BTreeMap;

use netmarks_core::application::{Application, Identity};
use netmarks_core::facts::Resources;
use netmarks_sources::snapshot_file::{FileFlow, FileNode, FilePod, FileRoundTrip, SnapshotFile};
use serde::Deserialize;

use crate::application;
use crate::case_file_error::CaseFileError;
use crate::quantity;

/// Nodes, running pods and flows.
///
/// ```
/// use netmarks_policy_testing::{Cluster, Node};
///
/// let cluster = Cluster::default()
///     .node("a", Node::default().zone("west").cores(8.0).memory_bytes(32 << 30))
///     .node("b", Node::default().zone("east"))
///     .pods("shop/cart", &[("a", 2), ("b", 1)])
///     .flow("shop/web", "shop/cart", 1_000.0);
/// assert_eq!(cluster.snapshot().pods.len(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    identity: Identity,
    nodes: BTreeMap<String, Node>,
    pods: Vec<Pods>,
    flows: Vec<Flow>,
    round_trips: Vec<RoundTrip>,
}

/// A node of a [`Cluster`]; without capacity unless given some.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    zone: Option<String>,
    region: Option<String>,
    #[serde(rename = "cpu", deserialize_with = "quantity::cpu")]
    cpu_millicores: u64,
    #[serde(rename = "memory", deserialize_with = "quantity::memory")]
    memory_bytes: u64,
}

/// Pods of one application that are alike.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pods {
    #[serde(default)]
    application: Option<Application>,
    /// How many on which node.
    on: BTreeMap<String, u32>,
    /// Of each pod.
    #[serde(default, deserialize_with = "quantity::requests")]
    requests: Resources,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flow {
    from: Application,
    to: Application,
    bytes_per_second: f64,
}

/// Between zones, or between nodes for their zones.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoundTrip {
    from: String,
    to: String,
    seconds: f64,
}

impl Node {
    /// Sets `topology.kubernetes.io/zone`; a node without it is in no known zone.
    #[must_use]
    pub fn zone(mut self, zone: &str) -> Self {
        self.zone = Some(zone.to_owned());
        self
    }

    /// Sets `topology.kubernetes.io/region`; a node without it is in no known region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// With so many allocatable cores.
    #[must_use]
    pub fn cores(mut self, cores: f64) -> Self {
        self.cpu_millicores = Resources::from_cores(cores, 0).cpu_millicores;
        self
    }

    /// With so much allocatable memory.
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }
}

impl Cluster {
    /// Adds a node, or replaces the one of this name.
    #[must_use]
    pub fn node(mut self, name: &str, node: Node) -> Self {
        self.nodes.insert(name.to_owned(), node);
        self
    }

    /// Adds running pods of an application, `namespace/name`, that request nothing: so many on each node.
    #[must_use]
    pub fn pods(self, application: &str, on: &[(&str, u32)]) -> Self {
        self.pods_requesting(application, on, Resources::default())
    }

    /// Adds running pods that request so much each.
    #[must_use]
    pub fn pods_requesting(mut self, application: &str, on: &[(&str, u32)], each: Resources) -> Self {
        self.pods.push(Pods {
            application: Some(application::read(application)),
            on: on.iter().map(|(node, pods)| ((*node).to_owned(), *pods)).collect(),
            requests: each,
        });
        self
    }

    /// Adds what the calls of one application to another move, requests and responses together.
    #[must_use]
    pub fn flow(mut self, from: &str, to: &str, bytes_per_second: f64) -> Self {
        let (from, to) = (application::read(from), application::read(to));
        self.flows.push(Flow { from, to, bytes_per_second });
        self
    }

    /// Adds how long a message takes from one zone to another and back; a node counts for its zone.
    #[must_use]
    pub fn round_trip(mut self, from: &str, to: &str, seconds: f64) -> Self {
        self.round_trips.push(RoundTrip { from: from.to_owned(), to: to.to_owned(), seconds });
        self
    }

    /// As a snapshot, which can also be written to a file.
    #[must_use]
    pub fn snapshot(&self) -> SnapshotFile {
        let nodes = self.nodes.iter().map(|(name, node)| FileNode {
            name: name.clone(),
            zone: node.zone.clone(),
            region: node.region.clone(),
            allocatable_cpu_cores: cores(node.cpu_millicores),
            allocatable_memory_bytes: node.memory_bytes,
            ..FileNode::default()
        });
        let mut pods = Vec::new();
        for group in &self.pods {
            for node in group.on.iter().flat_map(|(node, count)| (0..*count).map(move |_| node)) {
                let number = pods.len();
                let name = group.application.as_ref().map_or("default/pod", Application::as_str);
                pods.push(FilePod {
                    name: format!("{name}-{number}"),
                    application: group.application.clone(),
                    node: Some(node.clone()),
                    cpu_request_cores: group.requests.cores(),
                    memory_request_bytes: group.requests.memory_bytes,
                    ..FilePod::default()
                });
            }
        }
        let flows = self.flows.iter().map(|flow| FileFlow {
            source: flow.from.clone(),
            destination: flow.to.clone(),
            bytes_per_second: flow.bytes_per_second,
            calls_per_second: 0.0,
        });
        let round_trips = self.round_trips.iter().map(|trip| FileRoundTrip {
            source: trip.from.clone(),
            destination: trip.to.clone(),
            seconds: trip.seconds,
        });
        SnapshotFile {
            identity: self.identity,
            nodes: nodes.collect(),
            pods,
            flows_at: Some(0.0),
            flows: flows.collect(),
            round_trips: round_trips.collect(),
            ..SnapshotFile::default()
        }
    }

    /// As a snapshot that makes sense: pods on a node that does not exist are a slip of the pen, in a test.
    pub(crate) fn checked(&self) -> Result<SnapshotFile, CaseFileError> {
        let mut named = self.pods.iter().flat_map(|group| group.on.keys());
        if let Some(node) = named.find(|name| !self.nodes.contains_key(*name)) {
            return Err(CaseFileError::UnknownNode { node: node.clone() });
        }
        let snapshot = self.snapshot();
        snapshot.check().map_err(CaseFileError::Content)?;
        Ok(snapshot)
    }
}

fn cores(millicores: u64) -> f64 {
    Resources { cpu_millicores: millicores, memory_bytes: 0 }.cores()
}
