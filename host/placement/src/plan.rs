//! A plan: which pods to move, one after the other, so that wherever it is stopped, what was moved so far was worth it.
//!
//! It is made in stages. Each searches from where the last one ended, with a lower price on every move: the first moves are those that
//! gain very much, the last those that gain little. A pod moves once.

use crate::goal::{Budget, Effort, Goal, Move};
use crate::inventory::{Inventory, Placement};
use crate::search::assignment::Assignment;
use crate::search::problem::{Allowed, Problem};
use crate::search::{Temperatures, improve};

/// Prices of a move in the first and the last stage, in parts of the traffic that a pod has on average. The goal's own price ends it earlier.
const PRICES: (f64, f64) = (100.0, 0.01);

/// How many prices are tried.
const STAGES: u32 = 24;

/// In parts of the price.
const TEMPERATURES: Temperatures = Temperatures { hot: 0.5, cold: 0.02 };

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
    allowed: Allowed<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Vec<Move> {
    let mut spent = Spent::new(inventory, budget);
    let mut moves: Vec<Move> = Vec::new();
    let mut now = start.clone();
    let mut moved = vec![false; start.len()];
    for stage in 0..STAGES {
        let mut problem = Problem::new(inventory, &now, goal, allowed);
        for (pod, node) in now.iter().enumerate() {
            if node.is_none() || moved.get(pod).copied().unwrap_or(false) {
                problem.fix(pod);
            }
        }
        let (talking, _) = problem.movable();
        if talking.is_empty() || cancelled() || moves.len() >= budget.moves {
            break;
        }
        let (high, low) = PRICES;
        let part = f64::from(stage) / f64::from(STAGES - 1);
        let price = problem.traffic / talking.len() as f64 * high * (low / high).powf(part);
        problem.price = price.max(goal.price_per_move);
        let temperatures = TEMPERATURES.times(problem.price);
        let steps = effort.steps / u64::from(STAGES);
        let effort = Effort { steps, seed: effort.seed.wrapping_add(u64::from(stage)), ..effort };
        let target = improve(&problem, &talking, effort, temperatures, cancelled).placement().clone();
        let made = in_order(&problem, &target, &mut spent, budget.moves - moves.len());
        for made in &made {
            if let (Some(node), Some(moved)) = (now.get_mut(made.pod), moved.get_mut(made.pod)) {
                *node = Some(made.to);
                *moved = true;
            }
        }
        moves.extend(made);
        if price <= goal.price_per_move {
            break;
        }
    }
    moves
}

/// The moves to a target, each feasible when its turn comes: those that gain most first. What is not worth its price in the end is left out.
fn in_order(problem: &Problem<'_>, target: &Placement, spent: &mut Spent, most: usize) -> Vec<Move> {
    let mut assignment = Assignment::new(problem, problem.start);
    let moves = problem.start.iter().zip(target).enumerate();
    let mut waiting: Vec<(usize, usize, usize)> = moves
        .filter_map(|(pod, (from, to))| Some((pod, (*from)?, (*to)?)))
        .filter(|(_, from, to)| from != to)
        .collect();
    let mut moves: Vec<Move> = Vec::new();
    let (mut sum, mut best) = (0.0, (0.0, 0));
    while moves.len() < most {
        let open = waiting.iter().enumerate().filter(|(_, (pod, from, to))| {
            assignment.fits(*pod, *to) && spent.allows(problem.inventory, *pod, *from, *to)
        });
        let gained = |(index, (pod, from, to)): (usize, &(usize, usize, usize))| {
            let of = problem.application(*pod);
            let gain = of.map_or(0.0, |of| assignment.gain(of, *from, -1) + assignment.gain(of, *to, 1));
            (index, gain)
        };
        let Some((index, gained)) = open.map(gained).max_by(|one, other| one.1.total_cmp(&other.1)) else {
            break;
        };
        let (pod, from, to) = waiting.swap_remove(index);
        assignment.shift(pod, Some(to));
        spent.add(problem.inventory, Change::More, pod, from, to);
        moves.push(Move { pod, from, to, gained });
        sum += gained - problem.price;
        if sum > best.0 {
            best = (sum, moves.len());
        }
    }
    for taken_back in moves.split_off(best.1) {
        spent.add(problem.inventory, Change::Less, taken_back.pod, taken_back.from, taken_back.to);
    }
    moves
}
/// Whether a move is made or taken back.
#[derive(Clone, Copy)]
enum Change {
    More,
    Less,
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

