//! Pods that attract or repel each other without having to.

use crate::cluster::Cluster;
use crate::score::MOST;
use crate::template::Template;

/// `InterPodAffinity`.
pub(super) fn score(cluster: &Cluster, pod: &Template, candidates: &[usize], scores: &mut Vec<i64>) {
    if pod.attraction.is_empty() {
        return;
    }
    scores.resize(candidates.len(), 0);
    for (id, weight) in &pod.attraction {
        let Some(count) = cluster.compiled().counts.get(*id).filter(|count| count.total() > 0) else {
            continue;
        };
        for (score, node) in scores.iter_mut().zip(candidates) {
            let near = count.near(*node).map_or(0, i64::from);
            *score = score.saturating_add(near.saturating_mul(*weight));
        }
    }
    let (Some(least), Some(most)) = (scores.iter().copied().min(), scores.iter().copied().max()) else {
        return;
    };
    if least == most {
        scores.clear();
        return;
    }
    for score in scores {
        *score = scaled(score.saturating_sub(least), most.saturating_sub(least));
    }
}

#[allow(clippy::cast_precision_loss, reason = "as kube-scheduler does it; sums of weights are small")]
#[allow(clippy::cast_possible_truncation, reason = "0 to 100, and cutting is what kube-scheduler does")]
fn scaled(part: i64, whole: i64) -> i64 {
    (MOST as f64 * (part as f64 / whole as f64)) as i64
}
