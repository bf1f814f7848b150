//! What came of the target placement: how near the cluster is, for metrics and the API.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Holds what is known of the target placement.
#[derive(Debug, Default)]
pub struct TargetHealth(Mutex<TargetReport>);

/// Whether policies are told about a target, and how near the cluster is to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TargetReport {
    pub state: TargetState,
    /// When the target was computed, in seconds since the Unix epoch; `null` without one.
    pub computed_at: Option<f64>,
    /// 12 hexadecimal digits, the same in replicas that have the same target.
    pub digest: Option<String>,
    /// Seconds that the search took.
    pub search_seconds: Option<f64>,
    /// Whether the search did all of its steps. What it found until its time was over depends on the machine.
    pub search_finished: Option<bool>,
    /// Share (of 1) of the traffic that stays within nodes where pods run now, by the goal's routing.
    pub now: Option<f64>,
    /// The same where the target has them.
    pub target: Option<f64>,
    /// The share that no placement exceeds.
    pub bound: Option<f64>,
    /// Pods that are on a node where the target has one of their application, share (of 1) of all that have a choice.
    pub in_place: Option<f64>,
}

/// Whether there is a target, or why not.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TargetState {
    /// The configuration wants none.
    #[default]
    Disabled,
    /// No policy asks for it.
    NotAskedFor,
    /// Pods, nodes or traffic are not known yet.
    Waiting,
    /// There are more pods than the configuration allows.
    TooLarge,
    /// Flows were not measured for too long.
    TooOld,
    /// The first search is under way.
    Searching,
    /// Policies are told about it.
    Ready,
}

impl TargetHealth {
    /// A copy of the present state.
    #[must_use]
    pub fn report(&self) -> TargetReport {
        self.lock().clone()
    }

    /// Replaces it.
    pub fn record(&self, report: TargetReport) {
        *self.lock() = report;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, TargetReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
