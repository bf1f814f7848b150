//! Gathers what one policy is told about one pod: the columns of `request` in `wit/policy.wit`.
//!
//! This is the hot part of the host:
//! its cost is one pass over the candidates and one over the placements of the peers.

use std::cell::OnceCell;

use crate::application::Application;
use crate::expected::ExpectedTraffic;
use crate::facts::{ApplicationId, NodeId, Resources};
use crate::flow::table::PeerFlow;
use crate::needs::{ColumnNeed, Needs};
use crate::revision::revision;
use crate::snapshot::{ApplicationRow, NodeRow, Snapshot};

/// Marks a slot without a value: a candidate that no snapshot knows, a node that is not a candidate.
const NONE: u32 = u32::MAX;

/// The pod that waits for a node.
#[derive(Clone, Debug, Default)]
pub struct PendingPod {
    /// `namespace/name`.
    pub key: String,
    /// Its application, if it has one.
    pub application: Option<Application>,
    pub labels: Vec<(String, String)>,
    /// What kube-scheduler counts for it: see [`crate::requests`].
    pub requests: Resources,
    /// What it says of its application's traffic.
    pub expected: ExpectedTraffic,
    /// The pods that are placed together with it, as `namespace/name`; see [`crate::assumed`].
    pub group: Option<String>,
    /// Under which key it is assumed already, by the door that it came through as it was created.
    pub assumed_as: Option<String>,
}

impl PendingPod {
    /// Of its controller's template: see [`crate::revision`].
    #[must_use]
    pub fn revision(&self) -> u64 {
        revision(|name| self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()))
    }
}

/// The nodes to choose from, looked up once per request whatever the number of policies.
#[derive(Clone, Debug)]
pub struct Candidates<'a> {
    names: &'a [&'a str],
    ids: Vec<u32>,
}

impl<'a> Candidates<'a> {
    /// Looks all names up. A name that the snapshot does not know yet is a candidate like any other, on which
    /// nothing runs.
    #[must_use]
    pub fn new(snapshot: &Snapshot, names: &'a [&'a str]) -> Self {
        let ids = snapshot.names().ids(names).map(|id| id.map_or(NONE, |id| id.0)).collect();
        Self { names, ids }
    }

    /// Their names, in the scheduler's order.
    #[must_use]
    pub fn names(&self) -> &'a [&'a str] {
        self.names
    }

    fn len(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(NONE)
    }
}

/// Pods answered but not yet seen bound, each on the node that it is thought to have gone to.
pub type AssumedPods = [(ApplicationId, NodeId)];

/// The peers of the pod's application; see `peers` in the contract for what each list holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peers {
    /// F(P, X), bytes per second, per peer.
    pub outbound: Vec<f64>,
    /// F(X, P), bytes per second, per peer.
    pub inbound: Vec<f64>,
    /// Rows of `node` and `pods`, per peer; one longer than `outbound`.
    pub first: Vec<u32>,
    /// Node of each entry.
    pub node: Vec<u32>,
    /// Pods of each entry.
    pub pods: Vec<u32>,
}

impl Peers {
    /// The nodes and pod counts of the peer `peer`.
    pub fn placement(&self, peer: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        let range = match (self.first.get(peer), self.first.get(peer + 1)) {
            (Some(&from), Some(&to)) => from as usize..to as usize,
            _ => 0..0,
        };
        let nodes = self.node.get(range.clone()).unwrap_or_default();
        let pods = self.pods.get(range).unwrap_or_default();
        nodes.iter().copied().zip(pods.iter().copied())
    }
}

/// One fact for all nodes, all peers, or the pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    Numbers(Vec<f64>),
    /// Counts, and numbers that stand for zones and the like.
    Indexes(Vec<u32>),
    Texts(Vec<String>),
}

/// What one policy is told about one pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyRequest {
    /// How many nodes to score.
    pub candidates: u32,
    /// How many nodes the per-node columns describe.
    pub nodes: u32,
    /// Empty unless asked for.
    pub peers: Peers,
    /// One per column need, in their order.
    pub columns: Vec<Column>,
    /// Who the peers are, for explanations; not copied to the guest.
    pub peer_names: Vec<Application>,
}

