//! Applications: a list in pages, and one of them with its peers and where it runs.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::amounts::{Amounts, Ends};
use crate::filter::Filter;
use crate::scene::{Scene, number};
use crate::split::Splitter;
use crate::tally::Tally;
use crate::text::{escaped, shown, shown_zone};

/// Most nodes and peers of one application, heaviest first.
const NODES: usize = 100;
const PEERS: usize = 100;

/// What a list is ordered by; the largest first, names from a to z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Bytes per second between nodes.
    #[default]
    Beyond,
    Total,
    Pods,
    Name,
}

/// Which page of which list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListQuery {
    pub sort: Sort,
    /// Part of `namespace/name`; upper and lower case are the same.
    pub search: String,
    pub offset: usize,
    pub limit: usize,
}

/// A page of applications.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApplicationList {
    /// How many there are on all pages.
    pub total: usize,
    /// How many are on the pages before.
    pub offset: usize,
    pub items: Vec<ApplicationRow>,
}

/// One application of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApplicationRow {
    /// `namespace/name`. Names that are longer than Kubernetes allows are cut here and wherever they are shown, with an ellipsis; one
    /// that is cut can be asked for.
    pub application: String,
    /// Running or starting.
    pub pods: u32,
    /// How many nodes they are on.
    pub nodes: usize,
    /// What it calls and what calls it.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// One application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ApplicationView {
    /// `namespace/name`.
    pub application: String,
    /// Running or starting.
    pub pods: u32,
    /// Those that its controllers want, or those that there are if that is more.
    pub replicas: u32,
    /// What one pod requests.
    pub cpu_millicores: u64,
    /// What one pod requests.
    pub memory_bytes: u64,
    /// Whether calls to it go to its pods on the caller's node, where it has any.
    pub local_routing: bool,
    /// What it calls and what calls it.
    pub totals: Amounts,
    /// Those with most of its traffic first, at most 100.
    pub nodes: Vec<ApplicationNode>,
    pub nodes_left_out: usize,
    /// Those with most traffic first, at most 100.
    pub peers: Vec<Peer>,
    pub peers_left_out: usize,
}

/// A node that an application runs on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ApplicationNode {
    pub node: String,
    #[schema(required)]
    pub zone: Option<String>,
    /// Of this application.
    pub pods: u32,
    /// Bytes per second of the application's pods here with both ends here.
    pub within: f64,
    /// Bytes per second of the application's pods here with other nodes.
    pub beyond: f64,
}

/// An application that another one talks to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Peer {
    /// `namespace/name`.
    pub application: String,
    /// Running or starting.
    pub pods: u32,
    /// Calls made to the peer, in bytes per second.
    pub outbound: f64,
    /// Calls made by the peer, in bytes per second.
    pub inbound: f64,
    /// Both together.
    #[serde(flatten)]
    pub amounts: Amounts,
}

impl ApplicationList {
    /// A page of the applications of `scene`, by the flows that `filter` lets through.
    #[must_use]
    pub fn new(scene: &Scene, filter: &Filter, query: &ListQuery) -> Self {
        Self::of(scene, filter, query, &Tally::without_zones(scene, filter).applications)
    }

    pub(crate) fn of(scene: &Scene, filter: &Filter, query: &ListQuery, amounts: &[Amounts]) -> Self {
        let ListQuery { sort, search, offset, limit } = query;
        let search = search.to_lowercase();
        let found = |(index, name): &(u32, &str)| {
            filter.has(scene, *index) && (search.is_empty() || name.to_lowercase().contains(&search))
        };
        let all = (0..scene.applications.len()).map(number);
        let mut found: Vec<(u32, &str)> =
            all.map(|index| (index, scene.application_name(index))).filter(found).collect();
        let of = |index: u32| amounts.get(index as usize).copied().unwrap_or_default();
        let by = |left: &(u32, &str), right: &(u32, &str)| -> Ordering {
            let (one, other) = (of(right.0), of(left.0));
            match sort {
                Sort::Beyond => one.beyond().total_cmp(&other.beyond()),
                Sort::Total => one.total().total_cmp(&other.total()),
                Sort::Pods => scene.pods(right.0).cmp(&scene.pods(left.0)),
                Sort::Name => Ordering::Equal,
            }
            .then_with(|| left.1.cmp(right.1))
        };
        found.sort_by(by);
        let total = found.len();
        let row = |(index, name): (u32, &str)| ApplicationRow {
            application: shown(name),
            pods: scene.pods(index),
            nodes: scene.placement(index).len(),
            amounts: of(index),
        };
        Self {
            total,
            offset: *offset,
            items: found.into_iter().skip(*offset).take(*limit).map(row).collect(),
        }
    }

