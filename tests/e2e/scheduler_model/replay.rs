//! The model's decisions beside those of the real scheduler.
#![allow(clippy::print_stderr, reason = "it speaks as tests do")]

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1 as api;
use netmarks_scheduler_model::{Cluster, Pod, Reason, Scheduler, SchedulerOptions, TemplateId};

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
    /// Pods for which kube-scheduler said why no node would do.
    pub(super) refused: usize,
    /// Those of them for which the model has the same reasons.
    pub(super) same_reasons: usize,
    /// All reasons that were met.
    pub(super) reasons: BTreeSet<&'static str>,
    differences: Vec<String>,
}

impl Comparison {
    pub(super) fn report(&self, namespace: &str) {
        let Self { bound, pending, agreed, compared, same_totals, extended, .. } = self;
        let Self { refused, same_reasons, reasons, differences, .. } = self;
        eprintln!(
            "{namespace}: {agreed} of {bound} pods where the model might put them, {pending} pending; totals the \
             same for {same_totals} of {compared}; {extended} with an extender; reasons the same for {same_reasons} of {refused}"
        );
        for reason in reasons {
            eprintln!("  {reason}");
        }
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
            if !decided.refusal.is_empty() {
                comparison.refused += 1;
                let reasons = reasons(cluster, template);
                if same(&decided.refusal, &reasons) {
                    comparison.same_reasons += 1;
                } else {
                    let real = &decided.refusal;
                    comparison.differences.push(format!("{}: {reasons:?}, real {real:?}", decided.pod));
                }
                comparison.reasons.extend(reasons.into_keys());
            }
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

/// The reasons of all nodes as kube-scheduler words them, each with the number of nodes.
fn reasons(cluster: &Cluster, template: TemplateId) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for (_, reason) in cluster.feasible(template).others {
        *counts.entry(wording(&reason)).or_default() += 1;
    }
    counts
}

fn wording(reason: &Reason) -> &'static str {
    match reason {
        Reason::Unknown => "unknown",
        Reason::Unschedulable => "node(s) were unschedulable",
        Reason::Taint => "node(s) had untolerated taint(s)",
        Reason::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
        Reason::HostPort => "node(s) didn't have free ports for the requested pod ports",
        Reason::TooManyPods => "Too many pods",
        Reason::Insufficient(resource) if resource == "cpu" => "Insufficient cpu",
        Reason::Insufficient(resource) if resource == "memory" => "Insufficient memory",
        Reason::Insufficient(_) => "Insufficient example.com/device",
        Reason::VolumeAffinity => "node(s) didn't match PersistentVolume's node affinity",
        Reason::VolumeZone => "node(s) had no available volume zone",
        Reason::SpreadLabel => {
            "node(s) didn't match pod topology spread constraints (missing required label)"
        }
        Reason::Spread => "node(s) didn't match pod topology spread constraints",
        Reason::PodAffinity => "node(s) didn't match pod affinity rules",
        Reason::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules",
        Reason::ExistingAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules",
    }
}

/// Of a node that lacks several resources kube-scheduler names all, and the model the first.
fn same(real: &BTreeMap<String, usize>, model: &BTreeMap<&'static str, usize>) -> bool {
    let of_resources = |reason: &str| reason.starts_with("Insufficient ") || reason == "Too many pods";
    let in_real = |reason: &str| real.get(reason).copied().unwrap_or(0);
    let in_model = |reason: &str| model.get(reason).copied().unwrap_or(0);
    model.keys().all(|reason| in_model(reason) <= in_real(reason))
        && real.keys().all(|reason| of_resources(reason) || in_model(reason) == in_real(reason))
}