/// Gathers what `needs` names for `pod` on `candidates`.
#[must_use]
pub fn gather(
    snapshot: &Snapshot,
    pod: &PendingPod,
    candidates: &Candidates<'_>,
    needs: &Needs,
    assumed: &AssumedPods,
) -> PolicyRequest {
    let mut request =
        PolicyRequest { candidates: candidates.len(), nodes: candidates.len(), ..PolicyRequest::default() };
    if *needs == Needs::default() {
        return request;
    }
    let application = pod.application.as_ref().and_then(|name| snapshot.application_id(name.as_str()));
    let (unknown_application, unknown_node) = (ApplicationRow::default(), NodeRow::default());
    let flows = pod.expected.peers(snapshot, pod.application.as_ref());
    // Beyond the candidates, nodes are numbered as peers are found on them.
    let mut others: Vec<u32> = Vec::new();
    let mut peer_rows: Vec<(ApplicationId, &ApplicationRow)> = Vec::new();
    let mut slots = if needs.peers || needs.columns.contains(&ColumnNeed::PodTargetNotOffered) {
        slots_by_node(snapshot, candidates)
    } else {
        Vec::new()
    };
    if needs.peers {
        let first_other = candidates.len();
        let mut slot = |node: NodeId| -> Option<u32> {
            let slot = slots.get_mut(node.index())?;
            if *slot == NONE && needs.other_nodes {
                *slot = first_other + u32::try_from(others.len()).ok()?;
                others.push(node.0);
            }
            (*slot != NONE).then_some(*slot)
        };
        let peers = &mut request.peers;
        peers.outbound.reserve_exact(flows.len());
        peers.inbound.reserve_exact(flows.len());
        peers.first.reserve_exact(flows.len() + 1);
        peers.first.push(0);
        for flow in &*flows {
            peers.outbound.push(flow.outbound);
            peers.inbound.push(flow.inbound);
            let peer = snapshot.application(flow.peer).unwrap_or(&unknown_application);
            peer_rows.push((flow.peer, peer));
            let row = peers.node.len();
            for entry in peer.placement.iter() {
                if let Some(node) = slot(entry.node) {
                    peers.node.push(node);
                    peers.pods.push(entry.pods);
                }
            }
            for (_, node) in assumed.iter().filter(|(application, _)| *application == flow.peer) {
                let Some(node) = slot(*node) else { continue };
                let known = peers.node.iter().skip(row).position(|other| *other == node);
                match known.and_then(|position| peers.pods.get_mut(row + position)) {
                    Some(pods) => *pods += 1,
                    None => {
                        peers.node.push(node);
                        peers.pods.push(1);
                    }
                }
            }
            peers.first.push(u32::try_from(peers.node.len()).unwrap_or(NONE));
        }
        request.nodes += u32::try_from(others.len()).unwrap_or(0);
    }
    let nodes: Vec<u32> =
        if needs.columns.is_empty() { Vec::new() } else { [candidates.ids.as_slice(), &others].concat() };
    let columns = Columns {
        snapshot,
        pod,
        candidates,
        nodes: &nodes,
        slots: &slots,
        unknown_node: &unknown_node,
        rows: OnceCell::new(),
        flows: &flows,
        peers: &peer_rows,
        application,
        own: application.and_then(|id| snapshot.application(id)),
        assumed,
        target: OnceCell::new(),
    };
    request.columns = needs.columns.iter().map(|need| columns.column(*need)).collect();
    request.peer_names = peer_rows.iter().filter_map(|(_, row)| row.name.clone()).collect();
    request
}

/// For every node of the snapshot its position among the candidates.
fn slots_by_node(snapshot: &Snapshot, candidates: &Candidates<'_>) -> Vec<u32> {
    let mut slots = vec![NONE; snapshot.names().slots()];
    for (position, id) in (0..).zip(&candidates.ids) {
        if let Some(slot) = slots.get_mut(*id as usize) {
            *slot = position;
        }
    }
    slots
}

