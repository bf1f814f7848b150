//! One node: its room, its applications, and whom they talk to on it and elsewhere.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::amounts::{Amounts, Ends};
use crate::scene::{Distance, Scene, number};
use crate::split::Splitter;
use crate::text::{shown, shown_zone};

/// Most applications, other nodes and flows of one node, heaviest first.
const APPLICATIONS: usize = 200;
const PEERS: usize = 50;
const FLOWS: usize = 100;

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct NodeView {
    pub node: String,
    #[schema(required)]
    pub zone: Option<String>,
    #[schema(required)]
    pub region: Option<String>,
    /// Whether it takes no pod that does not tolerate it.
    pub closed: bool,
    /// Running or starting.
    pub pods: u32,
    /// 0 where it is unknown.
    pub max_pods: u32,
    pub cpu_millicores: Room,
    pub memory_bytes: Room,
    /// Of the flows with an end here.
    pub totals: Amounts,
    /// Those with most traffic first, at most 200.
    pub applications: Vec<NodeApplication>,
    pub applications_left_out: usize,
    /// Those with most traffic first, at most 50.
    pub peers: Vec<NodePeer>,
    pub peers_left_out: usize,
    /// From and to other nodes, the heaviest first, at most 100.
    pub flows: Vec<NodeFlow>,
    /// With both ends here, the heaviest first, at most 100.
    pub flows_within: Vec<FlowWithin>,
}

/// What there is of one resource; all 0 where it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Room {
    pub allocatable: u64,
    pub requested: u64,
}

/// An application on a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct NodeApplication {
    /// `namespace/name`.
    pub application: String,
    /// On this node.
    pub pods: u32,
    /// Bytes per second of these pods with both ends here.
    pub within: f64,
    /// Bytes per second of these pods with other nodes.
    pub beyond: f64,
}

/// Another node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct NodePeer {
    pub node: String,
    #[schema(required)]
    pub zone: Option<String>,
    /// 1 within the zone, 2 across zones, 3 across regions.
    pub distance: u8,
    /// Both directions.
    pub bytes_per_second: f64,
}

/// What an application on a node exchanges with another one elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct NodeFlow {
    /// The one on this node.
    pub application: String,
    pub peer: String,
    pub peer_node: String,
    /// Both directions.
    pub bytes_per_second: f64,
}

/// What two applications exchange on one node; each pair is there once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct FlowWithin {
    /// The first of the two by name.
    pub application: String,
    /// The same where its pods call one another, or themselves.
    pub peer: String,
    /// Both directions.
    pub bytes_per_second: f64,
}

/// What is added up for one node.
struct Sums {
    node: u32,
    totals: Amounts,
    by_application: BTreeMap<u32, Ends>,
    by_node: Vec<f64>,
    /// By application here, application there, and its node.
    flows: Parts<(u32, u32, u32)>,
    /// By the first and the second of a pair of applications.
    within: Parts<(u32, u32)>,
}

/// Bytes per second by part of the flows. Of what would be too many, only the heaviest.
#[derive(Default)]
struct Parts<Key>(BTreeMap<Key, f64>);

/// Parts of flows that are told apart; beyond, only those that weigh most would be shown anyway.
const PARTS: usize = 200_000;

impl<Key: Ord> Parts<Key> {
    fn add(&mut self, key: Key, amount: f64) {
        if self.0.len() < PARTS || self.0.contains_key(&key) {
            *self.0.entry(key).or_default() += amount;
        }
    }

    fn heaviest(self, most: usize) -> impl Iterator<Item = (Key, f64)> {
        let mut parts: Vec<_> = self.0.into_iter().collect();
        parts.sort_by(|left, right| right.1.total_cmp(&left.1));
        parts.into_iter().take(most)
    }
}

impl NodeView {
    /// The node of this name, if there is one; see [`Scene::node`].
    #[must_use]
    pub fn new(scene: &Scene, name: &str) -> Option<Self> {
        let index = scene.node(name)?;
        let node = scene.nodes.get(index as usize)?;
        let zone = scene.zones.get(node.zone as usize);
        let sums = Sums::new(scene, index);
        let mut view = Self {
            node: shown(&node.name),
            zone: shown_zone(zone.and_then(|zone| zone.name.as_deref())),
            region: shown_zone(zone.and_then(|zone| zone.region.as_deref())),
            closed: node.closed,
            pods: node.pods,
            max_pods: node.max_pods,
            cpu_millicores: Room {
                allocatable: node.allocatable.cpu_millicores,
                requested: node.requested.cpu_millicores,
            },
            memory_bytes: Room {
                allocatable: node.allocatable.memory_bytes,
                requested: node.requested.memory_bytes,
            },
            totals: sums.totals,
            ..Self::default()
        };
        view.take(scene, sums);
        Some(view)
    }

