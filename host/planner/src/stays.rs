//! Which pods may be moved at all, and why not the others.

use netmarks_scheduler_model::{Pod, selects};
use netmarks_simulator::{Replacement, World};
use netmarks_sources::snapshot_file::DisruptionBudget;

use crate::file::Obstacle;
use crate::limits::Limits;

/// A pod that may be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Movable {
    pub(crate) replacement: Replacement,
    /// Whether a PodDisruptionBudget selects it.
    pub(crate) guarded: bool,
}

/// For each pod of a world how its controller replaces it, or why it stays.
pub(crate) fn movable(world: &World, limits: &Limits) -> Vec<Result<Movable, Obstacle>> {
    let inventory = world.inventory();
    // A pod that waits for a node answers nobody.
    let mut of_application = vec![0_usize; inventory.applications.len()];
    let placed = inventory.pods.iter().filter(|pod| pod.node.is_some());
    for application in placed.filter_map(|pod| pod.application) {
        if let Some(count) = of_application.get_mut(application) {
            *count += 1;
        }
    }
    let budgets = &world.snapshot().disruption_budgets;
    let pods = world.pods().iter().zip(&inventory.pods);
    pods.map(|(pod, placed)| {
        let node = placed.node.and_then(|node| inventory.nodes.get(node)).ok_or(Obstacle::Pending)?;
        if placed.fixed {
            return Err(Obstacle::BelongsToNode);
        }
        if limits.frozen_namespaces.contains(&pod.namespace) {
            return Err(Obstacle::FrozenNamespace);
        }
        if limits.frozen_nodes.contains(&node.name) {
            return Err(Obstacle::FrozenNode);
        }
        let replacement = replacement(pod, limits)?;
        let alone = placed.application.and_then(|of| of_application.get(of)).is_some_and(|pods| *pods == 1);
        if alone && !limits.singletons {
            return Err(Obstacle::OnlyPod);
        }
        Ok(Movable { replacement, guarded: guarded(pod, budgets)? })
    })
    .collect()
}

fn replacement(pod: &Pod, limits: &Limits) -> Result<Replacement, Obstacle> {
    let owner = pod.scheduling.owner.as_ref().ok_or(Obstacle::NoController)?;
    match owner.kind.as_str() {
        "ReplicaSet" | "ReplicationController" => Ok(Replacement::WhileItEnds),
        "StatefulSet" if limits.stateful => Ok(Replacement::AfterItEnded),
        "StatefulSet" => Err(Obstacle::Stateful),
        _ => Err(Obstacle::OtherController),
    }
}

/// Whether a budget selects it. The API server evicts no pod that several select, or whose budget allows none.
fn guarded(pod: &Pod, budgets: &[DisruptionBudget]) -> Result<bool, Obstacle> {
    let selects = |budget: &&DisruptionBudget| {
        budget.namespace == pod.namespace
            && budget.selector.as_ref().is_some_and(|selector| selects(selector, &pod.labels))
    };
    let mut of_pod = budgets.iter().filter(selects);
    match (of_pod.next(), of_pod.next()) {
        (None, _) => Ok(false),
        (Some(_), Some(_)) => Err(Obstacle::SeveralBudgets),
        (Some(budget), None) if budget.disruptions_allowed < 1 => Err(Obstacle::BudgetSpent),
        (Some(_), None) => Ok(true),
    }
}