    /// Leaves out the last ones whose names would take more than `bytes` together.
    pub(crate) fn shorten(&mut self, bytes: usize) {
        let mut sum = 0;
        let fits = |row: &&ApplicationRow| {
            sum += escaped(&row.application);
            sum <= bytes
        };
        let kept = self.items.iter().take_while(fits).count();
        self.items.truncate(kept);
    }
}

impl ApplicationView {
    /// The application `name` (`namespace/name`), if there is one; see [`Scene::application`].
    #[must_use]
    pub fn new(scene: &Scene, name: &str) -> Option<Self> {
        let index = scene.application(name)?;
        let application = scene.applications.get(index as usize)?;
        let mut view = Self {
            application: shown(name),
            pods: scene.pods(index),
            replicas: application.replicas,
            cpu_millicores: application.requests.cpu_millicores,
            memory_bytes: application.requests.memory_bytes,
            local_routing: application.local_routing,
            ..Self::default()
        };
        let mut splitter = Splitter::new(scene);
        let mut ends = vec![Ends::default(); scene.nodes.len()];
        let mut peers: BTreeMap<u32, Peer> = BTreeMap::new();
        let of = scene.flows.iter().filter(|flow| flow.source == index || flow.destination == index);
        for flow in of {
            let amounts = splitter.amounts(flow);
            view.totals += amounts;
            let outbound = flow.source == index;
            let peer = if outbound { flow.destination } else { flow.source };
            let entry = peers.entry(peer).or_default();
            entry.amounts += amounts;
            if outbound {
                entry.outbound += flow.bytes_per_second;
            }
            if flow.destination == index {
                entry.inbound += flow.bytes_per_second;
            }
            if amounts.unplaced == 0.0 {
                splitter.last().at(flow.bytes_per_second, outbound, flow.destination == index, &mut ends);
            }
        }
        let mut nodes: Vec<ApplicationNode> = application
            .placement
            .iter()
            .filter_map(|placed| {
                let node = scene.nodes.get(placed.node as usize)?;
                let ends = ends.get(placed.node as usize).copied().unwrap_or_default();
                Some(ApplicationNode {
                    node: shown(&node.name),
                    zone: shown_zone(
                        scene.zones.get(node.zone as usize).and_then(|zone| zone.name.as_deref()),
                    ),
                    pods: placed.pods,
                    within: ends.within,
                    beyond: ends.beyond,
                })
            })
            .collect();
        let traffic = |node: &ApplicationNode| node.within + node.beyond;
        nodes.sort_by(|left, right| traffic(right).total_cmp(&traffic(left)));
        view.nodes_left_out = nodes.len().saturating_sub(NODES);
        nodes.truncate(NODES);
        view.nodes = nodes;
        let named = |(peer, entry): (u32, Peer)| Peer {
            application: shown(scene.application_name(peer)),
            pods: scene.pods(peer),
            ..entry
        };
        let mut peers: Vec<Peer> = peers.into_iter().map(named).collect();
        peers.sort_by(|left, right| right.amounts.total().total_cmp(&left.amounts.total()));
        view.peers_left_out = peers.len().saturating_sub(PEERS);
        peers.truncate(PEERS);
        view.peers = peers;
        Some(view)
    }
}
