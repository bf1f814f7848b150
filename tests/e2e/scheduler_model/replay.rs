//! The model's decisions beside those of the real scheduler.
#![allow(clippy::print_stderr, reason = "it speaks as tests do")]

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1 as api;
use netmarks_scheduler_model::{Cluster, Pod, Scheduler, SchedulerOptions, TemplateId};

use super::log::Decided;

/// What came of one shape.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) bound: usize,
    pub(super) pending: usize,
    /// Pods whose node is one of the model's best.
    pub(super) agreed: usize,
    /// Pods of which kube-scheduler compared several nodes.
    pub(super) compared: usize,
    /// Those of them for which the totals of all nodes are the same.
    pub(super) same_totals: usize,
    /// Pods of which an extender told nodes apart.
    pub(super) extended: usize,
    differences: Vec<String>,
}

impl Comparison {
    pub(super) fn report(&self, namespace: &str) {
        let Self { bound, pending, agreed, compared, same_totals, extended, differences } = self;
        eprintln!(
            "{namespace}: {agreed} of {bound} pods where the model might put them, {pending} pending; totals the \
             same for {same_totals} of {compared}; {extended} with an extender"
        );
        for difference in differences {
            eprintln!("  {difference}");
        }
    }
}

/// A cluster that follows the real one.
pub(super) struct Replay {
    cluster: Cluster,
    scheduler: Scheduler,
    /// By namespace and name.
    placed: BTreeMap<String, (TemplateId, usize)>,
    comparison: Comparison,
}

impl Replay {
    pub(super) fn new(cluster: Cluster, extender_weight: i64) -> Self {
        let options =
            SchedulerOptions { percentage_of_nodes_to_score: Some(100), extender_weight, keep_scores: true };
        let scheduler = Scheduler::new(options);
        Self { cluster, scheduler, placed: BTreeMap::new(), comparison: Comparison::default() }
    }

    pub(super) fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    pub(super) fn into_comparison(self) -> Comparison {
        self.comparison
    }

    /// Removes the pods that are gone, then decides for each pod in the order in which kube-scheduler took them up, and
    /// places it where that put it.
    pub(super) fn step(&mut self, pods: &[api::Pod], decisions: &[Decided]) -> Result<()> {
        let pods: BTreeMap<String, Pod> = pods
            .iter()
            .map(|pod| Pod::from_api(pod, |_| None))
            .map(|pod| (format!("{}/{}", pod.namespace, pod.name), pod))
            .collect();
        let gone: Vec<String> =
            self.placed.keys().filter(|name| !pods.contains_key(*name)).cloned().collect();
        for name in gone {
            if let Some((template, node)) = self.placed.remove(&name) {
                self.cluster.remove(template, node);
            }
        }
        for decided in decisions {
            let pod = pods.get(&decided.pod).with_context(|| format!("{} is gone", decided.pod))?;
            self.decide(decided, pod)?;
        }
        Ok(())
    }

    fn decide(&mut self, decided: &Decided, pod: &Pod) -> Result<()> {
        let Self { cluster, scheduler, placed, comparison } = self;
        let template = cluster.template(pod);
        let name = |node: &usize| cluster.nodes().get(*node).map_or("?", |node| node.name.as_str());
        let mut extender = |nodes: &[usize], scores: &mut Vec<i64>| {
            let answers = nodes.iter().map(|node| decided.extender.get(name(node)).copied().unwrap_or(0));
            scores.extend(answers);
        };
        let decision = scheduler.decide(cluster, template, Some(&mut extender));
        let Some(node) = &pod.node_name else {
            comparison.pending += 1;
            ensure!(decision.candidates.is_empty(), "{} is pending and need not be", decided.pod);
            return Ok(());
        };
        comparison.bound += 1;
        let best: Vec<&str> = decision.best.iter().map(name).collect();
        if best.contains(&node.as_str()) {
            comparison.agreed += 1;
        } else {
            comparison.differences.push(format!("{} went to {node}, expected {best:?}", decided.pod));
        }
        if decided.extender.values().any(|score| *score > 0) {
            comparison.extended += 1;
        }
        if !decided.totals.is_empty() {
            comparison.compared += 1;
            let names = decision.candidates.iter().map(|node| name(node).to_owned());
            let totals: BTreeMap<String, i64> = names.zip(decision.totals.iter().copied()).collect();
            if totals == decided.totals {
                comparison.same_totals += 1;
            } else {
                let (scores, real) = (&decision.scores, &decided.totals);
                let difference = format!("{}: {totals:?} of {scores:?}, real {real:?}", decided.pod);
                comparison.differences.push(difference);
            }
        }
        let node = cluster.node_index(node).with_context(|| format!("{node} is gone"))?;
        cluster.place(template, node);
        placed.insert(decided.pod.clone(), (template, node));
        Ok(())
    }
}
