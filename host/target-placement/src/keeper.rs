//! Keeps the target up to date, off every request path.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use netmarks_core::clock::unix_now;
use netmarks_core::idle::WhenIdle;
use netmarks_core::snapshot::Snapshot;
use netmarks_placement::{Effort, Occupancy, Packed, gained_bytes, pack};
use netmarks_state::{ClusterOrigin, ClusterState, TargetReport, TargetState};
use tokio_util::sync::CancellationToken;

use crate::change::MadeFor;
use crate::config::TargetConfig;
use crate::digest::digest;
use crate::inventory::{Scene, Target};
use crate::waiting::too_large;

/// Seconds between two looks while there is no target yet.
const SOON: f64 = 15.0;

/// Replicas of this program begin with the same.
const SEED: u64 = 1;

/// Steps of a search: more for more pods, up to some seconds on one core.
const STEPS_PER_POD: u64 = 1_000;
const STEPS: std::ops::RangeInclusive<u64> = 400_000..=20_000_000;

/// Keeps the target of a cluster state.
#[derive(Debug)]
pub struct Keeper<W> {
    state: Arc<ClusterState>,
    config: TargetConfig,
    /// Whether a policy asks for a target now.
    asked_for: W,
    when_idle: WhenIdle,
    /// What the present target was made for, and the target itself; `None` without one.
    kept: Option<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    made_for: MadeFor,
    target: Target,
    digest: String,
    computed_at: f64,
    search_seconds: f64,
    /// Whether the search did all of its steps.
    finished: bool,
    /// Shares (of 1) of the traffic.
    gained: Option<f64>,
    bound: Option<f64>,
}

/// What one look came to.
#[derive(Debug)]
struct Step {
    kept: Option<Kept>,
    /// Whether the target is another than before.
    changed: bool,
    report: TargetReport,
}

/// Searches the target of what `scene` shows, until it is found or `cancelled` says so. On one thread; the same scene gives the same
/// target, unless it was cancelled.
#[must_use]
pub fn search(scene: &Scene, config: &TargetConfig, cancelled: &(dyn Fn() -> bool + Sync)) -> Packed {
    let inventory = &scene.inventory;
    let steps = STEPS_PER_POD.saturating_mul(inventory.pods.len() as u64).clamp(*STEPS.start(), *STEPS.end());
    let effort = Effort { steps, time: None, seed: SEED, threads: 1 };
    let allowed = |pod: usize, node: usize| scene.allows(pod, node);
    pack(inventory, &inventory.initial(), &scene.goal(config), effort, &allowed, cancelled)
}

impl<W: Fn() -> bool> Keeper<W> {
    /// For `state`, as long as `asked_for` says that a policy wants it. `when_idle` runs searches.
    pub fn new(state: Arc<ClusterState>, config: TargetConfig, asked_for: W, when_idle: WhenIdle) -> Self {
        Self { state, config, asked_for, when_idle, kept: None }
    }

