//! A plan, made: proposed by a search, rehearsed move by move, cut where it is good enough.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use netmarks_core::application::Application;
use netmarks_placement::{
    Assumptions, Budget, Effort, Figure, Goal, Inventory, Placement, Routing, figures, pack, plan,
};
use netmarks_scheduler_model::SchedulerOptions;
use netmarks_simulator::{Arm, EmptyCluster, Rehearsal};

use crate::advice::{Question, advise};
use crate::curve::{curve, end};
use crate::error::PlanError;
use crate::file::{
    Conditions, Controller, Gain, LeftOutPods, Obstacle, Plan, PlanReport, PlannedMove, Risk, Standing,
    VERSION,
};
use crate::groups::{Target, move_groups};
use crate::limits::Limits;
use crate::remarks::remarks;
use crate::routing::{AssumedRouting, Mesh, of_applications};
use crate::stays::{Movable, movable};
use crate::subject::Subject;
use crate::trial::{Made, Trial, goal};
use crate::worth::Worth;

/// How a plan is made.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    pub limits: Limits,
    pub routing: AssumedRouting,
    pub mesh: Mesh,
    /// How many times the mean of its application a pod may get by a setting that is advised.
    pub most_load: f64,
    pub scheduler: SchedulerOptions,
    pub assumptions: Assumptions,
    pub effort: Effort,
}

/// How far the making of a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanProgress {
    /// A search looks for moves, in this round of at most so many.
    Searching { round: usize, most: usize },
    /// So many moves are taken.
    Rehearsing { moves: usize },
}

/// Each round proposes moves from where the last one ended. Later ones find little.
const ROUNDS: usize = 4;

/// So many times fewer steps of the search have later rounds, and the searches that only say what could be kept at most.
const AGAIN: u64 = 2;

/// Towards a target, prices fall from so many times the traffic that a pod has on average, in so many stages: what gains most comes first.
const DEAREST: f64 = 100.0;
const STAGES: u32 = 12;

/// How often every pod is asked for where it would go, after the search has nothing left to propose.
const PASSES: usize = 3;

