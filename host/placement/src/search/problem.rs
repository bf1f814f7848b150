//! What a search is about, in the form in which its steps are cheap. All chains of a search share it.

use std::collections::BTreeMap;

use crate::goal::{Goal, cap};
use crate::inventory::{Inventory, Placement};
use crate::locality::Routing;

/// Whether a pod, by its index, may run on a node.
pub(crate) type Allowed<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// The other end of an application's flows, with both directions' bytes per second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) application: usize,
    /// Of calls that prefer their node.
    pub(crate) local: f64,
    /// Of calls that are spread over all pods.
    pub(crate) spread: f64,
    /// The share (of 1) of the other end that one of its pods is.
    pub(crate) share: f64,
}

impl Peer {
    pub(crate) fn bytes(&self) -> f64 {
        self.local + self.spread
    }
}

pub(crate) struct Problem<'a> {
    pub(crate) inventory: &'a Inventory,
    pub(crate) start: &'a Placement,
    pub(crate) allowed: Allowed<'a>,
    /// Of each pod that is not where it was at the start.
    pub(crate) price: f64,
    /// Bytes per second of all flows.
    pub(crate) traffic: f64,
    fixed: Vec<bool>,
    applications: Vec<Application>,
    zones: Vec<usize>,
    /// What each node has for pods.
    pub(super) room: Vec<Room>,
}

/// What a search asks of an application.
#[derive(Default)]
struct Application {
    pods: Vec<usize>,
    /// The share (of 1) that one pod is.
    share: f64,
    /// The other ends of its flows; never itself.
    peers: Vec<Peer>,
    /// Bytes per second of all peers.
    traffic: f64,
    /// What it sends to itself.
    own: Peer,
    /// Most of its pods on one node, and in one zone.
    most_on_node: u32,
    most_in_zone: u32,
}

/// What is left on a node; below zero where it is overcommitted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    pub(crate) cpu_millicores: i64,
    pub(crate) memory_bytes: i64,
    pub(crate) pods: i64,
}

impl Room {
    fn each(self, other: Self, of: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            cpu_millicores: of(self.cpu_millicores, other.cpu_millicores),
            memory_bytes: of(self.memory_bytes, other.memory_bytes),
            pods: of(self.pods, other.pods),
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        self.each(other, i64::saturating_add)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.each(other, i64::saturating_sub)
    }

    /// The larger of both, amount by amount.
    pub(crate) fn most(self, other: Self) -> Self {
        self.each(other, i64::max)
    }

    /// The smaller of both, amount by amount.
    pub(crate) fn least(self, other: Self) -> Self {
        self.each(other, i64::min)
    }

    /// Whether it is enough for what is requested.
    pub(crate) fn holds(self, requests: Self) -> bool {
        self.pods >= requests.pods
            && self.cpu_millicores >= requests.cpu_millicores
            && self.memory_bytes >= requests.memory_bytes
    }
}

