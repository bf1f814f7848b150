//! The pairs of nodes that exchange most.
//!
//! There are as many pairs as nodes squared, so they are summed up for one node after the other, and only the heaviest are kept.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::filter::Filter;
use crate::scene::{Flow, Scene, number};
use crate::split::Splitter;

/// Additions that one answer may cost. Flows between applications that are on most nodes cost most and give each pair least; they
/// are left out first.
const EFFORT: usize = 40_000_000;

/// What it costs in additions to keep the share of one node.
const KEPT: usize = 20;

/// What two nodes exchange in both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    /// The lower first.
    pub(crate) nodes: (u32, u32),
    pub(crate) bytes_per_second: f64,
}

/// The heaviest pairs, heaviest first, and what they are a part of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pairs {
    pub(crate) heaviest: Vec<Pair>,
    /// How many pairs exchange anything, of those that were summed up.
    pub(crate) count: usize,
    /// What all pairs exchange, in bytes per second; those that were not summed up, too.
    pub(crate) bytes_per_second: f64,
}

impl Eq for Pair {}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The lightest is the greatest, so that a heap gives it up first; of two that are equal, the later one.
impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        let weight = other.bytes_per_second.total_cmp(&self.bytes_per_second);
        weight.then(self.nodes.cmp(&other.nodes))
    }
}

/// The shares, of 1, that nodes have of something; in the order of the nodes.
type Shares = Vec<(u32, f64)>;

/// The flows that are summed up, as they are found from a node.
struct Ends<'s> {
    flows: Vec<&'s Flow>,
    /// Of the pods of each application.
    shares: Vec<Shares>,
    /// Of the calls of a flow whose destination prefers the caller's node, those that go elsewhere; for others nothing.
    elsewhere: Vec<Option<Shares>>,
    /// The flows that each application calls, and those that call it.
    of: Vec<(Vec<u32>, Vec<u32>)>,
    /// The applications on each node.
    on: Vec<Vec<(u32, f64)>>,
}

impl<'s> Ends<'s> {
    fn new(scene: &'s Scene, flows: Vec<&'s Flow>) -> Self {
        let mut on = vec![Vec::new(); scene.nodes.len()];
        let mut of = vec![(Vec::new(), Vec::new()); scene.applications.len()];
        let shares: Vec<Shares> = (0..scene.applications.len())
            .map(|application| {
                let application = number(application);
                let pods = f64::from(scene.pods(application).max(1));
                let placement = scene.placement(application).iter();
                placement.map(|placed| (placed.node, f64::from(placed.pods) / pods)).collect()
            })
            .collect();
        for (application, shares) in shares.iter().enumerate() {
            for (node, share) in shares {
                let on: Option<&mut Vec<(u32, f64)>> = on.get_mut(*node as usize);
                on.into_iter().for_each(|on| on.push((number(application), *share)));
            }
        }
        let mut splitter = Splitter::new(scene);
        let mut elsewhere = Vec::with_capacity(flows.len());
        for (index, flow) in flows.iter().enumerate() {
            let index = number(index);
            let called: Option<&mut (Vec<u32>, Vec<u32>)> = of.get_mut(flow.source as usize);
            called.into_iter().for_each(|(calls, _)| calls.push(index));
            let answered = of.get_mut(flow.destination as usize);
            answered.into_iter().for_each(|(_, answers)| answers.push(index));
            let destination = scene.applications.get(flow.destination as usize);
            let prefers = destination.is_some_and(|destination| destination.local_routing);
            let calling = || splitter.split(flow).map(|split| split.calling.clone()).unwrap_or_default();
            elsewhere.push(prefers.then(calling));
        }
        Self { flows, shares, elsewhere, of, on }
    }

    fn shares(&self, application: u32) -> &[(u32, f64)] {
        self.shares.get(application as usize).map_or(&[], Vec::as_slice)
    }

