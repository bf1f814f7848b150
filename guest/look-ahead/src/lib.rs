//! A step towards a good whole: a pod goes where the target placement has it; without one, where it keeps traffic local together with
//! the pods that are still to come.
//!
//! The first rule that says something decides:
//!
//! 1. Nodes where the target still misses pods of the application score 1 to 2, all others 0. Among them those are first where the pod
//!    keeps most traffic local already: the target says where pods go in the end, the traffic which of those places is filled first.
//! 2. If the target has pods of the application on nodes that are full, or the application has no traffic, nodes score by the share of
//!    their CPU that the target leaves free: the pod stays off the room that others need. Nodes with room that the scheduler's sample of
//!    a large cluster did not have are not full.
//! 3. Otherwise score(n) = sum over peers X of T(X) * (gain of this replica + 0.5 * gain of the pods of X that are to come and
//!    fit beside it). The gain is that of `replica-aware`. Rooms that earlier peers will take are taken off, the heaviest first.

use netmarks_policy_gain::Gains;
use netmarks_policy_sdk::{Need, Parameter, Part, Peer, Policy, Request, export};

/// What a gain that is still to come counts against one that is there. With 0.9, Settlers on seven nodes and the Social Network keep
/// less on nodes than with 0.5, and Settlers less than with the plain score.
const TO_COME: f64 = 0.5;

/// Most addends that the contract allows.
const MOST_PARTS: usize = 256;

/// Follows the target, or looks ahead.
#[derive(Debug)]
pub struct LookAhead;

impl Policy for LookAhead {
    const NAME: &'static str = "look-ahead";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Follows the target placement; without one, makes room for peers that are still to come.";
    const NEEDS: &'static [Need] = &[
        Need::Peers,
        Need::NodeOwnPods,
        Need::NodeTarget,
        Need::NodeTargetCpu,
        Need::NodeCpuAllocatable,
        Need::NodeCpuRequested,
        Need::NodeMemoryAllocatable,
        Need::NodeMemoryRequested,
        Need::PeerPods,
        Need::PeerReplicas,
        Need::PeerLocalShare,
        Need::PeerCpuRequest,
        Need::PeerMemoryRequest,
        Need::PodCpuRequest,
        Need::PodMemoryRequest,
        Need::PodReplicas,
        Need::PodTarget,
        Need::PodTargetNotOffered,
    ];
    const PARAMETERS: &'static [Parameter] = &[
        Gains::ROUTING,
        Parameter::toggle("follow-target", "Whether pods go where the target placement has them.", true),
    ];

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        if let Some((_, scores)) = by_target(request)? {
            return Ok(scores);
        }
        let mut scores = vec![0.0; request.candidates()];
        Ahead::read(request)?.visit(|_, node, amount, _| {
            if let Some(score) = scores.get_mut(node) {
                *score += amount;
            }
        });
        Ok(scores)
    }

    fn explain(request: &Request, node: u32) -> Result<Vec<Part>, String> {
        let part = |peer, label: &str, amount| Part { peer, label: label.to_owned(), amount };
        if let Some((label, scores)) = by_target(request)? {
            let amount = scores.get(node as usize).copied().unwrap_or(0.0);
            let parts = [(label, amount.min(1.0)), ("traffic kept there already, of the most", amount - 1.0)];
            let parts = parts.into_iter().filter(|(_, amount)| *amount > 0.0);
            return Ok(parts.map(|(label, amount)| part(None, label, amount)).collect());
        }
        let mut parts = Vec::new();
        Ahead::read(request)?.visit(|peer, on, amount, to_come| {
            if on == node as usize && amount > 0.0 && parts.len() < MOST_PARTS {
                let label =
                    if to_come { "kept on the node, some of it by pods to come" } else { "kept on the node" };
                parts.push(part(Some(peer), label, amount));
            }
        });
        Ok(parts)
    }
}

