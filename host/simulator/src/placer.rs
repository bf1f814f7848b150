//! kube-scheduler at work on a [`World`]: one pod after the other, each seen by the next.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use netmarks_core::request::PendingPod;
use netmarks_placement::Placer;
use netmarks_scheduler_model::{
    Cluster, PreferredTerms, Scheduler, SchedulerDecision, SchedulerOptions, TemplateId,
};

use crate::admission::PolicyAdmission;
use crate::arm::{Decider, PolicyDoor};
use crate::declared::Declared;
use crate::extender::PolicyExtender;
use crate::world::{EmptyCluster, World};

/// The label that tells a Deployment's pods of one revision from those of another.
const REVISION: &str = "pod-template-hash";

/// Places pods by one arm.
pub(crate) struct SimulatedScheduler<'w> {
    world: &'w World,
    pub(crate) cluster: Cluster,
    templates: &'w [TemplateId],
    scheduler: Scheduler,
    scores: Scores<'w>,
    random: fastrand::Rng,
    /// What each pod on a node is called there, oldest first: while a pod is rolled out, there are two of it.
    names: Vec<VecDeque<String>>,
    renamed: u64,
    /// How often each pod was replaced by one of another template.
    rollouts: Vec<u32>,
    pub(crate) decisions: u64,
    /// Pods that are created before the first of them is placed.
    pub(crate) created_at_once: usize,
    cancelled: &'w AtomicBool,
}

/// What is added to the scheduler's own scores.
enum Scores<'w> {
    None,
    /// Nothing is: any feasible node will do.
    Random,
    Declared(Declared),
    Extender(Box<PolicyExtender<'w>>),
    Admission(Box<PolicyAdmission<'w>>),
}

impl<'w> SimulatedScheduler<'w> {
    /// Over empty nodes.
    pub(crate) fn new(
        world: &'w World,
        decider: &Decider,
        empty: &'w EmptyCluster,
        options: SchedulerOptions,
        random: fastrand::Rng,
        cancelled: &'w AtomicBool,
    ) -> Self {
        let scores = match decider {
            Decider::Default | Decider::Optimal { .. } => Scores::None,
            Decider::Random => Scores::Random,
            Decider::Declared => Scores::Declared(Declared::new(&world.inventory)),
            Decider::Policies { registry, config, door } => {
                let policies = PolicyExtender::new(world, registry, config);
                match door {
                    PolicyDoor::Extender => Scores::Extender(Box::new(policies)),
                    PolicyDoor::Admission(config) => {
                        Scores::Admission(Box::new(PolicyAdmission::new(world, policies, config)))
                    }
                }
            }
        };
        Self {
            world,
            cluster: empty.cluster.clone(),
            templates: &empty.templates,
            scheduler: Scheduler::new(options),
            scores,
            random,
            names: vec![VecDeque::new(); world.pods.len()],
            renamed: 0,
            rollouts: vec![0; world.pods.len()],
            decisions: 0,
            created_at_once: 1,
            cancelled,
        }
    }

    /// Decisions for which a policy failed.
    pub(crate) fn faults(&self) -> u64 {
        match &self.scores {
            Scores::Extender(extender) => extender.faults,
            Scores::Admission(admission) => admission.policies.faults,
            Scores::None | Scores::Random | Scores::Declared(_) => 0,
        }
    }

    /// What the arm decides for a pod, which is placed nowhere yet.
    pub(crate) fn decide(&mut self, pod: usize) -> SchedulerDecision {
        let Some(template) = self.templates.get(pod).copied() else { return SchedulerDecision::default() };
        let application = self.world.inventory.pods.get(pod).and_then(|pod| pod.application);
        self.decisions += 1;
        let pending = self.pending(pod);
        let Self { cluster, scheduler, scores, .. } = self;
        let added = match (&mut *scores, &pending) {
            (Scores::Admission(admission), Some(pending)) => admission.terms(cluster, template, pod, pending),
            _ => PreferredTerms::default(),
        };
        let mut ask = |candidates: &[usize], answer: &mut Vec<i64>| match scores {
            Scores::None | Scores::Random | Scores::Admission(_) => {}
            Scores::Declared(declared) => {
                if let Some(application) = application {
                    declared.scores(application, candidates, answer);
                }
            }
            Scores::Extender(extender) => {
                if let Some(pending) = &pending {
                    extender.scores(pending, candidates, answer);
                }
            }
        };
        let mut decision = scheduler.decide_preferring(cluster, template, &added, Some(&mut ask));
        if matches!(scores, Scores::Random) {
            decision.best.clone_from(&decision.candidates);
        }
        decision
    }

    /// The pod as an extender is asked about it, with the label that its controller gives each revision.
    fn pending(&self, pod: usize) -> Option<Cow<'w, PendingPod>> {
        let pending = self.world.pending.get(pod)?;
        let rollouts = self.rollouts.get(pod).copied().unwrap_or(0);
        if rollouts == 0 {
            return Some(Cow::Borrowed(pending));
        }
        let mut pending = pending.clone();
        pending.labels.retain(|(key, _)| key != REVISION);
        pending.labels.push((REVISION.to_owned(), rollouts.to_string()));
        Some(Cow::Owned(pending))
    }

    fn enter(&mut self, pod: usize, template: TemplateId, node: usize) {
        self.cluster.place(template, node);
        let Some(pending) = self.pending(pod) else { return };
        let Some(names) = self.names.get_mut(pod) else { return };
        let name = if names.is_empty() {
            pending.key.clone()
        } else {
            self.renamed += 1;
            format!("{}-{}", pending.key, self.renamed)
        };
        match &mut self.scores {
            Scores::None | Scores::Random => {}
            Scores::Declared(declared) => {
                if let Some(application) = self.world.inventory.pods.get(pod).and_then(|pod| pod.application)
                {
                    declared.occupancy.enter(application, node);
                }
            }
            Scores::Extender(extender) => extender.bind(&name, &pending, node),
            Scores::Admission(admission) => admission.policies.bind(&name, &pending, node),
        }
        names.push_back(name);
    }
}

