//! How much room is left on a node, and how evenly its CPU and memory are taken.

use crate::cluster::Cluster;
use crate::score::MOST;
use crate::template::Template;

/// `NodeResourcesFit` with its default strategy: the mean of what is left of CPU and memory, in percent.
pub(super) fn least_allocated(
    cluster: &Cluster,
    pod: &Template,
    candidates: &[usize],
    scores: &mut Vec<i64>,
) {
    let asked = &pod.scored;
    scores.extend(candidates.iter().map(|node| {
        let (Some(load), Some(node)) = (cluster.load(*node), cluster.nodes().get(*node)) else { return 0 };
        let left = |offered: u64, taken: u64, asked: u64| {
            (offered > 0).then(|| {
                let free = offered.saturating_sub(taken.saturating_add(asked));
                free.saturating_mul(MOST.unsigned_abs()) / offered
            })
        };
        let (offered, taken) = (&node.allocatable, &load.non_zero);
        let cpu = left(offered.cpu_millicores, taken.cpu_millicores, asked.cpu_millicores);
        let memory = left(offered.memory_bytes, taken.memory_bytes, asked.memory_bytes);
        let mean = match (cpu, memory) {
            (Some(cpu), Some(memory)) => u64::midpoint(cpu, memory),
            (one, other) => one.or(other).unwrap_or(0),
        };
        i64::try_from(mean).unwrap_or(MOST)
    }));
}

/// `NodeResourcesBalancedAllocation`: whether the pod makes CPU and memory more or less evenly taken.
pub(super) fn balanced_allocation(
    cluster: &Cluster,
    pod: &Template,
    candidates: &[usize],
    scores: &mut Vec<i64>,
) {
    let asked = &pod.requests;
    if asked.cpu_millicores == 0 && asked.memory_bytes == 0 {
        return;
    }
    scores.extend(candidates.iter().map(|node| {
        let (Some(load), Some(node)) = (cluster.load(*node), cluster.nodes().get(*node)) else { return 0 };
        let (offered, taken) = (&node.allocatable, &load.requested);
        let evenness = |cpu: u64, memory: u64| {
            if offered.cpu_millicores == 0 || offered.memory_bytes == 0 {
                return MOST;
            }
            let cpu = share(cpu, offered.cpu_millicores);
            let memory = share(memory, offered.memory_bytes);
            percent(1.0 - ((cpu - memory) / 2.0).abs())
        };
        let with = evenness(
            taken.cpu_millicores.saturating_add(asked.cpu_millicores),
            taken.memory_bytes.saturating_add(asked.memory_bytes),
        );
        let without = evenness(taken.cpu_millicores, taken.memory_bytes);
        MOST / 2 + (MOST / 2 + with - without) / 2
    }));
}

/// At most 1.
#[allow(clippy::cast_precision_loss, reason = "as kube-scheduler does it; amounts are below 2^55")]
fn share(taken: u64, offered: u64) -> f64 {
    (taken as f64 / offered as f64).min(1.0)
}

/// Cut, not rounded.
#[allow(clippy::cast_possible_truncation, reason = "0 to 100, and cutting is what kube-scheduler does")]
fn percent(share: f64) -> i64 {
    (share * 100.0) as i64
}