    /// Looks at the cluster again and again, until `shutdown`.
    ///
    /// Cancel safe: the target is replaced as a whole.
    pub async fn run(mut self, shutdown: CancellationToken) {
        if !self.config.enabled {
            shutdown.cancelled().await;
            return;
        }
        loop {
            self.look(&shutdown).await;
            let every = if self.kept.is_some() { self.config.every_seconds } else { SOON };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(until_next(unix_now(), every)) => {}
            }
        }
    }

    async fn look(&mut self, shutdown: &CancellationToken) {
        let snapshot = self.state.snapshot();
        let flows_age = snapshot.flows_age();
        let missing = if !(self.asked_for)() {
            Some(TargetState::NotAskedFor)
        } else if !self.state.readiness().reasons().is_empty() || flows_age.is_none() {
            Some(TargetState::Waiting)
        } else if self.state.origin() == ClusterOrigin::Sources
            && flows_age.is_some_and(|age| age > self.config.max_age_seconds)
        {
            Some(TargetState::TooOld)
        } else {
            None
        };
        if let Some(state) = missing {
            self.drop_target(state);
            return;
        }
        if self.kept.is_none() {
            let report = TargetReport { state: TargetState::Searching, ..TargetReport::default() };
            self.state.health().target.record(report);
        }
        let (config, kept, shutdown) = (self.config.clone(), self.kept.take(), shutdown.clone());
        let when_idle = self.when_idle;
        let work = move || step(&snapshot, &config, kept, &|| shutdown.is_cancelled());
        // The thread gives way to all others, so it may take longer than the search would.
        let done = tokio::task::spawn_blocking(move || when_idle.run(work)).await;
        let Ok(Some(Step { kept, changed, report })) = done else {
            tracing::error!("the search for a target placement panicked; policies score without a target");
            self.drop_target(TargetState::Waiting);
            return;
        };
        let Some(kept) = kept else {
            self.drop_target(report.state);
            return;
        };
        if changed {
            if !kept.finished {
                tracing::warn!(
                    seconds = kept.search_seconds,
                    "the search for a target placement was ended by `target.search_seconds`; other replicas may have another target"
                );
            }
            tracing::info!(
                digest = kept.digest.as_str(),
                seconds = kept.search_seconds,
                now = report.now,
                target = report.target,
                bound = report.bound,
                "target placement computed"
            );
        }
        // Also one that did not change: applications and nodes that it names may be new to the index.
        self.publish(&kept);
        self.state.health().target.record(report);
        self.kept = Some(kept);
    }

    fn publish(&self, kept: &Kept) {
        self.state.update(|index| index.replace_target(&kept.target));
    }

    fn drop_target(&mut self, state: TargetState) {
        if self.state.health().target.report().computed_at.is_some() {
            tracing::info!(reason = <&str>::from(state), "target placement dropped");
            self.state.update(|index| index.replace_target(&[]));
        }
        self.kept = None;
        self.state.health().target.record(TargetReport { state, ..TargetReport::default() });
    }
}

/// Until the next instant that is a multiple of `every` seconds.
fn until_next(now: f64, every: f64) -> Duration {
    Duration::from_secs_f64(every - now.rem_euclid(every))
}

/// One look at the cluster: the target as it was kept, or another if enough changed.
fn step(
    snapshot: &Snapshot,
    config: &TargetConfig,
    kept: Option<Kept>,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Step {
    let none = |state| Step {
        kept: None,
        changed: false,
        report: TargetReport { state, ..TargetReport::default() },
    };
    if too_large(snapshot, config) {
        return none(TargetState::TooLarge);
    }
    let scene = &Scene::new(snapshot, config);
    let inventory = &scene.inventory;
    let total = inventory.bytes_per_second();
    if total <= 0.0 {
        return none(TargetState::Waiting);
    }
    let now = MadeFor::new(scene);
    let still = kept.filter(|kept| !kept.made_for.changed_enough(&now));
    let changed = still.is_none();
    let kept = still.unwrap_or_else(|| {
        let (begun, most) = (Instant::now(), config.search_for());
        let late = AtomicBool::new(false);
        let over = || {
            let over = begun.elapsed() > most;
            late.fetch_or(over, Ordering::Relaxed);
            over
        };
        let packed = search(scene, config, &|| stopped() || over());
        let target = scene.target(&packed.placement);
        Kept {
            made_for: now,
            digest: digest(&target),
            target,
            computed_at: unix_now(),
            search_seconds: begun.elapsed().as_secs_f64(),
            finished: !late.into_inner(),
            gained: Some(packed.gained / total),
            bound: Some(packed.bound / total),
        }
    });
    let occupancy = Occupancy::new(inventory, &inventory.initial());
    let report = TargetReport {
        state: TargetState::Ready,
        computed_at: Some(kept.computed_at),
        digest: Some(kept.digest.clone()),
        search_seconds: Some(kept.search_seconds),
        search_finished: Some(kept.finished),
        now: Some(gained_bytes(inventory, &occupancy, &scene.goal(config)) / total),
        target: kept.gained,
        bound: kept.bound,
        in_place: scene.in_place(&kept.target),
    };
    Step { kept: Some(kept), changed, report }
}

#[cfg(test)]
mod tests;
