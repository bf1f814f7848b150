//! When a canary becomes active by itself.
//!
//! Apart from the guard, which looks at single calls: here time passes without fault. Pure, without a clock of its own.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::revision::RevisionId;

/// When a canary becomes active. A rule broken meanwhile ends its trial, whatever these say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Holds since when a canary has been watched.
#[derive(Debug)]
pub(crate) struct Probation {
    revision: RevisionId,
    since: Instant,
    calls_before: u64,
}

impl Probation {
    /// Looks at the canary of the moment, if there is one, with the number of its calls so far; says whether it has
    /// proven itself. Another canary, or none, begins anew.
    pub(crate) fn look(
        probation: &mut Option<Self>,
        canary: Option<(&RevisionId, u64)>,
        now: Instant,
        rules: &PromotionRules,
    ) -> bool {
        let Some((revision, calls)) = canary.filter(|_| rules.after_seconds > 0) else {
            *probation = None;
            return false;
        };
        match probation {
            Some(known) if known.revision == *revision => {
                now.saturating_duration_since(known.since)
                    >= Duration::from_secs(u64::from(rules.after_seconds))
                    && calls.saturating_sub(known.calls_before) >= rules.min_calls
            }
            _ => {
                *probation = Some(Self { revision: revision.clone(), since: now, calls_before: calls });
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
        let (one, start, mut probation) = (revision("1"), Instant::now(), None);
        let mut look = |seconds: u64, calls: u64| {
            Probation::look(&mut probation, Some((&one, calls)), start + Duration::from_secs(seconds), &RULES)
        };
        assert!(!look(0, 5), "it begins");
        assert!(!look(59, 100) && !look(60, 14), "too early, then too few");
        assert!(look(60, 15));
    }

    #[test]
    fn another_canary_begins_anew_and_off_is_off() {
        let (one, two, start, mut probation) = (revision("1"), revision("2"), Instant::now(), None);
        let late = start + Duration::from_secs(100);
        assert!(!Probation::look(&mut probation, Some((&one, 0)), start, &RULES));
        assert!(!Probation::look(&mut probation, Some((&two, 100)), late, &RULES));
        assert!(!Probation::look(&mut probation, None, late, &RULES));
        assert!(!Probation::look(&mut probation, Some((&two, 200)), late, &RULES), "it was away");
        let off = PromotionRules::default();
        assert!(!Probation::look(
            &mut probation,
            Some((&two, 1_000)),
            late + late.duration_since(start),
            &off
        ));
    }
}
