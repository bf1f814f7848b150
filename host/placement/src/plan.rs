//! A plan: which pods to move, one after the other, so that wherever it is stopped, what was moved so far was worth it.

use crate::assignment::Assignment;
use crate::goal::{Budget, Effort, Goal, Move};
use crate::inventory::{Inventory, Placement};
use crate::packing::pack;

/// Moves from `start` in their order, at most as many as the budget has. Every prefix is a plan of its own: each pod moves once, and when
/// its turn comes its node has room for it and the goal's caps hold. Pods that are nowhere at the start, and fixed ones, are not
/// moved. The same input, seed and steps give the same plan, unless `cancelled` ends the search early.
#[must_use]
pub fn plan(
    inventory: &Inventory,
    start: &Placement,
    goal: &Goal,
    budget: Budget,
    effort: Effort,
    allowed: &(dyn Fn(usize, usize) -> bool + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Vec<Move> {
    let target = pack(inventory, start, goal, effort, allowed, cancelled).placement;
    let mut assignment = Assignment::new(inventory, start, goal);
    let mut waiting: Vec<(usize, usize, usize)> = start
        .iter()
        .zip(&target)
        .enumerate()
        .filter_map(|(pod, (from, to))| Some((pod, (*from)?, (*to)?)))
        .filter(|(_, from, to)| from != to)
        .collect();
    let mut spent = Spent::new(inventory, budget);
    let mut moves = Vec::new();
    while moves.len() < budget.moves && !cancelled() {
        let open = waiting.iter().enumerate().filter(|(_, (pod, from, to))| {
            assignment.fits(*pod, *to) && spent.allows(inventory, *pod, *from, *to)
        });
        let gained = |(index, (pod, from, to)): (usize, &(usize, usize, usize))| {
            let of = inventory.pods.get(*pod).and_then(|pod| pod.application);
            let gain = of.map_or(0.0, |of| assignment.gain(of, *from, -1) + assignment.gain(of, *to, 1));
            (index, gain)
        };
        let best = open.map(gained).max_by(|one, other| one.1.total_cmp(&other.1));
        let Some((index, gained)) = best.filter(|(_, gain)| *gain > goal.price_per_move) else { break };
        let (pod, from, to) = waiting.swap_remove(index);
        assignment.shift(pod, Some(to));
        spent.add(inventory, pod, from, to);
        moves.push(Move { pod, from, to, gained });
    }
    moves
}

/// What of a budget is used.
struct Spent {
    budget: Budget,
    of_application: Vec<usize>,
    from_node: Vec<usize>,
    to_node: Vec<usize>,
}

impl Spent {
    fn new(inventory: &Inventory, budget: Budget) -> Self {
        Self {
            budget,
            of_application: vec![0; inventory.applications.len()],
            from_node: vec![0; inventory.nodes.len()],
            to_node: vec![0; inventory.nodes.len()],
        }
    }

    fn allows(&self, inventory: &Inventory, pod: usize, from: usize, to: usize) -> bool {
        let used = |counts: &[usize], index: usize| counts.get(index).copied().unwrap_or(0);
        let of = inventory.pods.get(pod).and_then(|pod| pod.application);
        of.is_none_or(|of| used(&self.of_application, of) < self.budget.per_application)
            && used(&self.from_node, from) < self.budget.per_node
            && used(&self.to_node, to) < self.budget.per_node
    }

    fn add(&mut self, inventory: &Inventory, pod: usize, from: usize, to: usize) {
        let of = inventory.pods.get(pod).and_then(|pod| pod.application);
        let of = of.and_then(|of| self.of_application.get_mut(of));
        for count in [of, self.from_node.get_mut(from), self.to_node.get_mut(to)].into_iter().flatten() {
            *count += 1;
        }
    }
}
