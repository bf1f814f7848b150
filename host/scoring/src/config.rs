//! The section `scoring` of the configuration: from raw scores to the scheduler's.

use std::time::Duration;

use garde::Validate;
use netmarks_core::compose::ScoreMap;
use netmarks_core::freshness::WhenStale;
use netmarks_core::rules::above_zero;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::MOST_CANDIDATES;

/// From raw scores to the scheduler's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct ScoringConfig {
    /// From a share of the best raw score to a share of the top: `linear`, `square-root`, `logarithmic`, `rank`.
    #[schemars(extend("x-live" = true))]
    pub map: ScoreMap,
    /// The best node's score. kube-scheduler multiplies it by the extender's weight and by 10.
    // kube-scheduler multiplies it by weight and 10 into an int64; a million is far beyond any use.
    #[garde(range(min = 1, max = 1_000_000))]
    #[schemars(extend("x-live" = true))]
    pub top: u32,
    /// Most hosts that an answer names: those with the largest shares, and those that tie with the last of them. kube-scheduler takes a host
    /// that is not named as one with the score 0, and reads short answers sooner.
    #[garde(range(min = 1, max = MOST_CANDIDATES))]
    #[schemars(extend("x-live" = true))]
    pub most_hosts: usize,
    /// Seconds that a pod just answered counts on its best node before the watch has shown where it went; 0: not at all. For a pod
    /// group: since the last of its members was answered or seen bound.
    #[garde(range(min = 0.0, max = 86_400.0))]
    #[schemars(extend("x-live" = true))]
    pub assume_seconds: f64,
    /// Decisions kept for `/v1/decisions`; 0: none.
    #[garde(range(max = 100_000))]
    pub decisions: usize,
    /// Age in seconds beyond which flows are stale.
    #[garde(custom(above_zero), range(max = 86_400.0))]
    #[schemars(extend("exclusiveMinimum" = 0, "x-live" = true))]
    pub max_flow_age_seconds: f64,
    /// What stale flows are worth: `keep`, `fade` or `ignore`.
    #[schemars(extend("x-live" = true))]
    pub when_stale: WhenStale,
}

impl Default for ScoringConfig {
    fn default() -> Self {
        Self {
            map: ScoreMap::Linear,
            top: 10,
            most_hosts: 100,
            assume_seconds: 2.0,
            decisions: 256,
            max_flow_age_seconds: 300.0,
            when_stale: WhenStale::Fade,
        }
    }
}

impl ScoringConfig {
    pub(crate) fn assume_for(&self) -> Duration {
        Duration::from_secs_f64(self.assume_seconds)
    }
}
