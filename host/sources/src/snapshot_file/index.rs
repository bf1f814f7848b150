//! From and to the index of a live cluster.

use std::collections::BTreeMap;

use netmarks_core::application::Identity;
use netmarks_core::facts::{NodeFacts, PodFacts};
use netmarks_core::flow::book::Flow;
use netmarks_core::index::Index;
use netmarks_core::revision::revision;
use netmarks_core::round_trips::RoundTrip;

use super::format::{FileFlow, FileNode, FilePod, FileRoundTrip, SnapshotFile};

impl SnapshotFile {
    /// The snapshot of a live cluster: what its index knows.
    #[must_use]
    pub fn from_index(index: &Index, identity: Identity, taken_at: f64) -> Self {
        let snapshot = index.snapshot();
        let pod = |pod: netmarks_core::index::IndexedPod<'_>| FilePod {
            name: pod.key.to_owned(),
            uid: None,
            application: pod.application.cloned(),
            node: pod.node.map(str::to_owned),
            labels: BTreeMap::new(),
            cpu_request_cores: pod.requests.cores(),
            memory_request_bytes: pod.requests.memory_bytes,
            scheduling: None,
        };
        let flow = |(source, destination, bytes_per_second)| {
            Some(FileFlow {
                source: snapshot.application_name(source)?.clone(),
                destination: snapshot.application_name(destination)?.clone(),
                bytes_per_second,
                calls_per_second: 0.0,
            })
        };
        let mut file = Self {
            taken_at,
            identity,
            nodes: index.nodes().map(file_node).collect(),
            pods: index.pods().map(pod).collect(),
            flows_at: snapshot.flows_at(),
            flows: snapshot.flows().flows().filter_map(flow).collect(),
            round_trips: round_trips(index),
            ..Self::default()
        };
        file.sort();
        file
    }

    /// Brings everything into the order of its name, so that two snapshots can be compared line by line.
    pub fn sort(&mut self) {
        self.nodes.sort_by(|left, right| left.name.cmp(&right.name));
        self.pods.sort_by(|left, right| left.name.cmp(&right.name));
        self.services
            .sort_by(|left, right| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)));
        self.workloads
            .sort_by(|left, right| (&left.namespace, &left.owner).cmp(&(&right.namespace, &right.owner)));
        self.disruption_budgets
            .sort_by(|left, right| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)));
        self.namespaces.sort_by(|left, right| left.name.cmp(&right.name));
        self.round_trips.sort_by(|left, right| {
            (&left.source, &left.destination).cmp(&(&right.source, &right.destination))
        });
        self.flows.sort_by(|left, right| {
            (&left.source, &left.destination).cmp(&(&right.source, &right.destination))
        });
    }

    /// The cluster it describes. A file whose flows were never measured leaves the index without flows.
    #[must_use]
    pub fn to_index(&self) -> Index {
        let mut index = Index::default();
        for node in &self.nodes {
            index.apply_node(&NodeFacts {
                name: node.name.clone(),
                zone: node.zone().map(str::to_owned),
                region: node.region().map(str::to_owned),
                allocatable: node.allocatable(),
                max_pods: node.max_pods(),
                closed: node.is_closed(),
            });
        }
        for pod in &self.pods {
            index.apply_pod(&PodFacts {
                key: pod.name.clone(),
                application: pod.application.clone(),
                node: pod.node.clone(),
                gone: pod.is_terminating(),
                requests: pod.requests(),
                confined: pod.is_confined(),
                revision: revision(|name| pod.labels.get(name).map(String::as_str)),
            });
        }
        if self.flows_at.is_some() || !self.flows.is_empty() {
            let flows = self.flows.iter().map(|flow| Flow {
                source: flow.source.clone(),
                destination: flow.destination.clone(),
                bytes_per_second: flow.bytes_per_second,
            });
            index.replace_flows(self.flows_at.unwrap_or(self.taken_at), flows);
        }
        index.replace_round_trips(&self.measured_round_trips());
        index
    }

    /// Takes measurements between nodes or zones, as means between zones.
    pub fn take_round_trips(&mut self, measured: &[RoundTrip]) {
        let mut index = self.to_index();
        index.replace_round_trips(measured);
        self.round_trips = round_trips(&index);
    }

    fn measured_round_trips(&self) -> Vec<RoundTrip> {
        let measured = self.round_trips.iter().map(|trip| {
            let FileRoundTrip { source, destination, seconds } = trip.clone();
            RoundTrip { source, destination, seconds }
        });
        measured.collect()
    }
}

fn round_trips(index: &Index) -> Vec<FileRoundTrip> {
    let zones = index.zones();
    let name = |zone: u32| zones.get(zone.checked_sub(1)? as usize).map(|name| name.to_string());
    let pair = |(source, destination, seconds)| {
        Some(FileRoundTrip { source: name(source)?, destination: name(destination)?, seconds })
    };
    index.snapshot().round_trips().pairs().filter_map(pair).collect()
}

fn file_node(node: NodeFacts) -> FileNode {
    FileNode {
        allocatable_cpu_cores: node.allocatable.cores(),
        allocatable_memory_bytes: node.allocatable.memory_bytes,
        name: node.name,
        zone: node.zone,
        region: node.region,
        labels: BTreeMap::new(),
        scheduling: None,
    }
}
