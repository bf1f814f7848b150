//! All arms and repetitions, on all cores.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use netmarks_placement::{
    Assumptions, Order, Packing, Placement, Repetition, Study, figures, packed, place_all,
};
use netmarks_scheduler_model::SchedulerOptions;

use crate::arm::{Arm, Decider};
use crate::placer::SimulatedScheduler;
use crate::report::{Conditions, Report};
use crate::world::World;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Plan {
    pub order: Order,
    /// How often each arm runs, with another seed each time.
    pub repetitions: usize,
    pub seed: u64,
    /// Runs at the same time.
    pub threads: usize,
    pub scheduler: SchedulerOptions,
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
    plan: &Plan,
    cancelled: &AtomicBool,
    progress: &(dyn Fn(Progress) + Sync),
) -> Report {
    // Repetition by repetition, so that what is done when it is cancelled can be compared.
    let jobs: Vec<(usize, usize)> = (0..plan.repetitions)
        .flat_map(|repetition| (0..arms.len()).map(move |arm| (arm, repetition)))
        .collect();
    let none = ArmRuns { repetitions: vec![None; plan.repetitions], first: None };
    let runs = Mutex::new(vec![none; arms.len()]);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some((arm, repetition)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let Some(decider) = arms.get(arm).map(|arm| &arm.decider) else { continue };
            let run = run(world, decider, plan, repetition as u64, cancelled);
            let Some((done_one, placement)) = run else { return };
            let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(arm) = runs.get_mut(arm) {
                if let Some(slot) = arm.repetitions.get_mut(repetition) {
                    *slot = Some(done_one);
                }
                if arm.first.as_ref().is_none_or(|(first, _)| repetition < *first) {
                    arm.first = Some((repetition, placement));
                }
            }
            drop(runs);
            progress(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, all: jobs.len() });
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..plan.threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(work);
        }
    });
    let runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(world, arms, plan, runs)
}

fn run(
    world: &World,
    decider: &Decider,
    plan: &Plan,
    repetition: u64,
    cancelled: &AtomicBool,
) -> Option<(Repetition, Placement)> {
    let mut seeds =
        fastrand::Rng::with_seed(plan.seed.wrapping_add(repetition.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let mut order = fastrand::Rng::with_seed(seeds.u64(..));
    let ties = fastrand::Rng::with_seed(seeds.u64(..));
    let (placement, faults, decisions) = if let Decider::Optimal { steps } = decider {
        (packing(world, Packing { steps: *steps, seed: seeds.u64(..) }, cancelled)?, 0, 0)
    } else {
        let cordoned = if let Order::Drain { node } = plan.order { Some(node) } else { None };
        let options = plan.scheduler.clone();
        let mut scheduler = SimulatedScheduler::new(world, decider, cordoned, options, ties, cancelled);
        let placement = place_all(&world.inventory, &plan.order, &mut order, &mut scheduler)?;
        (placement, scheduler.faults(), scheduler.decisions)
    };
    let figures = figures(&world.inventory, &placement, &plan.assumptions);
    Some((Repetition { figures, faults, decisions }, placement))
}

/// From where the pods are, within each node's room and what each pod's own rules allow on an empty cluster.
fn packing(world: &World, packing: Packing, cancelled: &AtomicBool) -> Option<Placement> {
    let mut cluster = world.cluster(None);
    let templates: Vec<_> = world.pods.iter().map(|pod| cluster.template(pod)).collect();
    let allowed = |pod: usize, node: usize| {
        templates.get(pod).is_some_and(|template| cluster.could_run(*template, node).is_ok())
    };
    let give_up = || cancelled.load(Ordering::Relaxed);
    let start = world.inventory.initial();
    let placement = packed(&world.inventory, &start, packing, &allowed, &give_up);
    (!give_up()).then_some(placement)
}

fn report(world: &World, arms: &[Arm], plan: &Plan, runs: Vec<ArmRuns>) -> Report {
    let mut first_placements = Vec::new();
    let mut studied = Vec::new();
    for (arm, runs) in arms.iter().zip(runs) {
        first_placements.push(runs.first.map(|(_, placement)| placement));
        studied.push((arm.name.clone(), runs.repetitions));
    }
    let inventory = &world.inventory;
    let conditions = Conditions {
        nodes: inventory.nodes.len(),
        pods: inventory.pods.len(),
        applications: inventory.applications.len(),
        flows: inventory.flows.len(),
        bytes_per_second: inventory.flows.iter().map(|flow| flow.bytes_per_second).sum(),
        repetitions: plan.repetitions,
        seed: plan.seed,
        assumptions: plan.assumptions,
        missing: world.missing(),
        left_out: world.left_out(),
    };
    let as_found = inventory.pods.iter().any(|pod| pod.node.is_some());
    let as_found = as_found.then(|| figures(inventory, &inventory.initial(), &plan.assumptions));
    Report { conditions, as_found, study: Study::new(&studied), first_placements }
}