    fn take(&mut self, scene: &Scene, sums: Sums) {
        let Sums { node, totals: _, by_application, by_node, flows, within } = sums;
        let here = |application: u32| {
            let placement = scene.placement(application);
            let found = placement.binary_search_by_key(&node, |placed| placed.node).ok();
            found.and_then(|found| placement.get(found)).map_or(0, |placed| placed.pods)
        };
        let application = |(application, ends): (u32, Ends)| NodeApplication {
            application: shown(scene.application_name(application)),
            pods: here(application),
            within: ends.within,
            beyond: ends.beyond,
        };
        self.applications = by_application.into_iter().map(application).collect();
        let traffic = |row: &NodeApplication| row.within + row.beyond;
        self.applications.sort_by(|left, right| traffic(right).total_cmp(&traffic(left)));
        self.applications_left_out = self.applications.len().saturating_sub(APPLICATIONS);
        self.applications.truncate(APPLICATIONS);

        let mut peers: Vec<(u32, f64)> =
            by_node.into_iter().enumerate().map(|(node, sum)| (number(node), sum)).collect();
        peers.retain(|(_, sum)| *sum > 0.0);
        peers.sort_by(|left, right| right.1.total_cmp(&left.1));
        self.peers_left_out = peers.len().saturating_sub(PEERS);
        let zone_of = |node: u32| {
            let zone = scene.nodes.get(node as usize)?.zone;
            shown_zone(scene.zones.get(zone as usize)?.name.as_deref())
        };
        let peer = |(other, bytes_per_second): (u32, f64)| NodePeer {
            node: shown(scene.node_name(other)),
            zone: zone_of(other),
            distance: scene.distance(node, other).number(),
            bytes_per_second,
        };
        self.peers = peers.into_iter().take(PEERS).map(peer).collect();

        let flow = |((application, peer, peer_node), bytes_per_second): ((u32, u32, u32), f64)| NodeFlow {
            application: shown(scene.application_name(application)),
            peer: shown(scene.application_name(peer)),
            peer_node: shown(scene.node_name(peer_node)),
            bytes_per_second,
        };
        self.flows = flows.heaviest(FLOWS).map(flow).collect();
        let flow_within = |((application, peer), bytes_per_second): ((u32, u32), f64)| FlowWithin {
            application: shown(scene.application_name(application)),
            peer: shown(scene.application_name(peer)),
            bytes_per_second,
        };
        self.flows_within = within.heaviest(FLOWS).map(flow_within).collect();
    }
}

impl Sums {
    fn new(scene: &Scene, node: u32) -> Self {
        let is_here = |application: u32| {
            scene.placement(application).binary_search_by_key(&node, |placed| placed.node).is_ok()
        };
        let mut sums = Self {
            node,
            totals: Amounts::default(),
            by_application: BTreeMap::new(),
            by_node: vec![0.0; scene.nodes.len()],
            flows: Parts::default(),
            within: Parts::default(),
        };
        for index in (0..scene.applications.len()).map(number).filter(|index| is_here(*index)) {
            sums.by_application.insert(index, Ends::default());
        }
        let mut flows: Vec<_> =
            scene.flows.iter().filter(|flow| is_here(flow.source) || is_here(flow.destination)).collect();
        flows.sort_by(|left, right| right.bytes_per_second.total_cmp(&left.bytes_per_second));
        let mut splitter = Splitter::new(scene);
        for flow in flows {
            let (source, destination) = (flow.source, flow.destination);
            let rate = flow.bytes_per_second;
            let Some(split) = splitter.split(flow) else { continue };
            let share = |shares: &[(u32, f64)]| {
                let found = shares.iter().find(|(other, _)| *other == node);
                found.map_or(0.0, |(_, share)| *share)
            };
            let (calling, answering) = (share(&split.calling), share(&split.answering));
            let within = (share(&split.preferred) + calling * answering) * rate;
            sums.stays((source, destination), within);
            for (others, part, ends) in [
                (&split.answering, calling, (source, destination)),
                (&split.calling, answering, (destination, source)),
            ] {
                if part == 0.0 {
                    continue;
                }
                for (other, share) in others.iter().filter(|(other, _)| *other != node) {
                    let amount = share * part * rate;
                    sums.elsewhere(scene, ends, *other, amount);
                }
            }
        }
        sums
    }

    fn add(&mut self, application: u32, within: f64, beyond: f64) {
        if within + beyond > 0.0 {
            let ends = self.by_application.entry(application).or_default();
            ends.within += within;
            ends.beyond += beyond;
        }
    }

    fn stays(&mut self, (source, destination): (u32, u32), amount: f64) {
        self.totals.add(Distance::Node, amount);
        self.add(source, amount, 0.0);
        if source != destination {
            self.add(destination, amount, 0.0);
        }
        if amount > 0.0 {
            self.within.add((source.min(destination), source.max(destination)), amount);
        }
    }

    fn elsewhere(&mut self, scene: &Scene, (here, there): (u32, u32), other: u32, amount: f64) {
        self.totals.add(scene.distance(self.node, other), amount);
        self.add(here, 0.0, amount);
        self.by_node.get_mut(other as usize).into_iter().for_each(|sum| *sum += amount);
        self.flows.add((here, there, other), amount);
    }
}
