//! Moves that gain only together, for a policy that follows a target placement.
//!
//! Such a policy sends a pod to where the target has it, also where its peers are not yet. So one move often gains nothing before
//! others follow, and nodes are full of pods that the target has elsewhere. A group brings to one node what the target has there: pods
//! that talk to each other, after pods that stand in their way. It is kept as far as it pays for each of its moves.

use std::collections::HashMap;

use netmarks_placement::{Flow, Occupancy};

use crate::file::Risk;
use crate::trial::Trial;

/// How many pods of each application the target has on which nodes.
pub(crate) type Target = HashMap<usize, HashMap<usize, u32>>;

/// So many moves in a row may pay for nothing.
const LONGEST: usize = 8;

/// Moves of one group at most.
const MOST: usize = 64;

/// Pods in the way that are tried before an application is given up.
const TRIED: usize = 4;

/// Tries each node once, those first that have most to gain. Returns how many moves were kept.
pub(crate) fn move_groups(trial: &mut Trial<'_>, target: &Target, stop: &dyn Fn() -> bool) -> usize {
    let price = trial.price;
    let inventory = trial.inventory();
    let begin = trial.made.len();
    let nodes = 0..inventory.nodes.len();
    let mut nodes: Vec<(usize, f64)> = nodes.map(|node| (node, still_to_gain(trial, target, node))).collect();
    nodes.retain(|(_, bytes)| *bytes > price);
    nodes.sort_by(|one, other| other.1.total_cmp(&one.1));
    for (node, _) in nodes {
        if stop() {
            break;
        }
        Group { trial, target, node, sum: 0.0 }.make();
    }
    trial.made.len() - begin
}

/// What the target keeps on a node beyond what is kept there now.
fn still_to_gain(trial: &Trial<'_>, target: &Target, node: usize) -> f64 {
    let occupancy = trial.worth().occupancy();
    let flows = trial.inventory().flows.iter();
    let now = |flow| kept(flow, occupancy, |application| occupancy.on_node(application, node));
    let then = |flow| kept(flow, occupancy, |application| wanted(target, application, node));
    flows.map(|flow| then(flow) - now(flow)).sum()
}

/// What a node with so many pods of each application keeps of a flow, where calls prefer their node. It only says what to try first.
fn kept(flow: &Flow, occupancy: &Occupancy, pods: impl Fn(usize) -> u32) -> f64 {
    let share = |application| f64::from(pods(application)) / f64::from(occupancy.pods(application).max(1));
    flow.bytes_per_second * share(flow.source).min(share(flow.destination))
}

/// How many pods of an application the target has on a node.
fn wanted(target: &Target, application: usize, node: usize) -> u32 {
    target.get(&application).and_then(|nodes| nodes.get(&node)).copied().unwrap_or(0)
}

/// Moves to one node, under way.
struct Group<'t, 'a> {
    trial: &'t mut Trial<'a>,
    target: &'t Target,
    node: usize,
    /// What all moves gain, less their prices.
    sum: f64,
}

impl Group<'_, '_> {
    fn make(&mut self) {
        let begin = self.trial.made.len();
        let (mut best, mut end) = (0.0, begin);
        let mut given_up = Vec::new();
        while self.trial.made.len() < (begin + MOST).min(end + LONGEST) {
            let Some((pod, application)) = self.next(&given_up) else { break };
            match self.trial.attempt_with_others(pod, Some(self.node)) {
                Ok(gain) => self.sum += gain - self.trial.price,
                Err(_) if self.clear() => {}
                Err(_) => given_up.push(application),
            }
            if self.sum > best {
                self.mark_since(end);
                (best, end) = (self.sum, self.trial.made.len());
            }
        }
        self.trial.take_back(end);
    }

    /// Says of each move since the last that paid with how many more it pays: the last one pays for all.
    fn mark_since(&mut self, end: usize) {
        let waiting = self.trial.made.iter_mut().skip(end).rev().enumerate().skip(1);
        waiting.for_each(|(moves, made)| made.risks.push(Risk::WithNext { moves }));
    }

    /// The pod that gains most by coming here, of those that the target has here and that are where it does not have them.
    fn next(&mut self, given_up: &[usize]) -> Option<(usize, usize)> {
        let occupancy = self.trial.worth().occupancy();
        let missing = self.target.iter().filter_map(|(application, nodes)| {
            let pods = nodes.get(&self.node)?;
            let open = *pods > occupancy.on_node(*application, self.node) && !given_up.contains(application);
            open.then_some(*application)
        });
        let mut missing: Vec<usize> = missing.collect();
        missing.sort_unstable();
        let mut best: Option<((f64, f64), usize, usize)> = None;
        for application in missing {
            for pod in self.misplaced(application) {
                let Some(from) = self.trial.node_of(pod) else { continue };
                let gain = self.trial.gain(application, from, self.node);
                let worth = (gain, self.promise(application));
                if best.is_none_or(|(most, ..)| worth > most) {
                    best = Some((worth, pod, application));
                }
            }
        }
        best.map(|(_, pod, application)| (pod, application))
    }

    /// One pod for each node where more of the application run than the target has there.
    fn misplaced(&self, application: usize) -> Vec<usize> {
        let mut nodes = Vec::new();
        let occupancy = self.trial.worth().occupancy();
        let pods = self.trial.pods_of(application).iter().filter(|pod| {
            let Some(node) = self.trial.node_of(**pod) else { return false };
            let surplus = occupancy.on_node(application, node) > wanted(self.target, application, node);
            let first = surplus && !nodes.contains(&node) && self.trial.may_move(**pod);
            if first {
                nodes.push(node);
            }
            first
        });
        pods.copied().collect()
    }

    /// What one more pod of an application will gain here once the target is reached.
    fn promise(&self, application: usize) -> f64 {
        let flows = self.trial.inventory().flows.iter();
        let here = |other| wanted(self.target, other, self.node) > 0;
        let peers =
            flows.filter_map(|flow| match (flow.source == application, flow.destination == application) {
                (true, _) if here(flow.destination) => Some(flow.bytes_per_second),
                (_, true) if here(flow.source) => Some(flow.bytes_per_second),
                _ => None,
            });
        peers.sum::<f64>() / f64::from(self.trial.worth().occupancy().pods(application).max(1))
    }

    /// Moves one pod away that the target has elsewhere: the one that loses least by it.
    fn clear(&mut self) -> bool {
        let occupancy = self.trial.worth().occupancy();
        let inventory = self.trial.inventory();
        let mut in_the_way = Vec::new();
        for (application, _) in inventory.applications.iter().enumerate() {
            let surplus =
                occupancy.on_node(application, self.node) > wanted(self.target, application, self.node);
            let here =
                |pod: &&usize| self.trial.node_of(**pod) == Some(self.node) && self.trial.may_move(**pod);
            if surplus && let Some(pod) = self.trial.pods_of(application).iter().find(here) {
                in_the_way.push((*pod, application));
            }
        }
        let flows =
            |of| inventory.flows.iter().filter(move |flow| flow.source == of || flow.destination == of);
        let here = |application| occupancy.on_node(application, self.node);
        let loss = |of| flows(of).map(|flow| kept(flow, occupancy, here)).sum::<f64>();
        let mut least: Vec<(usize, f64)> =
            in_the_way.into_iter().map(|(pod, application)| (pod, loss(application))).collect();
        least.sort_by(|one, other| one.1.total_cmp(&other.1));
        for (pod, _) in least.into_iter().take(TRIED) {
            if let Ok(gain) = self.trial.attempt_with_others(pod, None) {
                self.sum += gain - self.trial.price;
                return true;
            }
        }
        false
    }
}
