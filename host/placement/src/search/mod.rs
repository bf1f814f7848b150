//! A placement made with everything known at once: what no scheduler, which sees one pod after the other, can be expected to
//! reach.
//!
//! Simulated annealing on what the goal gains, by several chains in rounds: each round begins with what the best chains of the last one
//! found, warm, and cools down. Pods for which every node is as good as another are taken out first and fill what is left in the
//! end. Nodes' CPU, memory and number of pods are limits; what else restricts a pod, the caller says.

#[cfg(test)]
mod alike;
pub(crate) mod assignment;
mod bound;
mod chain;
mod counts;
#[cfg(test)]
mod exact;
mod parallel;
pub(crate) mod problem;
mod settle;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::affinity::gained_bytes;
use crate::goal::{Effort, Goal, Packed};
use crate::inventory::{Inventory, Placement};
use crate::occupancy::Occupancy;
use crate::search::assignment::Assignment;
use crate::search::chain::Chain;
use crate::search::parallel::parallel;
use crate::search::problem::{Allowed, Problem};
use crate::search::settle::{lift, settle};

pub(crate) use crate::search::chain::Temperatures;

/// Of the first round, and of those after it, in parts of the traffic that a pod has on average.
const FIRST: Temperatures = Temperatures { hot: 3.0, cold: 3e-3 };
const AGAIN: Temperatures = Temperatures { hot: 1.0, cold: 3e-3 };

/// Chains of a round. It does not depend on the threads, so that these do not change what is found.
const CHAINS: u64 = 2;

/// Least and most steps of a chain in a round, for each pod that has something to gain. One long chain finds more than many short ones, up to
/// a length from which on another beginning is worth more: so many steps for each pair of a pod and another, measured from 60 to 1,200 pods.
const LEAST_STEPS: u64 = 500;
const MOST_STEPS: u64 = 20_000;
const STEPS_PER_PAIR: u64 = 10;

/// Part of the time that is left which a round is made for: it must not end hot.
const PART_OF_TIME: f64 = 0.85;

/// The best placement found from `start`: never worse than it, with each pod that is there and fits kept somewhere. A pod goes only where
/// `allowed` says it may and where the goal's limits let it, and fixed pods stay. A pod that is nowhere at the start is put where it fits,
/// if that is anywhere. The same input, seed and steps give the same placement, unless `cancelled` ends the search early.
#[must_use]
pub fn pack(
    inventory: &Inventory,
    start: &Placement,
    goal: &Goal,
    effort: Effort,
    allowed: Allowed<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Packed {
    let problem = Problem::new(inventory, start, goal, allowed);
    let placement = best(&problem, effort, cancelled).placement().clone();
    let gained = gained_bytes(inventory, &Occupancy::new(inventory, &placement), goal);
    Packed { placement, gained, bound: bound::bound(&problem) }
}

fn best<'a>(
    problem: &'a Problem<'a>,
    effort: Effort,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Assignment<'a> {
    let mut seeds = fastrand::Rng::with_seed(effort.seed);
    let mut best = fill(Assignment::new(problem, problem.start));
    let (talking, indifferent) = problem.movable();
    if talking.is_empty() || problem.traffic <= 0.0 {
        return best;
    }
    let mut lifted = best.clone();
    lift(&mut lifted, &indifferent);
    let mut chains = vec![lifted];
    let talkers = talking.len() as u64;
    let mean = problem.traffic / talking.len() as f64;
    let mut pace = Pace::new(effort);
    let mut first = Some(FIRST);
    let until = pace.time.and_then(|(time, begun)| begun.checked_add(time));
    let over = || cancelled() || until.is_some_and(|until| Instant::now() >= until);
    while let Some((count, steps)) = pace.round(talkers).filter(|_| !over()) {
        let begun = chains.iter().cycle().take(count);
        // The best goes on from where it is; the other begins again.
        let temperatures = std::iter::once(first.take().unwrap_or(AGAIN)).chain(std::iter::repeat(FIRST));
        let begun = begun.zip(temperatures);
        let begun: Vec<_> =
            begun.map(|(chain, hot)| (chain.clone(), hot.times(mean), seeds.u64(..))).collect();
        chains = parallel(begun, effort.threads, |(assignment, temperatures, seed)| {
            let mut chain = Chain::new(assignment, seed);
            chain.anneal(&talking, steps, temperatures, &over);
            chain.assignment
        });
        chains.sort_by(|one, other| other.worth().total_cmp(&one.worth()));
        let found = chains.first().cloned().and_then(|found| settle(found, &indifferent, seeds.u64(..)));
        if let Some(found) = found.filter(|found| found.worth() > best.worth()) {
            best = found;
        }
    }
    best
}

