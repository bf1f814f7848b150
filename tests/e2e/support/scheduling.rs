//! What kube-scheduler says of the pods that it scheduled.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::Scheduler;

/// How long kube-scheduler took for each of its pods so far: its own histogram, cumulative, by upper bound in seconds.
pub async fn attempts(scheduler: &Scheduler) -> Result<Vec<(f64, f64)>> {
    histogram(scheduler, "scheduler_scheduling_attempt_duration_seconds", "result=\"scheduled\"").await
}

/// The same of finding a node, where it waits for its extenders, without what comes after.
pub async fn searches(scheduler: &Scheduler) -> Result<Vec<(f64, f64)>> {
    histogram(scheduler, "scheduler_scheduling_algorithm_duration_seconds", "").await
}

async fn histogram(scheduler: &Scheduler, name: &str, label: &str) -> Result<Vec<(f64, f64)>> {
    let page = scheduler.metrics().await?;
    let name = format!("{name}_bucket{{");
    let lines = page.lines().filter(|line| line.starts_with(&name) && line.contains(label));
    let mut buckets = Vec::new();
    for line in lines {
        let (labels, count) = line.rsplit_once(' ').context("no value")?;
        // With what is before it: `profile` ends like this key.
        let bound =
            labels.split_once("{le=\"").or_else(|| labels.split_once(",le=\"")).context("no bound")?.1;
        let bound = bound.split('"').next().context("no bound")?;
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse()? };
        buckets.push((bound, count.parse()?));
    }
    ensure!(!buckets.is_empty(), "{name} is not among kube-scheduler's metrics");
    Ok(buckets)
}

/// How many took longer than `bound`, which is one of the histogram's.
pub fn above(bound: Duration, buckets: &[(f64, f64)]) -> Result<f64> {
    let count = |bound: f64| buckets.iter().find(|(known, _)| *known == bound).map(|(_, count)| *count);
    let within = count(bound.as_secs_f64()).with_context(|| format!("{bound:?} is not among {buckets:?}"))?;
    Ok(count(f64::INFINITY).context("no attempts")? - within)
}

/// Attempts of all pods, and pods: as many if none needed a second one.
pub async fn attempts_and_pods(scheduler: &Scheduler) -> Result<(f64, f64)> {
    let page = scheduler.metrics().await?;
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.with_context(|| format!("{name} is not among kube-scheduler's metrics"))?
            .parse()
            .context("no number")
    };
    let name = "scheduler_pod_scheduling_attempts";
    Ok((value(&format!("{name}_sum"))?, value(&format!("{name}_count"))?))
}