impl Placer for SimulatedScheduler<'_> {
    fn created_at_once(&self) -> usize {
        self.created_at_once
    }

    fn create(&mut self, pods: &[usize]) {
        // One alone sees all that there is when it is placed.
        if pods.len() < 2 {
            return;
        }
        let pending: Vec<_> = pods
            .iter()
            .filter_map(|pod| Some((*pod, *self.templates.get(*pod)?, self.pending(*pod)?)))
            .collect();
        if let Scores::Admission(admission) = &mut self.scores {
            admission.create(&mut self.cluster, &pending);
        }
    }

    fn occupy(&mut self, pod: usize, node: usize) {
        if let Some(template) = self.templates.get(pod).copied() {
            self.enter(pod, template, node);
        }
    }

    fn place(&mut self, pod: usize) -> Option<usize> {
        // It takes over from one that still runs: a rollout, for which there is another template.
        if self.names.get(pod).is_some_and(|names| !names.is_empty())
            && let Some(rollouts) = self.rollouts.get_mut(pod)
        {
            *rollouts += 1;
        }
        let decision = self.decide(pod);
        let node = self.random.choice(decision.best)?;
        self.occupy(pod, node);
        Some(node)
    }

    fn remove(&mut self, pod: usize, node: usize) {
        let Some(template) = self.templates.get(pod).copied() else { return };
        self.cluster.remove(template, node);
        let name = self.names.get_mut(pod).and_then(VecDeque::pop_front);
        match (&mut self.scores, name) {
            (Scores::Extender(extender), Some(name)) => extender.delete(&name),
            (Scores::Admission(admission), Some(name)) => admission.policies.delete(&name),
            (Scores::Declared(declared), _) => {
                if let Some(application) = self.world.inventory.pods.get(pod).and_then(|pod| pod.application)
                {
                    declared.occupancy.leave(application, node);
                }
            }
            _ => {}
        }
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