/// The scores by the first two rules, and what they are; `None` if neither says something.
fn by_target(request: &Request) -> Result<Option<(&'static str, Vec<f64>)>, String> {
    if !request.parameters().toggle("follow-target")? {
        return Ok(None);
    }
    let missing = request.indexes(Need::NodeTarget)?;
    let missing = missing.get(..request.candidates()).unwrap_or(missing);
    let places = missing.iter().enumerate().filter(|(_, pods)| **pods > 0).map(|(node, _)| node);
    let places: Vec<usize> = places.collect();
    if !places.is_empty() {
        let mut scores = kept_where(missing, request)?;
        let most = places.iter().filter_map(|node| scores.get(*node)).copied().fold(0.0, f64::max);
        for node in places {
            if let Some(score) = scores.get_mut(node) {
                *score = 1.0 + if most > 0.0 { *score / most } else { 0.0 };
            }
        }
        return Ok(Some(("the target misses pods here", scores)));
    }
    let awaited = request.numbers(Need::NodeTargetCpu)?;
    let any = |need| request.indexes(need).map(|pods| pods.first().is_some_and(|pods| *pods > 0));
    let elsewhere = any(Need::PodTarget)? && !any(Need::PodTargetNotOffered)?;
    let silent = request.peers().next().is_none();
    if !(elsewhere || silent) || !awaited.iter().any(|cores| *cores > 0.0) {
        return Ok(None);
    }
    let pod = request.number(Need::PodCpuRequest)?;
    let nodes =
        request.numbers(Need::NodeCpuAllocatable)?.iter().zip(request.numbers(Need::NodeCpuRequested)?);
    let left = |((all, used), awaited): ((&f64, &f64), &f64)| {
        if *all > 0.0 { ((all - used - pod - awaited) / all).max(0.0) } else { 0.0 }
    };
    let scores = nodes.zip(awaited).map(left).take(request.candidates());
    Ok(Some(("CPU that the target leaves free", scores.collect())))
}

/// By candidate, the traffic that the pod keeps on it with the pods that run there; 0 where no pods are missing, which are most nodes.
fn kept_where(missing: &[u32], request: &Request) -> Result<Vec<f64>, String> {
    let gains = Gains::read(request)?;
    let mut kept = vec![0.0; request.candidates()];
    for (index, peer) in request.peers().enumerate() {
        for (node, pods) in peer.placements() {
            let node = node as usize;
            if missing.get(node).is_some_and(|missing| *missing > 0)
                && let Some(kept) = kept.get_mut(node)
            {
                *kept += peer.traffic() * gains.of(index, node, f64::from(pods));
            }
        }
    }
    Ok(kept)
}

/// What the third rule is computed from.
struct Ahead<'a> {
    gains: Gains<'a>,
    peers: Vec<Awaited<'a>>,
    /// Cores and bytes that each node has left once the pod runs there.
    room: Vec<(f64, f64)>,
}

/// A peer, and what is known of its pods that are still to come.
struct Awaited<'a> {
    peer: Peer<'a>,
    /// How many they are.
    to_come: f64,
    /// How many of them are needed beside pods of the application that run already.
    claimed: f64,
    /// What one of them requests.
    cores: f64,
    bytes: f64,
}