    /// Calls `visit` with what the node exchanges with each node after it, a flow at a time.
    fn visit(&self, node: u32, mut visit: impl FnMut(u32, f64)) {
        let mut each = |others: &[(u32, f64)], amount: f64| {
            let from = others.partition_point(|(other, _)| *other <= node);
            for (other, share) in others.get(from..).unwrap_or_default() {
                visit(*other, amount * share);
            }
        };
        for (application, share) in self.on.get(node as usize).into_iter().flatten() {
            let Some((calls, answers)) = self.of.get(*application as usize) else { continue };
            let of = |index: &u32| {
                let elsewhere = self.elsewhere.get(*index as usize)?.as_deref();
                Some((self.flows.get(*index as usize)?, elsewhere))
            };
            for (flow, elsewhere) in calls.iter().filter_map(of) {
                let stays = elsewhere
                    .is_some_and(|calling| calling.binary_search_by_key(&node, |(from, _)| *from).is_err());
                if !stays {
                    each(self.shares(flow.destination), flow.bytes_per_second * share);
                }
            }
            for (flow, elsewhere) in answers.iter().filter_map(of) {
                let callers = elsewhere.unwrap_or_else(|| self.shares(flow.source));
                each(callers, flow.bytes_per_second * share);
            }
        }
    }
}

/// The `most` heaviest pairs of the nodes `among`, over the flows that `filter` lets through.
pub(crate) fn pairs(scene: &Scene, filter: &Filter, among: &[bool], most: usize) -> Pairs {
    let (flows, left_out) = affordable(scene, filter);
    let ends = Ends::new(scene, flows);
    let mut sums = vec![0.0; scene.nodes.len()];
    let mut touched: Vec<u32> = Vec::new();
    let mut heaviest = BinaryHeap::new();
    let mut pairs = Pairs { bytes_per_second: left_out, ..Pairs::default() };
    for node in (0..scene.nodes.len()).map(number).filter(|node| is_among(among, *node)) {
        ends.visit(node, |other, amount| {
            if let Some(sum) = sums.get_mut(other as usize).filter(|_| is_among(among, other)) {
                if *sum == 0.0 {
                    touched.push(other);
                }
                *sum += amount;
            }
        });
        for other in touched.drain(..) {
            let Some(sum) = sums.get_mut(other as usize) else { continue };
            let pair = Pair { nodes: (node, other), bytes_per_second: std::mem::take(sum) };
            if pair.bytes_per_second > 0.0 {
                pairs.count += 1;
                pairs.bytes_per_second += pair.bytes_per_second;
                heaviest.push(pair);
            }
            if heaviest.len() > most {
                heaviest.pop();
            }
        }
    }
    pairs.heaviest = heaviest.into_sorted_vec();
    pairs
}

fn is_among(among: &[bool], node: u32) -> bool {
    among.get(node as usize).copied().unwrap_or(false)
}

/// The flows whose pairs can be summed up within the effort, those first that may give a pair most; and what the others carry
/// between nodes.
fn affordable<'s>(scene: &'s Scene, filter: &'s Filter) -> (Vec<&'s Flow>, f64) {
    let ends = |flow: &Flow| (scene.placement(flow.source), scene.placement(flow.destination));
    let cost = |flow: &Flow| {
        let (callers, callees) = ends(flow);
        let prefers = scene.applications.get(flow.destination as usize).is_some_and(|it| it.local_routing);
        callers.len() * callees.len() + if prefers { callers.len() * KEPT } else { 0 }
    };
    let mut flows: Vec<&Flow> = filter.flows(scene).collect();
    if flows.iter().map(|flow| cost(flow)).sum::<usize>() <= EFFORT {
        return (flows, 0.0);
    }
    let per_pair = |flow: &Flow| flow.bytes_per_second / (cost(flow).max(1)) as f64;
    flows.sort_by(|left, right| per_pair(right).total_cmp(&per_pair(left)));
    let mut spent = 0;
    let kept = flows
        .iter()
        .take_while(|flow| {
            spent += cost(flow);
            spent <= EFFORT
        })
        .count();
    let mut splitter = Splitter::new(scene);
    let left_out = flows.split_off(kept).into_iter().map(|flow| splitter.amounts(flow).beyond()).sum();
    (flows, left_out)
}
