//! Soft taints and preferred node affinity.

use crate::cluster::Cluster;
use crate::node_affinity::PreferredTerms;
use crate::score::MOST;
use crate::template::Template;

pub(super) fn taints(cluster: &Cluster, pod: &Template, candidates: &[usize], scores: &mut Vec<i64>) {
    let avoided = cluster.compiled().rules.get(pod.rules).avoided();
    let highest = raw(avoided, candidates, scores);
    if highest == 0 {
        scores.clear();
        scores.resize(candidates.len(), MOST);
        return;
    }
    for score in scores {
        *score = MOST - MOST * *score / highest;
    }
}

/// `added` are terms that the pod has beside those of its template.
pub(super) fn node_affinity(
    cluster: &Cluster,
    pod: &Template,
    added: &PreferredTerms,
    candidates: &[usize],
    scores: &mut Vec<i64>,
) {
    let preference = cluster.compiled().rules.get(pod.rules).preference();
    let mut highest = raw(preference, candidates, scores);
    if !added.is_empty() {
        scores.resize(candidates.len(), 0);
        for (score, node) in scores.iter_mut().zip(candidates) {
            *score += cluster.nodes().get(*node).map_or(0, |node| added.preference(node));
        }
        highest = scores.iter().copied().max().unwrap_or(0);
    }
    if highest == 0 {
        return;
    }
    for score in scores {
        *score = MOST * *score / highest;
    }
}

/// Writes the values of the candidates and says the highest.
fn raw(by_node: &[i64], candidates: &[usize], scores: &mut Vec<i64>) -> i64 {
    if by_node.is_empty() {
        return 0;
    }
    scores.extend(candidates.iter().map(|node| by_node.get(*node).copied().unwrap_or(0)));
    scores.iter().copied().max().unwrap_or(0)
}
