//! Scores live requests with shadow policies, and compares them with what answered.
//!
//! Off the answering path: a request only leaves a copy of what it was asked in a short queue, or nothing where that is
//! full. One task empties the queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use netmarks_core::combine::normalise;
use netmarks_core::native::netmarks_score;
use netmarks_core::needs::Needs;
use netmarks_core::request::{Candidates, PendingPod, gather};
use netmarks_core::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call_history::Call;
use crate::latency::Latency;
use crate::revision::{Loaded, RevisionId};

/// One request to be scored again.
#[derive(Debug)]
pub struct Comparison {
    /// What was known when it was answered.
    pub snapshot: Arc<Snapshot>,
    pub pod: PendingPod,
    pub nodes: Vec<String>,
    /// What the active set said, per candidate.
    pub shares: Vec<f64>,
    /// Who is to score it.
    pub shadows: Vec<Arc<Loaded>>,
}

/// How a shadow compares with what answers, over all requests since it became one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShadowReport {
    pub name: String,
    pub revision: RevisionId,
    /// Requests that both scored.
    pub requests: u64,
    /// Requests for which it would have chosen another node.
    pub other_node: u64,
    /// The same as a share of `requests`, 0 to 1.
    pub other_node_ratio: f64,
    /// Spearman's rank correlation of the two rankings, mean over all requests in which both preferred something:
    /// 1 is the same order, -1 the reverse.
    #[schema(required)]
    pub rank_correlation: Option<f64>,
    /// Traffic of a pod that stays on its node if it goes where the active set wants it: bytes per second, per request.
    pub active_local_bytes_per_second: Spread,
    /// The same where the shadow wants it.
    pub shadow_local_bytes_per_second: Spread,
    /// `shadow / active - 1` of the means: what would change.
    #[schema(required)]
    pub local_bytes_change: Option<f64>,
    /// Requests on which it failed.
    pub faults: u64,
    /// Its last fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
    /// Median time of its calls, in microseconds.
    pub p50_microseconds: u64,
    /// 99th percentile.
    pub p99_microseconds: u64,
}

/// A quantity over many requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spread {
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
}

/// A running mean and variance, by Welford's method: one pass, and no sums of squares that cancel out.
#[derive(Clone, Copy, Debug, Default)]
struct Running {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Running {
    #[allow(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    fn add(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    fn spread(&self) -> Spread {
        let variance = if self.count > 1 { self.squares / (self.count - 1) as f64 } else { 0.0 };
        Spread { mean: self.mean, deviation: variance.sqrt() }
    }
}

/// Holds what was found out about each shadow. Its lock is held for sums only, never while a policy is called.
#[derive(Debug, Default)]
pub(crate) struct ShadowTallies {
    tallies: Mutex<BTreeMap<RevisionId, ShadowTally>>,
}

#[derive(Debug)]
struct ShadowTally {
    name: String,
    requests: u64,
    other_node: u64,
    correlations: u64,
    correlation_sum: f64,
    active_local: Running,
    shadow_local: Running,
    faults: u64,
    last_fault: Option<String>,
    latency: Latency,
}

impl ShadowTallies {
    pub(crate) fn new(shadows: &[Arc<Loaded>]) -> Self {
        let tallies = Self::default();
        tallies.keep_only(shadows);
        tallies
    }

    /// Scores one request with every shadow; blocks for as long as they take.
    pub(crate) fn compare(&self, comparison: &Comparison) {
        let names: Vec<&str> = comparison.nodes.iter().map(String::as_str).collect();
        let candidates = Candidates::new(&comparison.snapshot, &names);
        let gathered = |needs: &Needs| gather(&comparison.snapshot, &comparison.pod, &candidates, needs, &[]);
        // What it means for the traffic is the paper's score, whatever the policies count.
        let local = netmarks_score(&gathered(&Needs { peers: true, ..Needs::default() }));
        for shadow in &comparison.shadows {
            let request = gathered(shadow.policy.needs());
            let started = Instant::now();
            let result = shadow.policy.measure(&request);
            let took = started.elapsed();
            let memory_bytes = result.as_ref().ok().map(|(_, cost)| cost.memory_bytes);
            shadow.note(Instant::now(), Call { took, memory_bytes });
            let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
            // Gone when it ceased to be a shadow while it was called.
            let Some(tally) = tallies.get_mut(&shadow.id) else { continue };
            tally.latency.record(took);
            match result {
                Err(fault) => {
                    tally.faults += 1;
                    tally.last_fault = Some(netmarks_core::errors::chain(&fault));
                }
                Ok((raw, _)) => {
                    tally.count(&comparison.shares, &normalise(&raw, shadow.settings.normalisation), &local);
                }
            }
        }
    }

    /// Forgets what is no longer a shadow.
    pub(crate) fn keep_only(&self, shadows: &[Arc<Loaded>]) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.retain(|revision, _| shadows.iter().any(|shadow| shadow.id == *revision));
        for shadow in shadows {
            tallies.entry(shadow.id.clone()).or_insert_with(|| ShadowTally::new(shadow));
        }
    }

    pub(crate) fn report(&self) -> Vec<ShadowReport> {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.iter().map(|(revision, tally)| tally.report(revision)).collect()
    }
}