/// The plan for a cluster whose scheduler has `arm` as its extender. Once `cancelled` is set, it is of the moves until then.
///
/// # Errors
/// If the limits contradict each other or name what is not there, and for pods that fit nowhere.
pub fn make_plan(
    subject: &Subject,
    arm: &Arm,
    options: &PlanOptions,
    cancelled: &AtomicBool,
    progress: &(dyn Fn(PlanProgress) + Sync),
) -> Result<Plan, PlanError> {
    let world = &subject.world;
    let limits = &options.limits;
    limits.check(world)?;
    let empty = world.empty_cluster(None);
    every_pod_fits(subject, &empty, limits)?;
    let movable = movable(world, limits);
    let routing = of_applications(world, options.routing, options.mesh);
    let price = limits.least_gain_bytes_per_second.unwrap_or(subject.mean_traffic() / 100.0);
    let goal = goal(routing.clone(), limits, price);
    let prices = options.assumptions.prices;
    let start = world.inventory().initial();
    let rehearsal = Rehearsal::new(world, &arm.decider, &empty, options.scheduler.clone(), cancelled);
    let worth = Worth::new(world.inventory(), &start, &routing, prices);
    let target = rehearsal.target();
    let mut making = Making {
        empty: &empty,
        target,
        limits,
        effort: options.effort,
        inventory: with_fixed(world.inventory(), &movable),
        goal: &goal,
        cancelled,
        progress,
        trial: Trial::new(world, limits, price, &movable, rehearsal, worth),
    };
    let found = making.search(&goal, &start);
    let uncapped = Goal { most_on_node: 1.0, most_in_zone: 1.0, ..goal.clone() };
    let found_without_caps = making.search(&uncapped, &start).gained.max(found.gained);
    making.all_moves(subject.mean_traffic());

    let trial = making.trial;
    let gains: Vec<Gain> = trial.made.iter().map(|made| made.gain).collect();
    let pods = world.inventory().pods.len();
    let (kept, ended) = end(&gains, limits.stop_at, limits.most_moves(pods));
    let kept = whole_groups(&trial.made, kept);
    let made = trial.made.get(..kept).unwrap_or_default();
    let mut after = start.clone();
    for made in made {
        if let Some(place) = after.get_mut(made.pod) {
            *place = Some(made.to);
        }
    }
    let judge = |placement: &Placement| standing(subject, placement, &routing, options);
    let question = Question {
        before: &start,
        after: &after,
        assumed: options.routing,
        mesh: options.mesh,
        most_load: options.most_load,
        least_gain: price,
    };
    let inventory = world.inventory();
    let report = PlanReport {
        nodes: inventory.nodes.len(),
        pods,
        applications: inventory.applications.len(),
        flows: inventory.flows.len(),
        bytes_per_second: Worth::new(inventory, &start, &routing, prices).placed(),
        before: judge(&start),
        after: judge(&after),
        all_moves_gain: gains.iter().map(|gain| gain.within_nodes_bytes_per_second).sum(),
        all_moves: gains.len(),
        found: found.gained,
        found_without_caps,
        bound: found.bound,
        ended,
        curve: curve(&gains, pods),
        services: advise(world, &question),
        left_out: left_out(inventory, &movable, &trial.obstacles),
        remarks: remarks(subject, &empty, &options.scheduler, trial.rehearsal().faults()),
    };
    let conditions = Conditions {
        policy: arm.name.clone(),
        extender_weight: u32::try_from(options.scheduler.extender_weight).unwrap_or(0),
        percentage_of_nodes_to_score: options.scheduler.percentage_of_nodes_to_score.unwrap_or(0),
        limits: limits.clone(),
        routing: options.routing,
        mesh: options.mesh,
        prices,
        seed: options.effort.seed,
        steps: options.effort.steps,
    };
    let moves = made.iter().filter_map(|made| planned(subject, made)).collect();
    Ok(Plan { version: VERSION, made_from: subject.made_from.clone(), conditions, moves, report })
}

/// A plan under way.
struct Making<'a> {
    empty: &'a EmptyCluster,
    limits: &'a Limits,
    effort: Effort,
    /// Where the policy sends pods, whatever the search thinks. `None` if it follows no target.
    target: Option<Target>,
    /// What must stay is fixed in it, and what was moved.
    inventory: Inventory,
    goal: &'a Goal,
    cancelled: &'a AtomicBool,
    progress: &'a (dyn Fn(PlanProgress) + Sync),
    trial: Trial<'a>,
}

