//! What the calls of one revision took in the last hour: time and memory, in a fixed amount of memory.
//!
//! Pure, and by the monotonic clock: one that jumps moves nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Calls within so many seconds are one step.
const STEP_SECONDS: u32 = 20;

/// Steps that are kept: an hour.
const STEPS: u64 = 180;

/// Calls of the last hour by column, the oldest first; steps without a call are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallSteps {
    /// Seconds that calls of one step are apart at most.
    pub step_seconds: u32,
    /// When each step began, in seconds since the Unix epoch.
    pub at: Vec<f64>,
    /// For answers, or as a shadow.
    pub calls: Vec<u32>,
    /// Calls that failed.
    pub faults: Vec<u32>,
    /// Mean time of a call, instantiation included.
    pub mean_microseconds: Vec<u64>,
    /// Longest time of a call.
    pub most_microseconds: Vec<u64>,
    /// Most linear memory of a call that returned; 0 where none did.
    pub most_memory_bytes: Vec<u64>,
}

/// What one call took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) took: Duration,
    /// None where it failed.
    pub(crate) memory_bytes: Option<usize>,
}

/// Holds the steps of the last hour in which there was a call.
#[derive(Debug, Default)]
pub(crate) struct CallHistory {
    /// Steps are counted from here.
    start: Option<Instant>,
    steps: VecDeque<Step>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Step {
    number: u64,
    calls: u32,
    faults: u32,
    took: Duration,
    most: Duration,
    memory_bytes: usize,
}

impl CallHistory {
    /// Counts a call that ended at `now`.
    pub(crate) fn record(&mut self, now: Instant, Call { took, memory_bytes }: Call) {
        let number = self.number(now);
        self.forget(number);
        if self.steps.back().is_none_or(|last| last.number < number) {
            self.steps.push_back(Step { number, ..Step::default() });
        }
        let Some(step) = self.steps.back_mut() else { return };
        step.calls = step.calls.saturating_add(1);
        step.faults = step.faults.saturating_add(u32::from(memory_bytes.is_none()));
        step.took = step.took.saturating_add(took);
        step.most = step.most.max(took);
        step.memory_bytes = step.memory_bytes.max(memory_bytes.unwrap_or(0));
    }

    /// What there is at `now`, which the Unix clock calls `unix_now`.
    pub(crate) fn report(&mut self, now: Instant, unix_now: f64) -> CallSteps {
        let number = self.number(now);
        self.forget(number);
        let since = now.saturating_duration_since(self.start.unwrap_or(now)).as_secs_f64();
        let column = |value: fn(&Step) -> u64| self.steps.iter().map(value).collect();
        #[allow(clippy::cast_precision_loss, reason = "a count of steps since the process began")]
        let began = |step: &Step| step.number as f64 * f64::from(STEP_SECONDS);
        CallSteps {
            step_seconds: STEP_SECONDS,
            // In whole seconds, so that asking twice gives the same.
            at: self.steps.iter().map(|step| (unix_now - since + began(step)).round()).collect(),
            calls: self.steps.iter().map(|step| step.calls).collect(),
            faults: self.steps.iter().map(|step| step.faults).collect(),
            mean_microseconds: column(|step| micros(step.took) / u64::from(step.calls.max(1))),
            most_microseconds: column(|step| micros(step.most)),
            most_memory_bytes: column(|step| step.memory_bytes as u64),
        }
    }

    /// The step of an instant; one before the first call is in the first step.
    fn number(&mut self, now: Instant) -> u64 {
        let start = *self.start.get_or_insert(now);
        now.saturating_duration_since(start).as_secs() / u64::from(STEP_SECONDS)
    }

    fn forget(&mut self, number: u64) {
        while self.steps.front().is_some_and(|first| first.number + STEPS <= number) {
            self.steps.pop_front();
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(microseconds: u64, memory_bytes: Option<usize>) -> Call {
        Call { took: Duration::from_micros(microseconds), memory_bytes }
    }

    #[test]
    fn calls_of_one_step_are_one_entry_and_quiet_steps_are_none() {
        let (mut history, start) = (CallHistory::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        history.record(start, call(10, Some(100)));
        history.record(after(19), call(30, Some(50)));
        history.record(after(20), call(7, None));
        history.record(after(100), call(1, Some(1)));
        let found = history.report(after(101), 1_101.0);
        assert_eq!(found.at, [1_000.0, 1_020.0, 1_100.0]);
        assert_eq!((found.calls, found.faults), (vec![2, 1, 1], vec![0, 1, 0]));
        assert_eq!((found.mean_microseconds, found.most_microseconds), (vec![20, 7, 1], vec![30, 7, 1]));
        assert_eq!(found.most_memory_bytes, [100, 0, 1]);
        assert_eq!(history.report(after(102), 1_102.4).at, found.at, "asked again, the same");
    }

    #[test]
    fn an_hour_is_kept_however_many_calls_there_are() {
        let (mut history, start) = (CallHistory::default(), Instant::now());
        for second in 0..8_000 {
            history.record(start + Duration::from_secs(second), call(1, Some(1)));
        }
        let found = history.report(start + Duration::from_secs(7_999), 10_000.0);
        assert_eq!(found.at.len(), 180);
        assert_eq!(found.calls.iter().sum::<u32>(), 3_600);
        // A clock that jumped a year has nothing to do with it.
        assert_eq!(history.report(start + Duration::from_secs(7_999), 4e7).at.len(), 180);
        assert!(history.report(start + Duration::from_secs(20_000), 2e4).at.is_empty());
    }
}
