//! One flow, split over the nodes where its ends have pods.
//!
//! Pods of an application carry equal parts, and a call goes to all pods of its destination alike, or, where the destination prefers
//! the caller's node, to those there. Of the pairs of nodes there can be millions; sums by node, zone and region need only the
//! shares of both ends.

use crate::amounts::{Amounts, Ends};
use crate::scene::{Flow, Placed, Scene};

/// The parts, of 1, of a flow that nodes have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Split {
    /// Stays on the node because the destination prefers it.
    pub(crate) preferred: Vec<(u32, f64)>,
    /// Is called from the node and goes to all of `answering` by their shares.
    pub(crate) calling: Vec<(u32, f64)>,
    /// Sums to 1.
    pub(crate) answering: Vec<(u32, f64)>,
}

/// Splits flows of one scene; keeps what it needs from one to the next.
#[derive(Debug)]
pub(crate) struct Splitter<'s> {
    scene: &'s Scene,
    regions: Vec<u32>,
    split: Split,
    by_node: Sums,
    by_zone: Sums,
    by_region: Sums,
}

/// Dense sums that are cleared by what was touched.
#[derive(Debug, Default)]
struct Sums {
    sums: Vec<f64>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(length: usize) -> Self {
        Self { sums: vec![0.0; length], touched: Vec::new() }
    }

    fn add(&mut self, index: u32, amount: f64) {
        if let Some(sum) = self.sums.get_mut(index as usize) {
            if *sum == 0.0 {
                self.touched.push(index);
            }
            *sum += amount;
        }
    }

    fn get(&self, index: u32) -> f64 {
        self.sums.get(index as usize).copied().unwrap_or(0.0)
    }

    fn clear(&mut self) {
        for index in self.touched.drain(..) {
            if let Some(sum) = self.sums.get_mut(index as usize) {
                *sum = 0.0;
            }
        }
    }
}

impl<'s> Splitter<'s> {
    pub(crate) fn new(scene: &'s Scene) -> Self {
        let regions = scene.regions();
        Self {
            scene,
            by_node: Sums::new(scene.nodes.len()),
            by_zone: Sums::new(scene.zones.len()),
            by_region: Sums::new(regions.iter().max().map_or(0, |last| *last as usize + 1)),
            regions,
            split: Split::default(),
        }
    }

    /// The split of one flow; `None` if an end has no pod on any node.
    pub(crate) fn split(&mut self, flow: &Flow) -> Option<&Split> {
        let scene = self.scene;
        let (callers, callees) = (scene.placement(flow.source), scene.placement(flow.destination));
        let (calling, answering) = (pods(callers), pods(callees));
        let Split { preferred, calling: elsewhere, answering: shares } = &mut self.split;
        preferred.clear();
        elsewhere.clear();
        shares.clear();
        if calling == 0.0 || answering == 0.0 {
            return None;
        }
        let destination = scene.applications.get(flow.destination as usize);
        let local = destination.is_some_and(|destination| destination.local_routing);
        for placed in callers {
            let share = f64::from(placed.pods) / calling;
            let stays = local && is_on(callees, placed.node);
            if stays { preferred.push((placed.node, share)) } else { elsewhere.push((placed.node, share)) }
        }
        shares.extend(callees.iter().map(|placed| (placed.node, f64::from(placed.pods) / answering)));
        Some(&self.split)
    }

    /// The split of the flow that was split last.
    pub(crate) fn last(&self) -> &Split {
        &self.split
    }

    /// How far the flow that was split last goes, in parts of 1.
    pub(crate) fn distances(&mut self) -> Amounts {
        let Self { scene, regions, split, by_node, by_zone, by_region } = self;
        let zone_of = |node: u32| scene.nodes.get(node as usize).map_or(0, |node| node.zone);
        let region_of = |zone: u32| regions.get(zone as usize).copied().unwrap_or(0);
        let mut called = 0.0;
        for (node, share) in &split.calling {
            let zone = zone_of(*node);
            by_node.add(*node, *share);
            by_zone.add(zone, *share);
            by_region.add(region_of(zone), *share);
            called += share;
        }
        let (mut node, mut zone, mut region) = (0.0, 0.0, 0.0);
        for (to, share) in &split.answering {
            let of = zone_of(*to);
            node += by_node.get(*to) * share;
            zone += by_zone.get(of) * share;
            region += by_region.get(region_of(of)) * share;
        }
        by_node.clear();
        by_zone.clear();
        by_region.clear();
        let preferred: f64 = split.preferred.iter().map(|(_, share)| share).sum();
        // Differences of sums that are equal may come out a little below zero.
        Amounts {
            within_node: preferred + node,
            within_zone: (zone - node).max(0.0),
            across_zones: (region - zone).max(0.0),
            across_regions: (called - region).max(0.0),
            unplaced: 0.0,
        }
    }

    /// The bytes per second of one flow by how far they go.
    pub(crate) fn amounts(&mut self, flow: &Flow) -> Amounts {
        if self.split(flow).is_none() {
            return Amounts { unplaced: flow.bytes_per_second, ..Amounts::default() };
        }
        self.distances().times(flow.bytes_per_second)
    }
}

fn pods(placement: &[Placed]) -> f64 {
    placement.iter().map(|placed| f64::from(placed.pods)).sum()
}

/// Whether an application, by its placement, has a pod on a node.
pub(crate) fn is_on(placement: &[Placed], node: u32) -> bool {
    placement.binary_search_by_key(&node, |placed| placed.node).is_ok()
}

impl Split {
    /// Adds, of a flow of `rate`, what each node has of its calling end, its answering end, or both, to `ends`: of what stays on a
    /// node both ends are there, and it counts once.
    pub(crate) fn at(&self, rate: f64, calling: bool, answering: bool, ends: &mut [Ends]) {
        let mut add = |node: u32, within: f64, beyond: f64| {
            if let Some(ends) = ends.get_mut(node as usize) {
                ends.within += within * rate;
                ends.beyond += beyond.max(0.0) * rate;
            }
        };
        for (node, share) in &self.preferred {
            add(*node, *share, 0.0);
        }
        let share_at = |shares: &[(u32, f64)], node: u32| {
            let found = shares.binary_search_by_key(&node, |(other, _)| *other).ok();
            found.and_then(|found| shares.get(found)).map_or(0.0, |(_, share)| *share)
        };
        let called: f64 = self.calling.iter().map(|(_, share)| share).sum();
        if calling {
            for (node, share) in &self.calling {
                let here = share_at(&self.answering, *node);
                add(*node, share * here, share * (1.0 - here));
            }
        }
        if answering {
            for (node, share) in &self.answering {
                let here = share_at(&self.calling, *node);
                // What stays was counted at its calling end already.
                let within = if calling { 0.0 } else { share * here };
                add(*node, within, share * (called - here));
            }
        }
    }
}