impl ShadowTally {
    fn new(shadow: &Loaded) -> Self {
        Self {
            name: shadow.name.to_string(),
            requests: 0,
            other_node: 0,
            correlations: 0,
            correlation_sum: 0.0,
            active_local: Running::default(),
            shadow_local: Running::default(),
            faults: 0,
            last_fault: None,
            latency: Latency::default(),
        }
    }

    fn count(&mut self, active: &[f64], shadow: &[f64], local: &[f64]) {
        let (of_active, of_shadow) = (best(active), best(shadow));
        self.requests += 1;
        // Where one is indifferent among nodes, choosing any of them makes no difference.
        let meet = of_active.iter().any(|node| of_shadow.binary_search(node).is_ok());
        self.other_node += u64::from(!meet);
        self.active_local.add(mean_at(local, &of_active));
        self.shadow_local.add(mean_at(local, &of_shadow));
        if let Some(correlation) = spearman(active, shadow) {
            self.correlations += 1;
            self.correlation_sum += correlation;
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    fn report(&self, revision: &RevisionId) -> ShadowReport {
        ShadowReport {
            name: self.name.clone(),
            revision: revision.clone(),
            requests: self.requests,
            other_node: self.other_node,
            other_node_ratio: self.other_node as f64 / self.requests.max(1) as f64,
            rank_correlation: (self.correlations > 0)
                .then(|| self.correlation_sum / self.correlations as f64),
            active_local_bytes_per_second: self.active_local.spread(),
            shadow_local_bytes_per_second: self.shadow_local.spread(),
            local_bytes_change: (self.active_local.mean > 0.0)
                .then(|| self.shadow_local.mean / self.active_local.mean - 1.0),
            faults: self.faults,
            last_fault: self.last_fault.clone(),
            p50_microseconds: self.latency.quantile(0.5),
            p99_microseconds: self.latency.quantile(0.99),
        }
    }
}

/// The candidates with the largest share, in order; all of them where nothing is preferred.
fn best(shares: &[f64]) -> Vec<usize> {
    let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    shares.iter().enumerate().filter(|(_, share)| **share >= most).map(|(candidate, _)| candidate).collect()
}

/// What is to be expected when any of `nodes` is chosen.
#[allow(clippy::cast_precision_loss, reason = "counts of nodes are far below 2^52")]
fn mean_at(values: &[f64], nodes: &[usize]) -> f64 {
    let sum: f64 = nodes.iter().filter_map(|node| values.get(*node)).sum();
    if nodes.is_empty() { 0.0 } else { sum / nodes.len() as f64 }
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs. `None` if one side
/// has no order.
fn spearman(left: &[f64], right: &[f64]) -> Option<f64> {
    let (left, right) = (ranks(left), ranks(right));
    let mean = |ranks: &[f64]| mean_at(ranks, &(0..ranks.len()).collect::<Vec<_>>());
    let (left_mean, right_mean) = (mean(&left), mean(&right));
    let (mut both, mut left_spread, mut right_spread) = (0.0, 0.0, 0.0);
    for (left, right) in left.iter().zip(&right) {
        let (left, right) = (left - left_mean, right - right_mean);
        both += left * right;
        left_spread += left * left;
        right_spread += right * right;
    }
    (left_spread > 0.0 && right_spread > 0.0).then(|| both / (left_spread * right_spread).sqrt())
}

#[allow(clippy::cast_precision_loss, reason = "counts of nodes are far below 2^52")]
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let to = sorted.partition_point(|other| other <= value);
        (below + to) as f64 / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_of_the_same_the_reverse_and_no_order() {
        let near = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        };
        near(spearman(&[0.1, 0.5, 0.9], &[1.0, 2.0, 30.0]), 1.0);
        near(spearman(&[0.1, 0.5, 0.9], &[3.0, 2.0, 1.0]), -1.0);
        // scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 4]) is 0.9486832980505138.
        near(spearman(&[1.0, 2.0, 2.0, 4.0], &[1.0, 3.0, 2.0, 4.0]), 0.948_683_298_050_513_8);
        assert_eq!(spearman(&[0.0, 0.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    #[test]
    fn mean_and_deviation_are_those_of_the_textbook() {
        let mut running = Running::default();
        assert_eq!(running.spread(), Spread { mean: 0.0, deviation: 0.0 });
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            running.add(1e9 + value);
        }
        let Spread { mean, deviation } = running.spread();
        assert!((mean - 1e9 - 5.0).abs() < 1e-6 && (deviation - (32.0_f64 / 7.0).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn indifference_is_no_difference() {
        assert_eq!(best(&[0.2, 0.9, 0.9]), [1, 2]);
        assert_eq!(best(&[0.0, 0.0]), [0, 1]);
        assert!((mean_at(&[10.0, 20.0, 60.0], &[1, 2]) - 40.0).abs() < f64::EPSILON);
    }
}
