//! Where running pods would go if they were evicted, one after the other.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use netmarks_core::application::Application;
use netmarks_core::needs::ColumnNeed;
use netmarks_placement::{Placement, Placer as _};
use netmarks_scheduler_model::{SchedulerOptions, TemplateId};

use crate::arm::Decider;
use crate::placer::SimulatedScheduler;
use crate::world::{EmptyCluster, World};

/// When a controller makes the replacement of an evicted pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// While the old pod still ends, and holds what it requests: a ReplicaSet.
    WhileItEnds,
    /// Once the old pod is gone: a StatefulSet, whose pods have names of their own.
    AfterItEnded,
}

/// A world's pods where the snapshot has them, and one arm that is asked where each would go. Moves are carried out when the caller
/// says so, and each question sees those before it.
pub struct Rehearsal<'w> {
    world: &'w World,
    follows_target: bool,
    scheduler: SimulatedScheduler<'w>,
    /// Pods as they are while they end: default spreading no longer counts them.
    ending: HashMap<usize, TemplateId>,
    placement: Placement,
}

impl<'w> Rehearsal<'w> {
    #[must_use]
    pub fn new(
        world: &'w World,
        decider: &Decider,
        empty: &'w EmptyCluster,
        options: SchedulerOptions,
        cancelled: &'w AtomicBool,
    ) -> Self {
        // It decides nothing at random: all nodes of a tie are the answer.
        let random = fastrand::Rng::with_seed(0);
        let mut scheduler = SimulatedScheduler::new(world, decider, empty, options, random, cancelled);
        let placement = world.inventory.initial();
        for (pod, node) in placement.iter().enumerate() {
            if let Some(node) = node {
                scheduler.occupy(pod, *node);
            }
        }
        let follows_target = match decider {
            Decider::Policies { registry, .. } => registry.current().asks_for(ColumnNeed::NodeTarget),
            _ => false,
        };
        Self { world, follows_target, scheduler, ending: HashMap::new(), placement }
    }

    /// How many pods of each application the target placement has on which nodes, by their indices; `None` if no policy asks for a
    /// target, or there is no such target. Applications that are not in it may go anywhere.
    #[must_use]
    pub fn target(&self) -> Option<HashMap<usize, HashMap<usize, u32>>> {
        if !self.follows_target {
            return None;
        }
        let inventory = &self.world.inventory;
        let nodes = inventory.nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index));
        let nodes: HashMap<&str, usize> = nodes.collect();
        let names = inventory.applications.iter().enumerate().map(|(index, name)| (name.as_str(), index));
        let names: HashMap<&str, usize> = names.collect();
        let of = |(application, counts): &(Application, Vec<(String, u32)>)| {
            let on = counts.iter().filter_map(|(node, pods)| Some((*nodes.get(node.as_str())?, *pods)));
            Some((*names.get(application.to_string().as_str())?, on.collect()))
        };
        let target: HashMap<usize, HashMap<usize, u32>> = self.world.target().iter().filter_map(of).collect();
        (!target.is_empty()).then_some(target)
    }

    /// Where the pods are now.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Decisions for which a policy failed.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.scheduler.faults()
    }

    /// The nodes of which kube-scheduler would choose one at random for the replacement of a pod; none if no node takes it. The node
    /// that the pod is on may be among them. Nothing changes by it.
    pub fn choices(&mut self, pod: usize, replacement: Replacement) -> Vec<usize> {
        let Some(node) = self.placement.get(pod).copied().flatten() else { return Vec::new() };
        self.scheduler.remove(pod, node);
        let ending = match replacement {
            Replacement::WhileItEnds => self.ending(pod),
            Replacement::AfterItEnded => None,
        };
        if let Some(ending) = ending {
            self.scheduler.cluster.place(ending, node);
        }
        let decision = self.scheduler.decide(pod);
        if let Some(ending) = ending {
            self.scheduler.cluster.remove(ending, node);
        }
        self.scheduler.occupy(pod, node);
        decision.best
    }

    /// The pod is gone, and its replacement on that node.
    pub fn carry_out(&mut self, pod: usize, to: usize) {
        let Some(place) = self.placement.get_mut(pod) else { return };
        if let Some(from) = place.replace(to) {
            self.scheduler.remove(pod, from);
        }
        self.scheduler.occupy(pod, to);
    }

    fn ending(&mut self, pod: usize) -> Option<TemplateId> {
        if let Some(template) = self.ending.get(&pod) {
            return Some(*template);
        }
        let mut model = self.world.pods.get(pod)?.clone();
        model.scheduling.terminating = true;
        let template = self.scheduler.cluster.template(&model);
        self.ending.insert(pod, template);
        Some(template)
    }
}