impl Making<'_> {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn search(&self, goal: &Goal, start: &Placement) -> netmarks_placement::Packed {
        let effort = Effort { steps: self.effort.steps / AGAIN, ..self.effort };
        pack(&self.inventory, start, goal, effort, &|pod, node| self.allowed(pod, node), &|| {
            self.is_cancelled()
        })
    }

    /// What the pod's own rules and the limits say whatever else is on the node.
    fn allowed(&self, pod: usize, node: usize) -> bool {
        allowed(self.empty, self.limits, &self.inventory, pod, node)
    }

    /// What the search proposes and kube-scheduler agrees to; a policy with a target knows better where pods should be.
    fn all_moves(&mut self, mean_traffic: f64) {
        let Some(target) = self.target.take() else {
            self.propose();
            self.follow();
            return;
        };
        let (high, low) = (mean_traffic * DEAREST, self.goal.price_per_move);
        for stage in 0..STAGES {
            let part = f64::from(stage) / f64::from(STAGES - 1);
            self.trial.price = high.max(low) * (low / high.max(low)).powf(part);
            for _ in 0..PASSES {
                self.follow();
                let cancelled = self.cancelled;
                let moves = move_groups(&mut self.trial, &target, &|| cancelled.load(Ordering::Relaxed));
                (self.progress)(PlanProgress::Rehearsing { moves: self.trial.made.len() });
                if moves == 0 {
                    break;
                }
            }
        }
    }

    /// Tries what the search proposes, until a round adds nothing.
    fn propose(&mut self) {
        for round in 1..=ROUNDS {
            (self.progress)(PlanProgress::Searching { round, most: ROUNDS });
            let start = self.trial.rehearsal().placement().clone();
            let budget = Budget {
                moves: usize::MAX,
                per_application: self.limits.per_application.unwrap_or(usize::MAX),
                per_node: self.limits.per_node.unwrap_or(usize::MAX),
            };
            let refused = &self.trial.refused;
            let may = |pod: usize, node: usize| !refused.contains(&(pod, node)) && self.allowed(pod, node);
            let Effort { steps, seed, .. } = self.effort;
            let steps = if round == 1 { steps } else { steps / AGAIN };
            let effort = Effort { steps, seed: seed.wrapping_add(round as u64), ..self.effort };
            let stop = || self.is_cancelled();
            let proposed = plan(&self.inventory, &start, self.goal, budget, effort, &may, &stop);
            let before = self.trial.made.len();
            for proposal in proposed {
                if self.is_cancelled() {
                    return;
                }
                self.attempt(proposal.pod, Some(proposal.to));
            }
            if self.trial.made.len() == before {
                return;
            }
        }
    }

    /// Tries wherever kube-scheduler would put the pods that are left, those that gain most first.
    fn follow(&mut self) {
        for _ in 0..PASSES {
            let mut prospects = Vec::new();
            for pod in 0..self.inventory.pods.len() {
                if self.is_cancelled() {
                    return;
                }
                if let Some(gain) = self.trial.prospect(pod) {
                    prospects.push((pod, gain));
                }
            }
            prospects.sort_by(|one, other| other.1.total_cmp(&one.1));
            let before = self.trial.made.len();
            for (pod, _) in prospects {
                if self.is_cancelled() {
                    return;
                }
                self.attempt(pod, None);
            }
            if self.trial.made.len() == before {
                return;
            }
        }
    }

    fn attempt(&mut self, pod: usize, proposed: Option<usize>) {
        if self.trial.attempt(pod, proposed).is_ok() {
            if let Some(pod) = self.inventory.pods.get_mut(pod) {
                pod.fixed = true;
            }
            (self.progress)(PlanProgress::Rehearsing { moves: self.trial.made.len() });
        }
    }
}

/// So many of the first moves that none of them waits for one that is left out.
fn whole_groups(made: &[Made], most: usize) -> usize {
    let waits = |made: &Made| made.risks.iter().any(|risk| matches!(risk, Risk::WithNext { .. }));
    (0..=most)
        .rev()
        .find(|kept| kept.checked_sub(1).and_then(|last| made.get(last)).is_none_or(|last| !waits(last)))
        .unwrap_or(0)
}

fn allowed(empty: &EmptyCluster, limits: &Limits, inventory: &Inventory, pod: usize, node: usize) -> bool {
    let open = inventory.nodes.get(node).is_some_and(|node| !limits.frozen_nodes.contains(&node.name));
    open && empty.could_run(pod, node).is_ok()
}

/// The search moves no pod that has to stay.
fn with_fixed(inventory: &Inventory, movable: &[Result<Movable, Obstacle>]) -> Inventory {
    let mut inventory = inventory.clone();
    for (pod, movable) in inventory.pods.iter_mut().zip(movable) {
        pod.fixed = movable.is_err();
    }
    inventory
}