/// One round from a placement: the best of its chains, by what it is worth.
pub(crate) fn improve<'a>(
    problem: &'a Problem<'a>,
    pods: &[usize],
    effort: Effort,
    temperatures: Temperatures,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Assignment<'a> {
    let mut seeds = fastrand::Rng::with_seed(effort.seed);
    let start = Assignment::new(problem, problem.start);
    let steps = effort.steps / CHAINS;
    let begun: Vec<(Assignment<'a>, u64)> = (0..CHAINS).map(|_| (start.clone(), seeds.u64(..))).collect();
    let chains = parallel(begun, effort.threads, |(assignment, seed)| {
        let mut chain = Chain::new(assignment, seed);
        chain.anneal(pods, steps, temperatures, cancelled);
        chain.assignment
    });
    let found = chains.into_iter().max_by(|one, other| one.worth().total_cmp(&other.worth()));
    found.filter(|found| found.worth() > start.worth()).unwrap_or(start)
}

/// How long rounds are.
struct Pace {
    left: u64,
    /// Until when, and since when so many steps of a chain took so long.
    time: Option<(Duration, Instant)>,
    tried: u64,
}

impl Pace {
    fn new(effort: Effort) -> Self {
        Self { left: effort.steps, time: effort.time.map(|time| (time, Instant::now())), tried: 0 }
    }

    /// How many chains the next round has, and how many steps each; `None` after the last.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of steps that is not below zero"
    )]
    fn round(&mut self, talkers: u64) -> Option<(usize, u64)> {
        let least = LEAST_STEPS.saturating_mul(talkers);
        let each = STEPS_PER_PAIR.saturating_mul(talkers).clamp(LEAST_STEPS, MOST_STEPS);
        let mut most = each.saturating_mul(talkers);
        if let Some((time, begun)) = self.time {
            let passed = begun.elapsed();
            let left = time.saturating_sub(passed).as_secs_f64();
            // A short round says how fast this machine is.
            most = match self.tried {
                0 => least,
                tried => most.min((tried as f64 / passed.as_secs_f64() * left * PART_OF_TIME) as u64),
            };
            if most < least / 10 || left <= 0.0 {
                return None;
            }
        }
        if self.left == 0 {
            return None;
        }
        let count = if self.left < CHAINS.saturating_mul(least) { 1 } else { CHAINS };
        let steps = self.left.div_ceil(count).clamp(1, most.max(1));
        self.left = self.left.saturating_sub(steps.saturating_mul(count));
        self.tried += steps;
        Some((count as usize, steps))
    }
}

/// Puts pods that are nowhere on the node that they leave the least CPU of, largest first.
fn fill(mut assignment: Assignment<'_>) -> Assignment<'_> {
    let problem = assignment.problem;
    let pods = 0..problem.inventory.pods.len();
    let mut waiting: Vec<usize> = pods.filter(|pod| assignment.node(*pod).is_none()).collect();
    waiting.sort_by_key(|pod| std::cmp::Reverse(problem.requests(*pod).cpu_millicores));
    for pod in waiting {
        let nodes = (0..problem.nodes()).filter(|node| assignment.may_go(pod, *node));
        if let Some(node) = nodes.min_by_key(|node| assignment.room(*node).cpu_millicores) {
            assignment.shift(pod, Some(node));
        }
    }
    assignment
}
