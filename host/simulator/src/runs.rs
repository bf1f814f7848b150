//! All arms and repetitions, on all cores.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use netmarks_placement::{
    Assumptions, Effort, Goal, Order, Placement, Repetition, Study, figures, pack, place_all,
};
use netmarks_scheduler_model::SchedulerOptions;

use crate::arm::{Arm, Decider};
use crate::placer::SimulatedScheduler;
use crate::report::{Conditions, SimulationReport};
use crate::world::{EmptyCluster, World};

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimulationOptions {
    pub order: Order,
    /// How often each arm runs, with another seed each time.
    pub repetitions: usize,
    pub seed: u64,
    /// Runs at the same time.
    pub threads: usize,
    pub scheduler: SchedulerOptions,
    /// Pods that are created before the first of them is placed; what is decided at creation then knows less.
    pub created_at_once: usize,
    pub assumptions: Assumptions,
}

/// How far a simulation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Runs that are done.
    pub done: usize,
    /// Runs in all.
    pub all: usize,
}

/// What became of an arm's runs.
#[derive(Clone, Default)]
struct ArmRuns {
    repetitions: Vec<Option<Repetition>>,
    /// Of the earliest repetition that is done. Those of all would take too much memory.
    first: Option<(usize, Placement)>,
}

/// Runs all arms on the same seeds, and reports after each run to `progress`. Once `cancelled` is set, runs under way are given
/// up and what is done is reported.
#[must_use]
pub fn simulate(
    world: &World,
    arms: &[Arm],
    options: &SimulationOptions,
    cancelled: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> SimulationReport {
    let cordoned = if let Order::Drain { node } = options.order { Some(node) } else { None };
    let simulation = Simulation {
        world,
        options,
        empty: world.empty_cluster(None),
        cordoned: cordoned.map(|node| world.empty_cluster(Some(node))),
        cancelled,
    };
    let all = options.repetitions.saturating_mul(arms.len());
    let none = ArmRuns { repetitions: vec![None; options.repetitions], first: None };
    let runs = Mutex::new(vec![none; arms.len()]);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // Repetition by repetition, so that what is done when it is cancelled can be compared.
            let (Some(index), Some(repetition)) =
                (number.checked_rem(arms.len()), number.checked_div(arms.len()))
            else {
                return;
            };
            let Some(arm) = arms.get(index).filter(|_| number < all) else { return };
            let Some((judged, placement)) = simulation.run(&arm.decider, repetition as u64) else { return };
            let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(runs) = runs.get_mut(index) {
                if let Some(slot) = runs.repetitions.get_mut(repetition) {
                    *slot = Some(judged);
                }
                if runs.first.as_ref().is_none_or(|(first, _)| repetition < *first) {
                    runs.first = Some((repetition, placement));
                }
            }
            drop(runs);
            progress(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, all });
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, all.max(1)) {
            scope.spawn(work);
        }
    });
    let runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    simulation.report(arms, runs)
}

/// What all runs share.
struct Simulation<'a> {
    world: &'a World,
    options: &'a SimulationOptions,
    empty: EmptyCluster,
    /// The same with the node cordoned that is drained.
    cordoned: Option<EmptyCluster>,
    cancelled: &'a AtomicBool,
}

impl Simulation<'_> {
    fn run(&self, decider: &Decider, repetition: u64) -> Option<(Repetition, Placement)> {
        let Self { world, options, empty, cordoned, cancelled } = self;
        let seed = options.seed.wrapping_add(repetition.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut seeds = fastrand::Rng::with_seed(seed);
        let mut order = fastrand::Rng::with_seed(seeds.u64(..));
        let ties = fastrand::Rng::with_seed(seeds.u64(..));
        let (placement, faults, decisions) = if let Decider::Optimal { steps, time } = decider {
            // Other runs are under way on the other threads.
            let threads = options.threads.checked_div(options.repetitions).unwrap_or(1).max(1);
            let effort = Effort { steps: *steps, time: *time, seed: seeds.u64(..), threads };
            (self.packed(effort)?, 0, 0)
        } else {
            let (empty, scheduler) = (cordoned.as_ref().unwrap_or(empty), options.scheduler.clone());
            let mut scheduler = SimulatedScheduler::new(world, decider, empty, scheduler, ties, cancelled);
            scheduler.created_at_once = options.created_at_once;
            let placement = place_all(&world.inventory, &options.order, &mut order, &mut scheduler)?;
            (placement, scheduler.faults(), scheduler.decisions)
        };
        let figures = figures(&world.inventory, &placement, &options.assumptions);
        Some((Repetition { figures, faults, decisions }, placement))
    }

    /// From where the pods are, within each node's room and what each pod's own rules allow on an empty cluster.
    fn packed(&self, effort: Effort) -> Option<Placement> {
        let allowed = |pod: usize, node: usize| self.empty.could_run(pod, node).is_ok();
        let give_up = || self.cancelled.load(Ordering::Relaxed);
        let inventory = &self.world.inventory;
        let packed = pack(inventory, &inventory.initial(), &Goal::default(), effort, &allowed, &give_up);
        (!give_up()).then_some(packed.placement)
    }

    fn report(&self, arms: &[Arm], runs: Vec<ArmRuns>) -> SimulationReport {
        let Self { world, options, empty, .. } = self;
        let mut first_placements = Vec::new();
        let mut studied = Vec::new();
        for (arm, runs) in arms.iter().zip(runs) {
            first_placements.push(runs.first.map(|(_, placement)| placement));
            studied.push((arm.name.clone(), runs.repetitions));
        }
        let inventory = &world.inventory;
        let conditions = Conditions {
            missing: world.missing(),
            left_out: empty.left_out(),
            ..Conditions::new(inventory, options.repetitions, options.seed, options.assumptions)
        };
        let as_found = inventory.pods.iter().any(|pod| pod.node.is_some());
        let as_found = as_found.then(|| figures(inventory, &inventory.initial(), &options.assumptions));
        SimulationReport { conditions, as_found, study: Study::new(&studied), first_placements }
    }
}