impl<'a> Ahead<'a> {
    fn read(request: &'a Request) -> Result<Self, String> {
        let gains = Gains::read(request)?;
        let (pod_cores, pod_bytes) =
            (request.number(Need::PodCpuRequest)?, request.number(Need::PodMemoryRequest)?);
        let left = |all: Need, used: Need, pod: f64| -> Result<Vec<f64>, String> {
            let (all, used) = (request.numbers(all)?.iter(), request.numbers(used)?);
            Ok(all.zip(used).map(|(all, used)| all - used - pod).collect())
        };
        let cores = left(Need::NodeCpuAllocatable, Need::NodeCpuRequested, pod_cores)?;
        let bytes = left(Need::NodeMemoryAllocatable, Need::NodeMemoryRequested, pod_bytes)?;
        let (pods, replicas) = (request.indexes(Need::PeerPods)?, request.indexes(Need::PeerReplicas)?);
        let (of_cores, of_bytes) =
            (request.numbers(Need::PeerCpuRequest)?, request.numbers(Need::PeerMemoryRequest)?);
        let each = pods.iter().zip(replicas).zip(of_cores.iter().zip(of_bytes));
        let mut peers: Vec<_> = request
            .peers()
            .zip(each)
            .map(|(peer, ((pods, replicas), (cores, bytes)))| Awaited {
                peer,
                to_come: f64::from(replicas.saturating_sub(*pods)),
                claimed: 0.0,
                cores: *cores,
                bytes: *bytes,
            })
            .collect();
        let own = (0..).zip(gains.own()).filter(|(_, own)| **own > 0);
        let own: Vec<(u32, f64)> = own.map(|(node, own)| (node, f64::from(*own))).collect();
        for (index, awaited) in peers.iter_mut().enumerate().filter(|(_, awaited)| awaited.to_come > 0.0) {
            let claims = own.iter().map(|(node, own)| {
                let wanted = gains.counterparts(index, *own);
                (wanted - f64::from(awaited.peer.pods_on(*node))).max(0.0)
            });
            awaited.claimed = claims.sum();
        }
        Ok(Self { gains, peers, room: cores.into_iter().zip(bytes).collect() })
    }

    /// Visits what the pod keeps on each candidate with each peer: peer, node, amount, and whether pods to come have a part in it.
    /// Of peers that are complete only the nodes where they run are visited: on all others the pod keeps nothing.
    fn visit(mut self, mut visit: impl FnMut(u32, usize, f64, bool)) {
        for (number, awaited) in (0..).zip(&self.peers) {
            let index = number as usize;
            let traffic = awaited.peer.traffic();
            if awaited.to_come == 0.0 {
                for (node, pods) in awaited.peer.placements() {
                    let gained = self.gains.of(index, node as usize, f64::from(pods));
                    visit(number, node as usize, traffic * gained, false);
                }
                continue;
            }
            let mut by_node = vec![0.0; self.room.len()];
            for (node, pods) in awaited.peer.placements() {
                if let Some(here) = by_node.get_mut(node as usize) {
                    *here = f64::from(pods);
                }
            }
            let beside =
                |own: f64| (self.gains.counterparts(index, own), self.gains.counterparts(index, own + 1.0));
            // Most nodes have no pod of the application, and no pod of the peer.
            let beside_none = beside(0.0);
            for (node, ((cores, bytes), here)) in self.room.iter_mut().zip(by_node).enumerate() {
                let own = self.gains.own().get(node).copied().unwrap_or(0);
                let (before, after) = if own == 0 { beside_none } else { beside(f64::from(own)) };
                let (before, after) = ((before - here).max(0.0), (after - here).max(0.0));
                let gained = if here > 0.0 { self.gains.of(index, node, here) } else { 0.0 };
                let fit = fitting(*cores, awaited.cores).min(fitting(*bytes, awaited.bytes));
                let wanted = after.min(fit).min(awaited.to_come);
                if wanted <= 0.0 {
                    visit(number, node, traffic * gained, false);
                    continue;
                }
                *cores -= wanted * awaited.cores;
                *bytes -= wanted * awaited.bytes;
                let to_come = TO_COME
                    * awaited.chance(before, after)
                    * (self.gains.of(index, node, here + wanted) - gained).max(0.0);
                visit(number, node, traffic * (gained + to_come), to_come > 0.0);
            }
        }
    }
}

impl Awaited<'_> {
    /// How likely (0 to 1) pods to come are free to come here, where so many are wanted before and after the pod is placed.
    fn chance(&self, before: f64, after: f64) -> f64 {
        if after > before {
            ((self.to_come - self.claimed) / (after - before)).clamp(0.0, 1.0)
        } else if self.claimed > 0.0 {
            (self.to_come / self.claimed).min(1.0)
        } else {
            0.0
        }
    }
}

/// How many of so much each fit into what is left.
fn fitting(left: f64, each: f64) -> f64 {
    if each > 0.0 { (left / each).floor().max(0.0) } else { f64::MAX }
}

export!(LookAhead);
