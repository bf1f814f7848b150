//! The section `scoring` of the configuration: from raw scores to the scheduler's.

use std::time::Duration;

use netmarks_core::compose::ScoreMap;
use netmarks_core::freshness::WhenStale;
use serde::{Deserialize, Serialize};

/// From raw scores to the scheduler's. All but `decisions` may change while pods are being scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScoringConfig {
    /// From a share of the best raw score to a share of the top: `linear`, `square-root`, `logarithmic`, `rank`.
    pub map: ScoreMap,
    /// The best node's score. kube-scheduler multiplies it by the extender's weight and by 10.
    pub top: u32,
    /// Seconds that a pod just answered counts on its best node before the watch has shown where it went; 0: not at all.
    pub assume_seconds: f64,
    /// Decisions kept for `/v1/decisions`; 0: none.
    pub decisions: usize,
    /// Age in seconds beyond which flows are stale.
    pub max_flow_age_seconds: f64,
    /// What stale flows are worth: `keep`, `fade` or `ignore`.
    pub when_stale: WhenStale,
}

impl Default for ScoringConfig {
    fn default() -> Self {
        Self {
            map: ScoreMap::Linear,
            top: 10,
            assume_seconds: 2.0,
            decisions: 256,
            max_flow_age_seconds: 300.0,
            when_stale: WhenStale::Fade,
        }
    }
}

/// A value that cannot work, by its key.
#[derive(Debug, thiserror::Error)]
#[error("`scoring.{key}` must be {allowed}")]
pub struct ConfigError {
    key: &'static str,
    allowed: &'static str,
}

impl ScoringConfig {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// For the first value that cannot work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self { map: _, top, assume_seconds, decisions, max_flow_age_seconds, when_stale: _ } = self;
        let day = 0.0..=86_400.0;
        for (key, allowed, holds) in [
            // kube-scheduler multiplies it by weight and 10 into an int64; a million is far beyond any use.
            ("top", "from 1 to 1000000", (1..=1_000_000).contains(top)),
            ("assume_seconds", "from 0 to 86400 (a day)", day.contains(assume_seconds)),
            ("decisions", "at most 100000", *decisions <= 100_000),
            (
                "max_flow_age_seconds",
                "above 0 and at most 86400 (a day)",
                *max_flow_age_seconds > 0.0 && day.contains(max_flow_age_seconds),
            ),
        ] {
            if !holds {
                return Err(ConfigError { key, allowed });
            }
        }
        Ok(())
    }

    pub(crate) fn assume_for(&self) -> Duration {
        Duration::from_secs_f64(self.assume_seconds)
    }
}