    fn add(&mut self, inventory: &Inventory, change: Change, pod: usize, from: usize, to: usize) {
        let of = inventory.pods.get(pod).and_then(|pod| pod.application);
        let of = of.and_then(|of| self.of_application.get_mut(of));
        for count in [of, self.from_node.get_mut(from), self.to_node.get_mut(to)].into_iter().flatten() {
            match change {
                Change::More => *count += 1,
                Change::Less => *count -= 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Flow, Node, Pod};
    use crate::{Occupancy, gained_bytes};

    /// Pods dealt out to nodes that are three quarters full, so that half of the applications talk to another.
    fn scattered(seed: u64) -> Inventory {
        let mut random = fastrand::Rng::with_seed(seed);
        let (nodes, applications, pods) = (6, 12, 48);
        let pod = |index| Pod {
            application: Some(index % applications),
            cpu_millicores: 100 * random.u64(1..4),
            node: Some(index % nodes),
            ..Pod::default()
        };
        let flow = |index| Flow {
            source: index,
            destination: applications - 1 - index,
            bytes_per_second: 10.0 * (1.0 + index as f64),
            calls_per_second: 0.0,
        };
        Inventory {
            pods: (0..pods).map(pod).collect(),
            nodes: vec![Node { cpu_millicores: 2_300, max_pods: 11, ..Node::default() }; nodes],
            applications: (0..applications).map(|index| format!("x/{index}")).collect(),
            flows: (0..applications / 2).map(flow).collect(),
        }
    }

    fn planned(inventory: &Inventory, goal: &Goal, budget: Budget) -> Vec<Move> {
        let effort = Effort { steps: 60_000, time: None, seed: 1, threads: 1 };
        plan(inventory, &inventory.initial(), goal, budget, effort, &|_, _| true, &|| false)
    }

    #[test]
    fn every_move_has_room_when_its_turn_comes_and_gains_what_it_says() {
        for seed in 1..=8 {
            let inventory = scattered(seed);
            let goal = Goal { most_on_node: 0.5, ..Goal::default() };
            let mut now = inventory.initial();
            let gained = |now: &Placement| gained_bytes(&inventory, &Occupancy::new(&inventory, now), &goal);
            let mut before = gained(&now);
            let moves = planned(&inventory, &goal, Budget::of(usize::MAX));
            assert!(moves.len() > 3, "seed {seed}: {moves:?}");
            let mut moved = std::collections::BTreeSet::new();
            for made in moves {
                assert!(moved.insert(made.pod), "a pod moves once");
                assert_eq!(now[made.pod], Some(made.from));
                now[made.pod] = Some(made.to);
                let here = |index: &usize| now[*index] == Some(made.to);
                let here: Vec<usize> = (0..inventory.pods.len()).filter(here).collect();
                let node = &inventory.nodes[made.to];
                let cpu: u64 = here.iter().map(|index| inventory.pods[*index].cpu_millicores).sum();
                assert!(cpu <= node.cpu_millicores && here.len() <= node.max_pods as usize);
                let of = inventory.pods[made.pod].application;
                let alike = here.iter().filter(|index| inventory.pods[**index].application == of).count();
                assert!(alike <= 2, "half of four");
                let after = gained(&now);
                assert!((after - before - made.gained).abs() < 1e-6, "seed {seed}");
                before = after;
            }
        }
    }

    #[test]
    fn each_prefix_is_nearly_as_good_as_a_plan_of_that_length_alone() {
        for seed in 1..=4 {
            let inventory = scattered(seed);
            let goal = Goal::default();
            let start = inventory.initial();
            let gained = |placement: &Placement| {
                gained_bytes(&inventory, &Occupancy::new(&inventory, placement), &goal)
            };
            let moves = planned(&inventory, &goal, Budget::of(usize::MAX));
            let traffic: f64 = inventory.flows.iter().map(|flow| flow.bytes_per_second).sum();
            // Searches that see the whole, each with another price of a move: of those that move few enough pods the best counts.
            let alone: Vec<(usize, f64)> = (0..24)
                .map(|step| {
                    let price_per_move = 100.0 * 0.7_f64.powi(step);
                    let goal = Goal { price_per_move, ..goal.clone() };
                    let effort = Effort { steps: 60_000, time: None, seed, threads: 1 };
                    let found = crate::pack(&inventory, &start, &goal, effort, &|_, _| true, &|| false);
                    let moved = start.iter().zip(&found.placement).filter(|(from, to)| from != to).count();
                    (moved, gained(&found.placement))
                })
                .collect();
            for most in [3, 6, 12, 24] {
                let prefix: f64 = moves.iter().take(most).map(|made| made.gained).sum();
                let prefix = gained(&start) + prefix;
                let alone = alone.iter().filter(|(moved, _)| *moved <= most).map(|(_, gained)| *gained);
                let alone = alone.fold(gained(&start), f64::max);
                assert!(
                    prefix >= alone - 0.03 * traffic,
                    "seed {seed}, {most} moves: {prefix} against {alone}"
                );
            }
        }
    }

    #[test]
    fn a_plan_keeps_its_budget_and_a_longer_one_begins_with_what_gains_most() {
        let inventory = scattered(3);
        let goal = Goal::default();
        let all = planned(&inventory, &goal, Budget::of(usize::MAX));
        let few = planned(&inventory, &goal, Budget { moves: 5, per_application: 1, per_node: 2 });
        assert!(!few.is_empty() && few.len() <= 5);
        for made in &few {
            let count = |of: fn(&Move) -> usize| few.iter().filter(|other| of(other) == of(made)).count();
            let application = |made: &Move| inventory.pods[made.pod].application;
            assert_eq!(few.iter().filter(|other| application(other) == application(made)).count(), 1);
            assert!(count(|made| made.from) <= 2 && count(|made| made.to) <= 2);
        }
        let sum = |moves: &[Move]| moves.iter().map(|made| made.gained).sum::<f64>();
        let half = all.len() / 2;
        assert!(sum(&all[..half]) > sum(&all[half..]), "the first half gains more: {all:?}");
        let dear = Goal { price_per_move: 1e9, ..goal };
        assert!(planned(&inventory, &dear, Budget::of(usize::MAX)).is_empty(), "nothing is worth that");
    }
}
