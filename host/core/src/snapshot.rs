//! Flows, placement and node facts at one instant: what a request reads from beginning to end.
//!
//! A snapshot never changes, costs a few reference counts to take, and shares
//! with its successor all that did not change.

use std::sync::Arc;

use crate::application::Application;
use crate::clock::Measured;
use crate::facts::{ApplicationId, NodeId, Resources};
use crate::flow::table::FlowTable;
use crate::names::NodeNames;
use crate::round_trips::RoundTrips;
use crate::rows::Rows;
use crate::target::TargetEntry;

/// How many pods of one application run on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodePods {
    pub node: NodeId,
    /// Pods running or starting there; at least 1.
    pub pods: u32,
}

/// What a snapshot knows of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeRow {
    /// Number of its zone; 0 is unknown.
    pub zone: u32,
    /// Number of its region; 0 is unknown.
    pub region: u32,
    /// What its pods may request together.
    pub allocatable: Resources,
    /// What the pods running or starting there request.
    pub requested: Resources,
    /// How many pods run or start there.
    pub pods: u32,
    /// What those pods request that the target placement has there and that are not there yet.
    pub awaited: Resources,
    /// How many pods it takes; 0 where that is unknown.
    pub max_pods: u32,
    /// Whether it takes no pod that does not tolerate it.
    pub closed: bool,
    /// Whether the node itself was seen, or only pods that are bound to it.
    pub known: bool,
}

impl NodeRow {
    /// Whether it is open and has room for a pod that requests so much, as far as CPU, memory and the number of pods go.
    #[must_use]
    pub fn takes(&self, requests: Resources) -> bool {
        let fits = |all: u64, used: u64, more: u64| used.saturating_add(more) <= all;
        self.known
            && !self.closed
            && (self.max_pods == 0 || self.pods < self.max_pods)
            && fits(self.allocatable.cpu_millicores, self.requested.cpu_millicores, requests.cpu_millicores)
            && fits(self.allocatable.memory_bytes, self.requested.memory_bytes, requests.memory_bytes)
    }
}

/// What a snapshot knows of one application.
#[derive(Clone, Debug, Default)]
pub struct ApplicationRow {
    /// Its name; `None` for an id that is free.
    pub name: Option<Application>,
    /// Where its pods run, in no particular order. Shared between snapshots until it changes.
    pub placement: Arc<Vec<NodePods>>,
    /// Pods running or starting in the whole cluster.
    pub pods: u32,
    /// How many of them may run on some nodes only.
    pub confined: u32,
    /// What they request together.
    pub requested: Resources,
    /// What controllers and Services say of it.
    pub(crate) said: Said,
    /// Where the target placement has its pods, in no particular order; empty without one.
    pub target: Arc<Vec<TargetEntry>>,
}

/// What controllers and Services say of an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) replicas: u32,
    pub(crate) requests: Resources,
    pub(crate) local_routing: bool,
}

impl ApplicationRow {
    /// Pods that its controllers want, or those that run or start and `more` if that is more.
    #[must_use]
    pub fn replicas(&self, more: u32) -> u32 {
        self.said.replicas.max(self.pods.saturating_add(more))
    }

    /// What one of its pods requests: the mean of those that run or start, or of those that its controllers want.
    #[must_use]
    pub fn mean_requests(&self) -> Resources {
        if self.pods == 0 { self.said.requests } else { self.requested.mean(self.pods) }
    }

    /// Whether calls to it prefer its pods on the caller's node.
    #[must_use]
    pub fn local_routing(&self) -> bool {
        self.said.local_routing
    }
}

pub(crate) type ApplicationIds = imbl::GenericHashMap<
    Application,
    ApplicationId,
    foldhash::fast::RandomState,
    imbl::shared_ptr::DefaultSharedPtr,
>;

/// Flows, placement and node facts at one instant.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(crate) names: Arc<NodeNames>,
    pub(crate) nodes: Rows<NodeRow>,
    pub(crate) ids: ApplicationIds,
    pub(crate) applications: imbl::Vector<ApplicationRow>,
    pub(crate) flows: Arc<FlowTable>,
    pub(crate) measured: Option<Measured>,
    pub(crate) round_trips: Arc<RoundTrips>,
    pub(crate) pod_count: usize,
}

impl Snapshot {
    /// The names of its nodes.
    #[must_use]
    pub fn names(&self) -> &NodeNames {
        &self.names
    }

    /// What is known of a node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> NodeRow {
        self.row(id).copied().unwrap_or_default()
    }

    pub(crate) fn row(&self, id: NodeId) -> Option<&NodeRow> {
        self.nodes.get(id.index())
    }

    /// The id of the application `namespace/name`.
    #[must_use]
    pub fn application_id(&self, name: &str) -> Option<ApplicationId> {
        self.ids.get(name).copied()
    }

    #[must_use]
    pub fn application(&self, id: ApplicationId) -> Option<&ApplicationRow> {
        self.applications.get(id.index())
    }

    /// `None` once nothing refers to the application any more.
    #[must_use]
    pub fn application_name(&self, id: ApplicationId) -> Option<&Application> {
        self.application(id)?.name.as_ref()
    }

    #[must_use]
    pub fn flows(&self) -> &FlowTable {
        &self.flows
    }

    /// When the flows were measured (seconds since the Unix epoch); `None` before the first answer.
    #[must_use]
    pub fn flows_at(&self) -> Option<f64> {
        self.measured.map(Measured::at)
    }

    /// How old the flows are, in seconds; `None` before the first answer.
    #[must_use]
    pub fn flows_age(&self) -> Option<f64> {
        self.measured.map(Measured::age)
    }

    /// How many pods were known: running, starting and pending ones.
    #[must_use]
    pub fn pod_count(&self) -> usize {
        self.pod_count
    }

    /// By the numbers that the nodes' zones have.
    #[must_use]
    pub fn round_trips(&self) -> &RoundTrips {
        &self.round_trips
    }

    /// Applications that have pods or flows.
    pub fn applications(&self) -> impl Iterator<Item = (&Application, &ApplicationRow)> {
        self.applications.iter().filter_map(|row| Some((row.name.as_ref()?, row)))
    }
}
