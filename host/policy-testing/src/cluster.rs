//! A small cluster to score in: built in a test, or written in a case file in the same words.
//!
//! A snapshot file lists every pod and is meant for machines; a cluster of this kind becomes one.

use std::collections::{BTreeMap, BTreeSet};

use netmarks_core::application::{Application, Identity};
use netmarks_core::facts::{ApplicationFacts, Resources};
use netmarks_sources::snapshot_file::{FileFlow, FileNode, FilePod, FileRoundTrip, SnapshotFile};
use serde::Deserialize;

use crate::application;
use crate::case_file_error::CaseFileError;
use crate::quantity;
use crate::setting::Setting;

/// Nodes, running pods and flows; what controllers want, and where the target placement has pods.
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
    controllers: BTreeMap<Application, Controllers>,
    /// How many pods should be on which node.
    target: BTreeMap<Application, BTreeMap<String, u32>>,
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

/// What the controllers of an application want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Controllers {
    /// Whether they run or not.
    replicas: u32,
    /// Of each pod; counts as long as none runs.
    #[serde(default, deserialize_with = "quantity::requests")]
    requests: Resources,
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

    /// Says how many pods the controllers of an application want, and what each will request.
    #[must_use]
    pub fn replicas(mut self, application: &str, replicas: u32, each: Resources) -> Self {
        let wanted = Controllers { replicas, requests: each };
        self.controllers.insert(application::read(application), wanted);
        self
    }

    /// Says on which nodes the target placement has so many pods of an application, which must have pods, flows or controllers.
    #[must_use]
    pub fn target(mut self, application: &str, on: &[(&str, u32)]) -> Self {
        let on = on.iter().map(|(node, pods)| ((*node).to_owned(), *pods)).collect();
        self.target.insert(application::read(application), on);
        self
    }

    /// As a snapshot, which can also be written to a file. It has neither what controllers want nor the target.
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

    /// With what a snapshot does not say.
    pub(crate) fn setting(&self) -> Setting {
        let wanted = self.controllers.iter().map(|(application, wanted)| ApplicationFacts {
            application: application.clone(),
            replicas: wanted.replicas,
            requests: wanted.requests,
            local_routing: false,
        });
        let target = self.target.iter().map(|(application, on)| {
            let on = on.iter().filter(|(_, pods)| **pods > 0).map(|(node, pods)| (node.clone(), *pods));
            (application.clone(), on.collect())
        });
        Setting { snapshot: self.snapshot(), wanted: wanted.collect(), target: target.collect() }
    }

    /// As a setting that makes sense: pods on a node that does not exist are a slip of the pen, in a test.
    pub(crate) fn checked(&self) -> Result<Setting, CaseFileError> {
        let of_pods = self.pods.iter().flat_map(|group| group.on.keys()).map(|node| ("pods", node));
        let of_target = self.target.values().flat_map(BTreeMap::keys).map(|node| ("a target", node));
        let mut named = of_pods.chain(of_target);
        if let Some((what, node)) = named.find(|(_, node)| !self.nodes.contains_key(*node)) {
            return Err(CaseFileError::UnknownNode { what, node: node.clone() });
        }
        let with_pods = self.pods.iter().filter_map(|group| group.application.as_ref());
        let with_flows = self.flows.iter().flat_map(|flow| [&flow.from, &flow.to]);
        let known: BTreeSet<&Application> =
            with_pods.chain(with_flows).chain(self.controllers.keys()).collect();
        if let Some(application) = self.target.keys().find(|application| !known.contains(application)) {
            return Err(CaseFileError::UnknownApplication { application: application.clone() });
        }
        let setting = self.setting();
        setting.snapshot.check().map_err(CaseFileError::Content)?;
        Ok(setting)
    }
}

fn cores(millicores: u64) -> f64 {
    Resources { cpu_millicores: millicores, memory_bytes: 0 }.cores()
}