impl<'a> Problem<'a> {
    pub(crate) fn new(
        inventory: &'a Inventory,
        start: &'a Placement,
        goal: &Goal,
        allowed: Allowed<'a>,
    ) -> Self {
        let mut applications: Vec<Application> =
            inventory.applications.iter().map(|_| Application::default()).collect();
        for (index, pod) in inventory.pods.iter().enumerate() {
            if let Some(application) = pod.application.and_then(|of| applications.get_mut(of)) {
                application.pods.push(index);
            }
        }
        let mut peers = peers(inventory, goal);
        for (peers, _) in &mut peers {
            for peer in peers {
                let pods = applications.get(peer.application).map_or(1, |of| of.pods.len());
                peer.share = share(pods);
            }
        }
        for (application, (peers, own)) in applications.iter_mut().zip(peers) {
            let pods = u32::try_from(application.pods.len()).unwrap_or(u32::MAX);
            application.share = share(application.pods.len());
            application.traffic = peers.iter().map(Peer::bytes).sum();
            application.peers = peers;
            application.own = own;
            application.most_on_node = cap(pods, goal.most_on_node);
            application.most_in_zone = cap(pods, goal.most_in_zone);
        }
        let usable = 1.0 - goal.headroom.clamp(0.0, 1.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a whole capacity stays exact; a share of it is rounded"
        )]
        let part = |amount: u64| match goal.headroom > 0.0 {
            true => (amount as f64 * usable) as i64,
            false => signed(amount),
        };
        let room = |node: &crate::Node| Room {
            cpu_millicores: part(node.cpu_millicores),
            memory_bytes: part(node.memory_bytes),
            pods: i64::from(node.max_pods),
        };
        Self {
            inventory,
            start,
            allowed,
            price: goal.price_per_move,
            traffic: inventory.bytes_per_second(),
            fixed: inventory.pods.iter().map(|pod| pod.fixed).collect(),
            applications,
            zones: if goal.most_in_zone < 1.0 { inventory.zones() } else { Vec::new() },
            room: inventory.nodes.iter().map(room).collect(),
        }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.room.len()
    }

    pub(crate) fn applications(&self) -> usize {
        self.applications.len()
    }

    pub(crate) fn application(&self, pod: usize) -> Option<usize> {
        self.inventory.pods.get(pod)?.application
    }

    pub(crate) fn is_fixed(&self, pod: usize) -> bool {
        self.fixed.get(pod).copied().unwrap_or(true)
    }

    /// Keeps a pod where it is from now on.
    pub(crate) fn fix(&mut self, pod: usize) {
        if let Some(fixed) = self.fixed.get_mut(pod) {
            *fixed = true;
        }
    }

    /// The pods that may move: those that have something to gain, and those for which every node is as good as another.
    pub(crate) fn movable(&self) -> (Vec<usize>, Vec<usize>) {
        let movable = (0..self.inventory.pods.len()).filter(|pod| !self.is_fixed(*pod));
        movable.partition(|pod| !self.is_indifferent(*pod))
    }

    /// What a pod requests.
    pub(crate) fn requests(&self, pod: usize) -> Room {
        let requests = |pod: &crate::Pod| Room {
            cpu_millicores: signed(pod.cpu_millicores),
            memory_bytes: signed(pod.memory_bytes),
            pods: 1,
        };
        self.inventory.pods.get(pod).map(requests).unwrap_or_default()
    }

    /// All pods of an application.
    pub(crate) fn pods(&self, application: usize) -> &[usize] {
        self.applications.get(application).map_or(&[], |of| &of.pods)
    }

    /// The share (of 1) of an application that one of its pods is.
    pub(crate) fn share(&self, application: usize) -> f64 {
        self.applications.get(application).map_or(1.0, |of| of.share)
    }

    pub(crate) fn peers(&self, application: usize) -> &[Peer] {
        self.applications.get(application).map_or(&[], |of| &of.peers)
    }

    /// Bytes per second between an application and all its peers.
    pub(crate) fn traffic(&self, application: usize) -> f64 {
        self.applications.get(application).map_or(0.0, |of| of.traffic)
    }

    /// What an application sends to itself.
    pub(crate) fn own(&self, application: usize) -> Peer {
        self.applications.get(application).map(|of| of.own).unwrap_or_default()
    }

    pub(crate) fn most_on_node(&self, application: usize) -> u32 {
        self.applications.get(application).map_or(u32::MAX, |of| of.most_on_node)
    }

    pub(crate) fn most_in_zone(&self, application: usize) -> u32 {
        self.applications.get(application).map_or(u32::MAX, |of| of.most_in_zone)
    }

    /// A node's zone; `None` where zones have no cap.
    pub(crate) fn zone(&self, node: usize) -> Option<usize> {
        self.zones.get(node).copied()
    }

    /// Whether it makes no difference for what is gained where a pod is.
    pub(crate) fn is_indifferent(&self, pod: usize) -> bool {
        self.application(pod).is_none_or(|of| self.peers(of).is_empty() && self.own(of).spread <= 0.0)
    }
}

/// Each application's peers, and what it sends to itself.
fn peers(inventory: &Inventory, goal: &Goal) -> Vec<(Vec<Peer>, Peer)> {
    let mut sums = vec![BTreeMap::<usize, Peer>::new(); inventory.applications.len()];
    let mut own = vec![Peer::default(); inventory.applications.len()];
    let mut add = |one: usize, other: usize, local: f64, spread: f64| {
        let peer = if one == other {
            own.get_mut(one)
        } else {
            sums.get_mut(one).map(|sums| sums.entry(other).or_default())
        };
        if let Some(peer) = peer {
            peer.application = other;
            peer.local += local;
            peer.spread += spread;
        }
    };
    for flow in &inventory.flows {
        let bytes = flow.bytes_per_second;
        let (local, spread) = match goal.routing_to(flow.destination) {
            Routing::SameNode => (bytes, 0.0),
            Routing::Even | Routing::SameZone => (0.0, bytes),
        };
        add(flow.source, flow.destination, local, spread);
        if flow.source != flow.destination {
            add(flow.destination, flow.source, local, spread);
        }
    }
    sums.into_iter().map(|sums| sums.into_values().collect()).zip(own).collect()
}

/// The share (of 1) that one of so many pods is.
fn share(pods: usize) -> f64 {
    1.0 / pods.max(1) as f64
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
