//! When a policy has to be rolled back: too many faults or slow calls in a window of time.
//!
//! Pure, without a clock of its own. `rollback` acts on a breach.

use std::time::{Duration, Instant};

use garde::Validate;
use netmarks_core::errors::chain;
use netmarks_core::rules::above_zero;
use netmarks_engine::PolicyError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When the previous set of policies is put back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct RollbackRules {
    /// Whether it ever is.
    pub enabled: bool,
    /// Length of the window that is looked at.
    #[garde(range(min = 1, max = 86_400))]
    pub window_seconds: u32,
    /// Fewer calls than this say nothing.
    pub min_calls: u32,
    /// Highest share of calls that may fail, 0 to 1.
    #[garde(range(min = 0.0, max = 1.0))]
    pub max_fault_ratio: f64,
    /// A call that takes longer is slow.
    #[garde(custom(above_zero))]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_latency_ms: f64,
    /// Highest share of calls that may be slow, 0 to 1.
    #[garde(range(min = 0.0, max = 1.0))]
    pub max_slow_ratio: f64,
}

impl Default for RollbackRules {
    fn default() -> Self {
        // Twenty calls are a Deployment's rollout; a tenth of them failing is not an accident. A good policy takes well
        // under a millisecond, so 25 ms are a fault of another kind, and half of the default deadline.
        Self {
            enabled: true,
            window_seconds: 30,
            min_calls: 20,
            max_fault_ratio: 0.1,
            max_latency_ms: 25.0,
            max_slow_ratio: 0.1,
        }
    }
}

/// The rule that a policy broke.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// A sentence with the figures.
    pub reason: String,
}

/// Slots of the window: it moves on in steps of a tenth.
const SLOTS: u32 = 10;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    calls: u32,
    faults: u32,
    slow: u32,
}

/// Holds what happened lately to one revision.
#[derive(Debug, Default)]
pub(crate) struct CallWindow {
    slots: [Slot; SLOTS as usize],
    /// When the window began, and how many slots ago.
    start: Option<Instant>,
    steps: u64,
    broken: bool,
}

impl CallWindow {
    /// Counts a call that ended at `now`; returns the broken rule, once: what follows is for whoever acts on it.
    pub(crate) fn count(
        &mut self,
        now: Instant,
        took: Duration,
        fault: Option<&PolicyError>,
        rules: &RollbackRules,
    ) -> Option<Breach> {
        let start = *self.start.get_or_insert(now);
        let step = Duration::from_secs(u64::from(rules.window_seconds.max(1))) / SLOTS;
        let steps = u64::try_from(now.saturating_duration_since(start).as_nanos() / step.as_nanos().max(1))
            .unwrap_or(u64::MAX);
        let passed = steps.saturating_sub(self.steps).min(u64::from(SLOTS));
        for back in 0..passed {
            *self.slot(steps - back) = Slot::default();
        }
        self.steps = self.steps.max(steps);
        let slow = took.as_secs_f64() * 1e3 > rules.max_latency_ms;
        let slot = self.slot(steps);
        slot.calls += 1;
        slot.faults += u32::from(fault.is_some());
        slot.slow += u32::from(slow);
        if !rules.enabled || self.broken {
            return None;
        }
        let sum = |part: fn(&Slot) -> u32| self.slots.iter().map(part).sum::<u32>();
        let (calls, faults, slow) = (sum(|slot| slot.calls), sum(|slot| slot.faults), sum(|slot| slot.slow));
        if calls < rules.min_calls.max(1) {
            return None;
        }
        let above = |count: u32, ratio: f64| f64::from(count) > ratio * f64::from(calls);
        let seconds = rules.window_seconds;
        let reason = if above(faults, rules.max_fault_ratio) {
            let last = fault.map(|fault| format!(", the last: {}", chain(fault))).unwrap_or_default();
            format!("{faults} of {calls} calls failed within {seconds} s{last}")
        } else if above(slow, rules.max_slow_ratio) {
            let limit = rules.max_latency_ms;
            format!("{slow} of {calls} calls took more than {limit} ms within {seconds} s")
        } else {
            return None;
        };
        self.broken = true;
        Some(Breach { reason })
    }

    #[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "a remainder by the length")]
    fn slot(&mut self, step: u64) -> &mut Slot {
        &mut self.slots[(step % u64::from(SLOTS)) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netmarks_engine::{Cause, Stage};

    const RULES: RollbackRules = RollbackRules {
        enabled: true,
        window_seconds: 10,
        min_calls: 10,
        max_fault_ratio: 0.2,
        max_latency_ms: 5.0,
        max_slow_ratio: 0.5,
    };
    const QUICK: Duration = Duration::from_millis(1);
    const SLOW: Duration = Duration::from_millis(6);

    fn fault() -> PolicyError {
        PolicyError { policy: "p".into(), stage: Stage::Score, cause: Cause::Stack }
    }

    #[test]
    fn a_share_of_faults_above_the_limit_breaks_the_rule_once() {
        let (mut window, now, fault) = (CallWindow::default(), Instant::now(), fault());
        for _ in 0..8 {
            assert_eq!(window.count(now, QUICK, None, &RULES), None);
        }
        for _ in 0..2 {
            assert_eq!(window.count(now, QUICK, Some(&fault), &RULES), None, "a fifth is allowed");
        }
        let breach = window.count(now, QUICK, Some(&fault), &RULES).unwrap();
        assert_eq!(
            breach.reason,
            "3 of 11 calls failed within 10 s, the last: policy `p` failed at score: it exhausted its stack"
        );
        assert_eq!(window.count(now, QUICK, Some(&fault), &RULES), None, "once");
    }

    #[test]
    fn slow_calls_break_their_own_rule() {
        let (mut window, now) = (CallWindow::default(), Instant::now());
        let breaches: Vec<_> = (0..10).filter_map(|_| window.count(now, SLOW, None, &RULES)).collect();
        assert_eq!(breaches, [Breach { reason: "10 of 10 calls took more than 5 ms within 10 s".into() }]);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let (mut window, start, fault) = (CallWindow::default(), Instant::now(), fault());
        for _ in 0..9 {
            assert_eq!(window.count(start, QUICK, Some(&fault), &RULES), None, "too few to say anything");
        }
        let later = start + Duration::from_secs(10);
        for _ in 0..20 {
            assert_eq!(window.count(later, QUICK, None, &RULES), None);
        }
        for second in 0..60 {
            assert_eq!(window.count(later + Duration::from_secs(second), QUICK, None, &RULES), None);
        }
    }

    #[test]
    fn nothing_is_broken_when_the_rules_are_off() {
        let (mut window, now, fault) = (CallWindow::default(), Instant::now(), fault());
        let off = RollbackRules { enabled: false, ..RULES };
        assert!((0..100).all(|_| window.count(now, SLOW, Some(&fault), &off).is_none()));
    }
}
