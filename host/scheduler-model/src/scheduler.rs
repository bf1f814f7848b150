//! Where would kube-scheduler put a pod?

use crate::cluster::Cluster;
use crate::filter::Filter;
use crate::node_affinity::PreferredTerms;
use crate::score::Plugin;
use crate::template::TemplateId;

/// kube-scheduler looks for so many nodes at least.
const LEAST_NODES: usize = 100;
/// And for this part of all at least.
const LEAST_PERCENTAGE: usize = 5;
/// An extender's best score of 10 weighs as much as a plugin's best of 100.
const EXTENDER_SCALE: i64 = 10;

/// How a [`Scheduler`] decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerOptions {
    /// `percentageOfNodesToScore`, 1 to 100: the search ends when so many nodes are found. `None` or 0: all of up to 100 nodes,
    /// then fewer the more there are, as kube-scheduler does by default.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// The extender's `weight`.
    pub extender_weight: i64,
    /// Whether decisions have the scores of each plugin.
    pub keep_scores: bool,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self { percentage_of_nodes_to_score: None, extender_weight: 1, keep_scores: false }
    }
}

impl SchedulerOptions {
    /// Of so many nodes, those that are found and compared at most.
    #[must_use]
    pub fn nodes_to_find(&self, all: usize) -> usize {
        if all < LEAST_NODES {
            return all;
        }
        let percentage = match self.percentage_of_nodes_to_score {
            None | Some(0) => 50_usize.saturating_sub(all / 125).max(LEAST_PERCENTAGE),
            Some(percentage) => usize::try_from(percentage.min(100)).unwrap_or(100),
        };
        (all * percentage / 100).max(LEAST_NODES)
    }
}

/// Asked with the candidates, it writes a score of 0 to 10 for each, or nothing if it has no opinion.
pub type ExtenderScores<'a> = dyn FnMut(&[usize], &mut Vec<i64>) + 'a;

/// What was decided for one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchedulerDecision {
    /// The nodes that were found and compared, in the order in which they were found. With none the pod stays pending.
    pub candidates: Vec<usize>,
    /// For each candidate. A single candidate is not scored: its total is 0.
    pub totals: Vec<i64>,
    /// The candidates with the highest total: kube-scheduler chooses one of them at random.
    pub best: Vec<usize>,
    /// By plugin, if asked for and if there was a choice.
    pub scores: Vec<PluginScores>,
}

/// The scores of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginScores {
    pub plugin: Plugin,
    /// For each candidate: normalised, without the plugin's weight.
    pub scores: Vec<i64>,
}

/// Decides for one pod after the other. It places none: that is up to the caller.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    options: SchedulerOptions,
    /// Where the next search begins.
    start: usize,
    scores: Vec<i64>,
}

impl Scheduler {
    #[must_use]
    pub fn new(options: SchedulerOptions) -> Self {
        Self { options, start: 0, scores: Vec::new() }
    }

    /// Decides for one more pod of a template. The extender, if there is one, is asked unless there is no choice.
    pub fn decide(
        &mut self,
        cluster: &Cluster,
        template: TemplateId,
        extender: Option<&mut ExtenderScores<'_>>,
    ) -> SchedulerDecision {
        self.decide_preferring(cluster, template, &PreferredTerms::default(), extender)
    }

    /// Decides for a pod that prefers nodes beside what its template does: terms of its own make no template of its own.
    pub fn decide_preferring(
        &mut self,
        cluster: &Cluster,
        template: TemplateId,
        added: &PreferredTerms,
        extender: Option<&mut ExtenderScores<'_>>,
    ) -> SchedulerDecision {
        let candidates = self.search(cluster, template);
        let mut decision = SchedulerDecision {
            totals: vec![0; candidates.len()],
            candidates,
            ..SchedulerDecision::default()
        };
        if decision.candidates.len() > 1 {
            self.score(cluster, template, added, extender, &mut decision);
        }
        let highest = decision.totals.iter().copied().max();
        let best = decision.candidates.iter().zip(&decision.totals);
        let best = best.filter(|(_, total)| Some(**total) == highest).map(|(node, _)| *node);
        decision.best = best.collect();
        decision
    }

    /// Nodes that the pod could run on: the first ones from where the last search ended.
    fn search(&mut self, cluster: &Cluster, template: TemplateId) -> Vec<usize> {
        let all = cluster.nodes().len();
        let Some(filter) = Filter::new(cluster, template) else { return Vec::new() };
        let nodes = filter.named().unwrap_or_else(|| cluster.order());
        if nodes.is_empty() {
            return Vec::new();
        }
        let wanted = self.options.nodes_to_find(nodes.len());
        let mut found = Vec::with_capacity(wanted);
        let mut looked_at = 0;
        let (before, from) = nodes.split_at_checked(self.start % nodes.len()).unwrap_or((&[], nodes));
        for node in from.iter().chain(before) {
            if found.len() >= wanted {
                break;
            }
            looked_at += 1;
            if filter.reason_against(*node).is_none() {
                found.push(*node);
            }
        }
        self.start = (self.start + looked_at) % all;
        found
    }

    fn score(
        &mut self,
        cluster: &Cluster,
        template: TemplateId,
        added: &PreferredTerms,
        extender: Option<&mut ExtenderScores<'_>>,
        decision: &mut SchedulerDecision,
    ) {
        let Some(pod) = cluster.compiled_pod(template) else { return };
        let Self { options, scores, .. } = self;
        let SchedulerDecision { candidates, totals, scores: kept, .. } = decision;
        let mut add = |plugin: Plugin, scores: &[i64], weight: i64| {
            for (total, score) in totals.iter_mut().zip(scores) {
                *total = total.saturating_add(score.saturating_mul(weight));
            }
            if options.keep_scores {
                kept.push(PluginScores { plugin, scores: scores.to_vec() });
            }
        };
        for plugin in Plugin::ALL {
            plugin.score(cluster, pod, added, candidates, scores);
            add(plugin, scores, plugin.weight());
        }
        if let Some(extender) = extender {
            scores.clear();
            extender(candidates, scores);
            for score in &mut *scores {
                *score = score.saturating_mul(options.extender_weight).saturating_mul(EXTENDER_SCALE);
            }
            add(Plugin::Extender, scores, Plugin::Extender.weight());
        }
    }
}
