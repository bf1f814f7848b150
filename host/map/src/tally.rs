//! Sums over the flows of a scene: by node, by zone, by pair of zones and by application.

use std::collections::BTreeMap;

use crate::amounts::{Amounts, Ends};
use crate::filter::Filter;
use crate::scene::Scene;
use crate::split::Splitter;

/// Bytes per second in a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ZoneSums {
    pub(crate) within_node: f64,
    /// Between two nodes of the zone.
    pub(crate) within_zone: f64,
    /// One end is in another zone.
    pub(crate) beyond: f64,
}

/// Sums over flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) totals: Amounts,
    /// By node.
    pub(crate) nodes: Vec<Ends>,
    /// By group of zones.
    pub(crate) zones: Vec<ZoneSums>,
    /// Between two groups of zones, the lower first; both directions.
    pub(crate) between: BTreeMap<(u32, u32), f64>,
    /// By application: every flow counts for both its ends, one to itself once.
    pub(crate) applications: Vec<Amounts>,
}

impl Tally {
    /// Over the flows that `filter` lets through. `groups` has for each zone the number of its group, below `most`: there may be as
    /// many zones as nodes, and of their pairs only few can be kept.
    pub(crate) fn new(scene: &Scene, filter: &Filter, groups: &[u32], most: usize) -> Self {
        let mut tally = Self {
            nodes: vec![Ends::default(); scene.nodes.len()],
            zones: vec![ZoneSums::default(); most],
            applications: vec![Amounts::default(); scene.applications.len()],
            ..Self::default()
        };
        let mut splitter = Splitter::new(scene);
        let mut shares = Shares::new(scene.nodes.len(), most);
        let group_of = |node: u32| {
            let zone = scene.nodes.get(node as usize).map_or(0, |node| node.zone);
            groups.get(zone as usize).copied().unwrap_or(0)
        };
        for flow in filter.flows(scene) {
            let rate = flow.bytes_per_second;
            let amounts = splitter.amounts(flow);
            tally.totals += amounts;
            tally.end(flow.source, amounts);
            if flow.source != flow.destination {
                tally.end(flow.destination, amounts);
            }
            if amounts.unplaced > 0.0 {
                continue;
            }
            let split = splitter.last();
            for (node, share) in &split.preferred {
                tally.node(*node, share * rate, 0.0);
                if let Some(zone) = tally.zones.get_mut(group_of(*node) as usize) {
                    zone.within_node += share * rate;
                }
            }
            shares.fill(&split.calling, &split.answering, group_of);
            for (node, calling, answering) in shares.nodes() {
                let within = calling * answering;
                let beyond = calling * (1.0 - answering) + answering * (shares.called - calling);
                tally.node(node, within * rate, beyond.max(0.0) * rate);
                if let Some(zone) = tally.zones.get_mut(group_of(node) as usize) {
                    zone.within_node += within * rate;
                    zone.within_zone -= within * rate;
                }
            }
            tally.groups(&shares, rate);
            shares.clear();
        }
        tally
    }

    /// Where sums by zone are not needed.
    pub(crate) fn without_zones(scene: &Scene, filter: &Filter) -> Self {
        Self::new(scene, filter, &vec![0; scene.zones.len()], 1)
    }

    fn end(&mut self, application: u32, amounts: Amounts) {
        if let Some(sum) = self.applications.get_mut(application as usize) {
            *sum += amounts;
        }
    }

    fn node(&mut self, node: u32, within: f64, beyond: f64) {
        if let Some(ends) = self.nodes.get_mut(node as usize) {
            ends.within += within;
            ends.beyond += beyond;
        }
    }

    fn groups(&mut self, shares: &Shares, rate: f64) {
        let touched = || shares.touched_groups.iter().copied();
        for from in touched() {
            let (calling, answering) = shares.group(from);
            let together = calling * answering;
            if let Some(zone) = self.zones.get_mut(from as usize) {
                zone.within_zone += together * rate;
                let beyond = calling * (1.0 - answering) + answering * (shares.called - calling);
                zone.beyond += beyond.max(0.0) * rate;
            }
            if calling == 0.0 {
                continue;
            }
            for to in touched().filter(|to| *to != from) {
                let amount = calling * shares.group(to).1 * rate;
                if amount > 0.0 {
                    *self.between.entry((from.min(to), from.max(to))).or_default() += amount;
                }
            }
        }
    }
}

/// The shares of both ends of one flow, by node and by group of zones.
struct Shares {
    nodes: Vec<(f64, f64)>,
    touched: Vec<u32>,
    groups: Vec<(f64, f64)>,
    touched_groups: Vec<u32>,
    /// What is called altogether: less than 1 where the rest prefers its node.
    called: f64,
}

impl Shares {
    fn new(nodes: usize, groups: usize) -> Self {
        Self {
            nodes: vec![(0.0, 0.0); nodes],
            touched: Vec::new(),
            groups: vec![(0.0, 0.0); groups],
            touched_groups: Vec::new(),
            called: 0.0,
        }
    }

    fn fill(&mut self, calling: &[(u32, f64)], answering: &[(u32, f64)], group_of: impl Fn(u32) -> u32) {
        let both = calling.iter().map(|(node, share)| (*node, (*share, 0.0)));
        let both = both.chain(answering.iter().map(|(node, share)| (*node, (0.0, *share))));
        for (node, share) in both {
            add(&mut self.nodes, &mut self.touched, node, share);
            add(&mut self.groups, &mut self.touched_groups, group_of(node), share);
            self.called += share.0;
        }
    }

    fn nodes(&self) -> impl Iterator<Item = (u32, f64, f64)> + '_ {
        self.touched.iter().map(|node| {
            let (calling, answering) = self.nodes.get(*node as usize).copied().unwrap_or_default();
            (*node, calling, answering)
        })
    }

    fn group(&self, group: u32) -> (f64, f64) {
        self.groups.get(group as usize).copied().unwrap_or_default()
    }

    fn clear(&mut self) {
        self.called = 0.0;
        for (sums, touched) in
            [(&mut self.nodes, &mut self.touched), (&mut self.groups, &mut self.touched_groups)]
        {
            for index in touched.drain(..) {
                if let Some(sum) = sums.get_mut(index as usize) {
                    *sum = (0.0, 0.0);
                }
            }
        }
    }
}

fn add(sums: &mut [(f64, f64)], touched: &mut Vec<u32>, index: u32, share: (f64, f64)) {
    if let Some(sum) = sums.get_mut(index as usize) {
        if *sum == (0.0, 0.0) {
            touched.push(index);
        }
        sum.0 += share.0;
        sum.1 += share.1;
    }
}