/// Whether each pod that waits would fit on some node if it were empty.
fn every_pod_fits(subject: &Subject, empty: &EmptyCluster, limits: &Limits) -> Result<(), PlanError> {
    let world = &subject.world;
    let nodes = 0..world.inventory().nodes.len();
    let never =
        world.inventory().pods.iter().zip(world.pods()).enumerate().filter_map(|(index, (pod, model))| {
            if pod.node.is_some() || pod.fixed || limits.frozen_namespaces.contains(&model.namespace) {
                return None;
            }
            let mut against = nodes.clone().map(|node| empty.could_run(index, node).err());
            let first = against.next().flatten()?;
            against.all(|reason| reason.is_some()).then(|| (pod.name.clone(), first.to_string()))
        });
    let never: Vec<(String, String)> = never.collect();
    match never.first().cloned() {
        None => Ok(()),
        Some((pod, why)) => Err(PlanError::NeverFits { pods: never.len(), pod, why }),
    }
}

fn planned(subject: &Subject, made: &Made) -> Option<PlannedMove> {
    let world = &subject.world;
    let inventory = world.inventory();
    let pod = inventory.pods.get(made.pod)?;
    let (namespace, name) = inventory.applications.get(pod.application?)?.split_once('/')?;
    let owner = world.pods().get(made.pod)?.scheduling.owner.as_ref()?;
    let node = |index: usize| inventory.nodes.get(index).map(|node| node.name.clone());
    Some(PlannedMove {
        pod: pod.name.clone(),
        uid: subject.uids.get(made.pod).cloned().flatten(),
        application: Application::new(namespace, name),
        owner: Controller { kind: owner.kind.clone(), name: owner.name.clone() },
        from: node(made.from)?,
        to: node(made.to)?,
        or: made.or.iter().filter_map(|other| node(*other)).collect(),
        gain: made.gain,
        risks: made.risks.clone(),
    })
}

fn standing(
    subject: &Subject,
    placement: &Placement,
    routing: &[Routing],
    options: &PlanOptions,
) -> Standing {
    let inventory = subject.world.inventory();
    let worth = Worth::new(inventory, placement, routing, options.assumptions.prices);
    let kept = worth.kept();
    let figures = figures(inventory, placement, &options.assumptions);
    let figure = |figure| figures.get(&figure).copied();
    let response = match options.routing {
        AssumedRouting::Services | AssumedRouting::Even => Figure::ResponseP99Ms,
        AssumedRouting::SameNode => Figure::ResponseP99MsLocalRouting,
        AssumedRouting::SameZone => Figure::ResponseP99MsZoneRouting,
    };
    Standing {
        within_nodes: kept.within_nodes,
        within_zones: kept.within_zones,
        price_per_month: worth.price_per_month(),
        response_p99_ms: figure(response),
        cpu_most: figure(Figure::CpuMost).unwrap_or(0.0),
        largest_share_on_node: figure(Figure::LargestShareOnNode).unwrap_or(0.0),
        largest_share_in_zone: figure(Figure::LargestShareInZone).unwrap_or(0.0),
    }
}

/// Pods of applications with traffic that may not be moved, and those that were to be moved and are not.
fn left_out(
    inventory: &Inventory,
    movable: &[Result<Movable, Obstacle>],
    obstacles: &BTreeMap<usize, Obstacle>,
) -> Vec<LeftOutPods> {
    let peers = inventory.peers();
    let mut by_reason = BTreeMap::<Obstacle, LeftOutPods>::new();
    for (index, (pod, movable)) in inventory.pods.iter().zip(movable).enumerate() {
        let talks = pod.application.and_then(|of| peers.get(of)).is_some_and(|peers| !peers.is_empty());
        let Some(why) = movable.err().or_else(|| obstacles.get(&index).copied()).filter(|_| talks) else {
            continue;
        };
        let new = || LeftOutPods { why, pods: 0, example: pod.name.clone() };
        by_reason.entry(why).or_insert_with(new).pods += 1;
    }
    let mut left_out: Vec<LeftOutPods> = by_reason.into_values().collect();
    left_out.sort_by_key(|left_out| std::cmp::Reverse(left_out.pods));
    left_out
}