/// Everything a column can be made from.
struct Columns<'a> {
    snapshot: &'a Snapshot,
    pod: &'a PendingPod,
    candidates: &'a Candidates<'a>,
    nodes: &'a [u32],
    /// Positions of candidates by node id, where a need asks for them.
    slots: &'a [u32],
    unknown_node: &'a NodeRow,
    /// Of each of `nodes` its row, once a column has asked: looked up once, whatever the number of columns.
    rows: OnceCell<Vec<&'a NodeRow>>,
    flows: &'a [PeerFlow],
    peers: &'a [(ApplicationId, &'a ApplicationRow)],
    application: Option<ApplicationId>,
    own: Option<&'a ApplicationRow>,
    assumed: &'a AssumedPods,
    /// Pods of the own application that are missing from the target, by node id, once a column has asked; empty without one.
    target: OnceCell<Vec<u32>>,
}

impl Columns<'_> {
    fn column(&self, need: ColumnNeed) -> Column {
        match need {
            ColumnNeed::NodeName => self.node_names(),
            ColumnNeed::NodeZone => Column::Indexes(self.of_rows(|row| row.zone)),
            ColumnNeed::NodeRegion => Column::Indexes(self.of_rows(|row| row.region)),
            ColumnNeed::NodeCpuAllocatable => Column::Numbers(self.of_rows(|row| row.allocatable.cores())),
            ColumnNeed::NodeCpuRequested => Column::Numbers(self.of_rows(|row| row.requested.cores())),
            ColumnNeed::NodeMemoryAllocatable => {
                Column::Numbers(self.of_rows(|row| row.allocatable.memory()))
            }
            ColumnNeed::NodeMemoryRequested => Column::Numbers(self.of_rows(|row| row.requested.memory())),
            ColumnNeed::NodeOwnPods => Column::Indexes(self.own_pods()),
            ColumnNeed::NodeTarget => Column::Indexes(self.of_nodes(self.target())),
            ColumnNeed::NodeTargetCpu => Column::Numbers(self.of_rows(|row| row.awaited.cores())),
            ColumnNeed::ZoneRoundTrips => Column::Numbers(self.snapshot.round_trips().seconds().to_vec()),
            ColumnNeed::PeerName => Column::Texts(
                self.of_peers(|_, row| row.name.as_ref().map_or("", Application::as_str).to_owned()),
            ),
            ColumnNeed::PeerPods => Column::Indexes(self.of_peers(|_, row| row.pods)),
            ColumnNeed::PeerReplicas => {
                Column::Indexes(self.of_peers(|id, row| row.replicas(self.assumed(id)).max(1)))
            }
            ColumnNeed::PeerLocalShare => Column::Numbers(self.local_shares()),
            ColumnNeed::PeerCpuRequest => {
                Column::Numbers(self.of_peers(|_, row| row.mean_requests().cores()))
            }
            ColumnNeed::PeerMemoryRequest => {
                Column::Numbers(self.of_peers(|_, row| row.mean_requests().memory()))
            }
            ColumnNeed::PodName => Column::Texts(vec![self.pod.key.clone()]),
            ColumnNeed::PodLabels => Column::Texts(
                self.pod.labels.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect(),
            ),
            ColumnNeed::PodCpuRequest => Column::Numbers(vec![self.pod.requests.cores()]),
            ColumnNeed::PodMemoryRequest => Column::Numbers(vec![self.pod.requests.memory()]),
            ColumnNeed::PodReplicas => Column::Indexes(vec![self.replicas()]),
            ColumnNeed::PodTarget => Column::Indexes(vec![self.missing().map(|(_, pods)| pods).sum()]),
            ColumnNeed::PodTargetNotOffered => Column::Indexes(vec![self.target_not_offered()]),
        }
    }

    fn node_names(&self) -> Column {
        let others = self.nodes.iter().skip(self.candidates.names.len());
        let names = self.candidates.names.iter().map(|name| (*name).to_owned());
        Column::Texts(
            names.chain(others.map(|id| self.snapshot.names().name(NodeId(*id)).to_owned())).collect(),
        )
    }

    fn of_rows<T>(&self, value: impl Fn(&NodeRow) -> T) -> Vec<T> {
        let rows = self.rows.get_or_init(|| {
            let row = |id: &u32| self.snapshot.row(NodeId(*id)).unwrap_or(self.unknown_node);
            self.nodes.iter().map(row).collect()
        });
        rows.iter().map(|&row| value(row)).collect()
    }

    fn of_peers<T>(&self, value: impl Fn(ApplicationId, &ApplicationRow) -> T) -> Vec<T> {
        self.peers.iter().map(|&(id, row)| value(id, row)).collect()
    }

    /// How many pods of an application are assumed.
    fn assumed(&self, application: ApplicationId) -> u32 {
        let pods = self.assumed.iter().filter(|(id, _)| *id == application).count();
        u32::try_from(pods).unwrap_or(NONE)
    }

    fn replicas(&self) -> u32 {
        let assumed = self.application.map_or(0, |id| self.assumed(id));
        self.own.map_or(1, |row| row.replicas(assumed.saturating_add(1)))
    }

    fn local_shares(&self) -> Vec<f64> {
        let own = self.own.is_some_and(ApplicationRow::local_routing);
        let share = |(flow, (_, peer)): (&PeerFlow, &(ApplicationId, &ApplicationRow))| {
            let local =
                if peer.local_routing() { flow.outbound } else { 0.0 } + if own { flow.inbound } else { 0.0 };
            let all = flow.outbound + flow.inbound;
            if all > 0.0 { local / all } else { 0.0 }
        };
        self.flows.iter().zip(self.peers).map(share).collect()
    }

    fn own_pods(&self) -> Vec<u32> {
        let mut by_node = vec![0u32; self.snapshot.names().slots()];
        let placed =
            self.own.into_iter().flat_map(|row| row.placement.iter()).map(|entry| (entry.node, entry.pods));
        let assumed = self.assumed.iter().filter(|(id, _)| Some(*id) == self.application);
        for (node, pods) in placed.chain(assumed.map(|(_, node)| (*node, 1))) {
            if let Some(count) = by_node.get_mut(node.index()) {
                *count += pods;
            }
        }
        self.of_nodes(&by_node)
    }

    fn target(&self) -> &[u32] {
        self.target.get_or_init(|| self.missing_from_target())
    }

    fn missing_from_target(&self) -> Vec<u32> {
        let Some(row) = self.own.filter(|row| !row.target.is_empty()) else { return Vec::new() };
        let revision = self.pod.revision();
        let mut missing = vec![0u32; self.snapshot.names().slots()];
        for entry in row.target.iter() {
            if let Some(missing) = missing.get_mut(entry.node.index()) {
                *missing = entry.missing(revision);
            }
        }
        for (_, node) in self.assumed.iter().filter(|(id, _)| Some(*id) == self.application) {
            if let Some(missing) = missing.get_mut(node.index()) {
                *missing = missing.saturating_sub(1);
            }
        }
        missing
    }

    /// The nodes on which the target has pods of the own application, and how many of them are missing there.
    fn missing(&self) -> impl Iterator<Item = (NodeId, u32)> + '_ {
        let missing = self.target();
        let places = self.own.into_iter().flat_map(|row| row.target.iter()).map(|entry| entry.node);
        places.map(move |node| (node, missing.get(node.index()).copied().unwrap_or(0)))
    }

    /// Of them, those on nodes with room for the pod that are not candidates.
    fn target_not_offered(&self) -> u32 {
        let candidates = self.candidates.len();
        let offered = |node: NodeId| self.slots.get(node.index()).is_some_and(|slot| *slot < candidates);
        let with_room = |node: NodeId| self.snapshot.node(node).takes(self.pod.requests);
        let not_offered =
            self.missing().filter(|(node, pods)| *pods > 0 && !offered(*node) && with_room(*node));
        not_offered.map(|(_, pods)| pods).sum()
    }

    fn of_nodes(&self, by_id: &[u32]) -> Vec<u32> {
        self.nodes.iter().map(|id| by_id.get(*id as usize).copied().unwrap_or(0)).collect()
    }
}
