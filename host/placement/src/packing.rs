//! A placement made with everything known at once: what no scheduler, which sees one pod after the other, can be expected to
//! reach. It serves as a bound in practice, not as a proof.
//!
//! Simulated annealing on gained affinity. A step sends a pod to a node where a pod of one of its peers is. Where that node is
//! full, pods that lose little go to the node that the pod leaves, or to another with room. Nodes' CPU, memory and number of
//! pods are limits; what else restricts a pod, the caller says.

use crate::affinity::gained_bytes;
use crate::assignment::{Assignment, Peer};
use crate::goal::{Effort, Goal, Packed};
use crate::inventory::{Inventory, Placement};
use crate::occupancy::Occupancy;

/// At the start and at the end, the loss that is taken with probability 1/e, as a share of all traffic.
const TEMPERATURES: (f64, f64) = (1e-3, 1e-7);

/// Pods that may have to make room for one.
const MOST_EVICTED: usize = 4;

/// Pods, or nodes, that are looked at for each choice.
const SAMPLED: usize = 6;

/// How often it is looked whether to give up, in steps.
const CANCEL_EVERY: u64 = 1 << 12;

/// The best placement found from `start`: never worse than it, with each pod that is there and fits kept somewhere. A pod goes only where
/// `allowed` says it may and where the goal's limits let it, and fixed pods stay. A pod that is nowhere at the start is put where it fits,
/// if that is anywhere. The same input, seed and steps give the same placement, unless `cancelled` ends the search early.
#[must_use]
pub fn pack(
    inventory: &Inventory,
    start: &Placement,
    goal: &Goal,
    effort: Effort,
    allowed: &(dyn Fn(usize, usize) -> bool + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Packed {
    let placement = best(inventory, start, goal, effort, allowed, cancelled);
    let gained = gained_bytes(inventory, &Occupancy::new(inventory, &placement), goal);
    Packed { placement, gained, bound: inventory.bytes_per_second() }
}

fn best(
    inventory: &Inventory,
    start: &Placement,
    goal: &Goal,
    effort: Effort,
    allowed: &dyn Fn(usize, usize) -> bool,
    cancelled: &dyn Fn() -> bool,
) -> Placement {
    let mut search = Search {
        inventory,
        start,
        price: goal.price_per_move,
        allowed,
        assignment: Assignment::new(inventory, start, goal),
        random: fastrand::Rng::with_seed(effort.seed),
        undo: Vec::new(),
    };
    search.fill();
    let pods: Vec<usize> = search.pods_with_peers();
    let total = inventory.bytes_per_second();
    if pods.is_empty() || total <= 0.0 {
        return search.assignment.placement().clone();
    }
    let (hot, cold) = TEMPERATURES;
    let (mut now, mut best) = (0.0, 0.0);
    let mut best_placement = search.assignment.placement().clone();
    // A copy for every small improvement would cost more than the steps between.
    let mut worth_keeping = 0.0;
    for step in 0..effort.steps {
        if step % CANCEL_EVERY == 0 && cancelled() {
            break;
        }
        let progress = step as f64 / effort.steps as f64;
        let temperature = total * hot * (cold / hot).powf(progress);
        let Some(pod) = search.random.choice(&pods).copied() else { break };
        let Some(gain) = search.step(pod) else {
            search.take_back();
            continue;
        };
        if gain < 0.0 && search.random.f64() >= (gain / temperature).exp() {
            search.take_back();
            continue;
        }
        search.undo.clear();
        now += gain;
        if now > best {
            best = now;
            if best > worth_keeping + total * 1e-4 {
                best_placement.clone_from(search.assignment.placement());
                worth_keeping = best;
            }
        }
    }
    if now >= worth_keeping {
        best_placement.clone_from(search.assignment.placement());
    }
    best_placement
}

struct Search<'a> {
    inventory: &'a Inventory,
    start: &'a Placement,
    /// Of each pod that is not where it was at the start.
    price: f64,
    allowed: &'a dyn Fn(usize, usize) -> bool,
    assignment: Assignment<'a>,
    random: fastrand::Rng,
    /// What the step under way has moved, and from where.
    undo: Vec<(usize, Option<usize>)>,
}

impl Search<'_> {
    fn application(&self, pod: usize) -> Option<usize> {
        self.inventory.pods.get(pod)?.application
    }

    fn movable(&self, pod: usize) -> bool {
        self.inventory.pods.get(pod).is_some_and(|pod| !pod.fixed)
    }

    fn may_go(&self, pod: usize, node: usize) -> bool {
        self.assignment.fits(pod, node) && (self.allowed)(pod, node)
    }

    fn pods_with_peers(&self) -> Vec<usize> {
        let with_peers = |pod: &usize| {
            self.movable(*pod)
                && self.application(*pod).is_some_and(|of| !self.assignment.peers(of).is_empty())
        };
        (0..self.inventory.pods.len()).filter(with_peers).collect()
    }

    /// Puts pods that are nowhere on the node that they leave the least CPU of, largest first.
    fn fill(&mut self) {
        let mut waiting: Vec<usize> =
            (0..self.inventory.pods.len()).filter(|pod| self.assignment.node(*pod).is_none()).collect();
        let cpu = |pod: &usize| self.inventory.pods.get(*pod).map_or(0, |pod| pod.cpu_millicores);
        waiting.sort_by_key(|pod| std::cmp::Reverse(cpu(pod)));
        for pod in waiting {
            let nodes = (0..self.inventory.nodes.len()).filter(|node| self.may_go(pod, *node));
            if let Some(node) = nodes.min_by_key(|node| self.assignment.cpu_left(*node)) {
                self.assignment.shift(pod, Some(node));
            }
        }
    }

    fn shift(&mut self, pod: usize, to: usize) -> f64 {
        self.shift_to(pod, Some(to))
    }

    fn shift_to(&mut self, pod: usize, to: Option<usize>) -> f64 {
        self.undo.push((pod, self.assignment.node(pod)));
        let before = self.price_of(pod);
        self.assignment.shift(pod, to) + before - self.price_of(pod)
    }

    fn price_of(&self, pod: usize) -> f64 {
        let start = self.start.get(pod).copied().flatten();
        if start.is_some() && start != self.assignment.node(pod) { self.price } else { 0.0 }
    }

    fn take_back(&mut self) {
        while let Some((pod, from)) = self.undo.pop() {
            self.assignment.shift(pod, from);
        }
    }

    /// Moves a pod beside a peer. Returns what that gains; `None`, with the moves so far not taken back, if it cannot be done.
    fn step(&mut self, pod: usize) -> Option<f64> {
        let application = self.application(pod)?;
        let target = self.beside_a_peer(application)?;
        let from = self.assignment.node(pod);
        if from == Some(target) || !(self.allowed)(pod, target) {
            return None;
        }
        // It leaves first, so that others can take its place.
        let mut gain = self.shift_to(pod, None);
        for _ in 0..MOST_EVICTED {
            if self.assignment.fits(pod, target) {
                break;
            }
            gain += self.evict(target, from, application)?;
        }
        if !self.assignment.fits(pod, target) {
            return None;
        }
        gain += self.shift(pod, target);
        Some(gain)
    }

    /// A node that has a pod of one of the application's peers; heavier peers more often.
    fn beside_a_peer(&mut self, application: usize) -> Option<usize> {
        let peers = self.assignment.peers(application);
        let total: f64 = peers.iter().map(Peer::bytes).sum();
        let mut left = self.random.f64() * total;
        let chosen = peers.iter().find(|peer| {
            left -= peer.bytes();
            left <= 0.0
        });
        let peer = *chosen.or(peers.last())?;
        let nodes = self.assignment.nodes(peer.application);
        self.random.choice(nodes).map(|(node, _)| *node)
    }

    /// Sends away from `node` the one of some pods that loses least: to `back` if it fits there, else to any of some nodes.
    fn evict(&mut self, node: usize, back: Option<usize>, keep: usize) -> Option<f64> {
        let here = self.assignment.on_node(node);
        let mut cheapest: Option<(usize, f64)> = None;
        for _ in 0..SAMPLED {
            let Some(pod) = self.random.choice(here).copied() else { continue };
            let application = self.inventory.pods.get(pod).and_then(|pod| pod.application);
            if application == Some(keep) || self.inventory.pods.get(pod).is_none_or(|pod| pod.fixed) {
                continue;
            }
            let loss = application.map_or(0.0, |application| -self.assignment.gain(application, node, -1));
            if cheapest.is_none_or(|(_, least)| loss < least) {
                cheapest = Some((pod, loss));
            }
        }
        let (pod, _) = cheapest?;
        let elsewhere: Vec<usize> =
            (0..SAMPLED).map(|_| self.random.usize(0..self.inventory.nodes.len().max(1))).collect();
        let to = back.into_iter().chain(elsewhere).find(|to| *to != node && self.may_go(pod, *to))?;
        Some(self.shift(pod, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gained_affinity;
    use crate::inventory::{Flow, Node, Pod};

    fn pairs(nodes: usize, pairs: usize) -> Inventory {
        let node = Node { cpu_millicores: 4, memory_bytes: 4, max_pods: 4, ..Node::default() };
        let pod = |application| Pod {
            application: Some(application),
            cpu_millicores: 1,
            memory_bytes: 1,
            ..Pod::default()
        };
        Inventory {
            nodes: vec![node; nodes],
            applications: (0..2 * pairs).map(|index| format!("x/{index}")).collect(),
            pods: (0..2 * pairs).map(pod).collect(),
            flows: (0..pairs)
                .map(|pair| Flow {
                    source: pair,
                    destination: 2 * pairs - 1 - pair,
                    bytes_per_second: 1.0 + pair as f64,
                    calls_per_second: 0.0,
                })
                .collect(),
        }
    }

    fn packed(inventory: &Inventory, seed: u64) -> Placement {
        let effort = Effort { steps: 20_000, seed, threads: 1 };
        pack(inventory, &inventory.initial(), &Goal::default(), effort, &|_, _| true, &|| false).placement
    }

    #[test]
    fn full_nodes_are_sorted_out_until_all_pairs_are_together() {
        let inventory = pairs(6, 12);
        let placement = packed(&inventory, 3);
        assert!(placement.iter().all(Option::is_some));
        let gained = gained_affinity(&inventory, &Occupancy::new(&inventory, &placement));
        assert!(gained.unwrap() > 0.999, "{gained:?}");
        for node in 0..6 {
            assert_eq!(placement.iter().filter(|at| **at == Some(node)).count(), 4, "no node is overfull");
        }
        assert_eq!(placement, packed(&inventory, 3), "the seed decides");
    }

    #[test]
    fn fixed_pods_stay_and_nobody_goes_where_it_may_not() {
        let mut inventory = pairs(4, 2);
        inventory.pods[0].node = Some(2);
        inventory.pods[0].fixed = true;
        let effort = Effort { steps: 5_000, seed: 1, threads: 1 };
        let allowed = |pod: usize, node: usize| pod == 0 || node != 2;
        let goal = Goal::default();
        let placement = pack(&inventory, &inventory.initial(), &goal, effort, &allowed, &|| false).placement;
        assert_eq!(placement[0], Some(2));
        assert!(placement.iter().skip(1).all(|node| *node != Some(2)));
        assert_eq!(placement[1], placement[2], "the other pair is together");
    }
}
