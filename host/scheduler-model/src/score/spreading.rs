//! How evenly the pods of a workload are spread over domains.

use crate::cluster::Cluster;
use crate::counts::Count;
use crate::score::MOST;
use crate::template::{SoftConstraint, Template};
use crate::topology::Topology;

/// A constraint with what it looks up.
struct Looked<'a> {
    constraint: &'a SoftConstraint,
    topology: &'a Topology,
    count: &'a Count,
    weight: f64,
}

/// `PodTopologySpread`.
pub(super) fn score(cluster: &Cluster, pod: &Template, candidates: &[usize], scores: &mut Vec<i64>) {
    let compiled = cluster.compiled();
    let mut constraints: Vec<Looked<'_>> = Vec::with_capacity(pod.soft.constraints.len());
    for constraint in &pod.soft.constraints {
        let Some(count) = compiled.counts.get(constraint.count) else { return };
        let topology = compiled.topologies.get(constraint.topology);
        constraints.push(Looked { constraint, topology, count, weight: 0.0 });
    }
    if constraints.is_empty() {
        return;
    }
    let needs_all = pod.soft.needs_all_labels;
    let labels: Vec<&Topology> = constraints.iter().map(|looked| looked.topology).collect();
    let ignored = |node: usize| needs_all && labels.iter().any(|topology| topology.domain(node).is_none());
    let scored = candidates.iter().filter(|node| !ignored(**node)).count();
    for looked in &mut constraints {
        let domains = if looked.constraint.by_node {
            scored
        } else {
            domains(looked.topology, candidates.iter().copied().filter(|node| !ignored(*node)))
        };
        looked.weight = weight(domains);
    }

    scores.extend(
        candidates.iter().map(|node| if ignored(*node) { IGNORED } else { raw(&constraints, *node) }),
    );
    let counted = || scores.iter().copied().filter(|score| *score != IGNORED);
    let least = counted().min().unwrap_or(0);
    let most = counted().max().unwrap_or(0).max(0);
    for score in scores {
        *score = match *score {
            IGNORED => 0,
            _ if most == 0 => MOST,
            score => MOST * (most + least - score) / most,
        };
    }
}

/// Stands for a node without the labels that are needed.
const IGNORED: i64 = -1;

/// How many values of a label the nodes have; those without it count as one more.
fn domains(topology: &Topology, nodes: impl Iterator<Item = usize>) -> usize {
    let mut seen = vec![false; topology.domains() + 1];
    let last = topology.domains();
    for node in nodes {
        if let Some(seen) = seen.get_mut(topology.domain(node).unwrap_or(last)) {
            *seen = true;
        }
    }
    seen.into_iter().filter(|seen| *seen).count()
}

/// Keeps small topologies from being drowned by large ones.
#[allow(clippy::cast_precision_loss, reason = "as kube-scheduler does it; nodes are few")]
fn weight(domains: usize) -> f64 {
    ((domains + 2) as f64).ln()
}

#[allow(clippy::cast_precision_loss, reason = "as kube-scheduler does it; skews are small")]
#[allow(clippy::cast_possible_truncation, reason = "pods on nodes times a small weight")]
fn raw(constraints: &[Looked<'_>], node: usize) -> i64 {
    let mut sum = 0.0;
    for Looked { constraint, topology, count, weight } in constraints {
        if topology.domain(node).is_some() {
            let pods = count.near(node).unwrap_or(0);
            sum += f64::from(pods) * weight + (constraint.max_skew - 1) as f64;
        }
    }
    sum.round() as i64
}
