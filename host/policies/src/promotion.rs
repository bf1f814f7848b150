//! When a canary becomes active by itself: after enough time and calls without a breach.
//!
//! Pure, without a clock of its own.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::revision::RevisionId;

/// When a canary becomes active. A rule broken meanwhile ends its trial, whatever these say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PromotionRules {
    /// After so long; 0: never by itself.
    pub after_seconds: u32,
    /// And not before it has answered so often.
    pub min_calls: u64,
}

impl Default for PromotionRules {
    fn default() -> Self {
        // Off: promoting is a decision. The calls are five times what the rollback rules want to say anything.
        Self { after_seconds: 0, min_calls: 100 }
    }
}

/// Holds since when the present canary is one.
#[derive(Debug)]
pub(crate) struct ObservedCanary {
    revision: RevisionId,
    since: Instant,
    calls_before: u64,
}

impl PromotionRules {
    /// Whether the present canary has answered for long enough and often enough. It is given with the number of its
    /// calls so far; another one than was `observed` before starts from zero.
    pub(crate) fn is_due(
        &self,
        observed: &mut Option<ObservedCanary>,
        canary: Option<(&RevisionId, u64)>,
        now: Instant,
    ) -> bool {
        let Some((revision, calls)) = canary.filter(|_| self.after_seconds > 0) else {
            *observed = None;
            return false;
        };
        match observed {
            Some(known) if known.revision == *revision => {
                now.saturating_duration_since(known.since)
                    >= Duration::from_secs(u64::from(self.after_seconds))
                    && calls.saturating_sub(known.calls_before) >= self.min_calls
            }
            _ => {
                *observed =
                    Some(ObservedCanary { revision: revision.clone(), since: now, calls_before: calls });
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    const RULES: PromotionRules = PromotionRules { after_seconds: 60, min_calls: 10 };

    fn revision(version: &str) -> RevisionId {
        RevisionId::new(&"a".parse().unwrap(), version, &Settings::default())
    }

    #[test]
    fn both_time_and_calls_must_have_passed() {
        let (one, start, mut observed) = (revision("1"), Instant::now(), None);
        let mut is_due = |seconds: u64, calls: u64| {
            RULES.is_due(&mut observed, Some((&one, calls)), start + Duration::from_secs(seconds))
        };
        assert!(!is_due(0, 5), "it begins");
        assert!(!is_due(59, 100) && !is_due(60, 14), "too early, then too few");
        assert!(is_due(60, 15));
    }

    #[test]
    fn another_canary_starts_from_zero_and_off_is_off() {
        let (one, two, start, mut observed) = (revision("1"), revision("2"), Instant::now(), None);
        let late = start + Duration::from_secs(100);
        assert!(!RULES.is_due(&mut observed, Some((&one, 0)), start));
        assert!(!RULES.is_due(&mut observed, Some((&two, 100)), late));
        assert!(!RULES.is_due(&mut observed, None, late));
        assert!(!RULES.is_due(&mut observed, Some((&two, 200)), late), "it was away");
        let off = PromotionRules::default();
        assert!(!off.is_due(&mut observed, Some((&two, 1_000)), late + late.duration_since(start)));
    }
}
