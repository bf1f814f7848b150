//! Which thread decodes answers and averages them: one that gives way to all that answer requests.
//!
//! The twentieth part of a second that it takes is long beside a request, and Linux lets a thread that computes keep its core for some
//! milliseconds, whoever else wakes up. A thread of the idle class gives it up at once.

use std::time::{Duration, Instant};

use netmarks_core::idle::WhenIdle;

/// Work that takes longer than this found a machine without an idle moment.
const LONG: Duration = Duration::from_secs(2);

/// Decides it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Background {
    when_idle: WhenIdle,
    /// Whether the machine had no idle moment the last time: flows must not grow old for that.
    busy: bool,
}

impl Background {
    pub(super) fn new(when_idle: WhenIdle) -> Self {
        Self { when_idle, busy: false }
    }

    /// Does `work` and waits for it: on a thread that gives way; on this one where it is `urgent`, or if the last work had to wait for
    /// long. Blocks; `None` if `work` panicked elsewhere.
    pub(super) fn run<T: Send>(&mut self, urgent: bool, work: impl FnOnce() -> T + Send) -> Option<T> {
        if urgent || std::mem::take(&mut self.busy) {
            return Some(work());
        }
        let begun = Instant::now();
        let done = self.when_idle.run(work);
        self.busy = begun.elapsed() > LONG;
        done
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn it_works_elsewhere_unless_that_is_urgent_or_took_too_long() {
        let mut background = Background::new(WhenIdle::new(|work| {
            drop(thread::scope(|scope| scope.spawn(work).join()));
        }));
        let here = thread::current().id();
        let worked_here = |background: &mut Background, urgent| {
            background.run(urgent, || thread::current().id()).unwrap() == here
        };
        assert!(!worked_here(&mut background, false));
        assert!(worked_here(&mut background, true));
        background.busy = true;
        assert!(worked_here(&mut background, false));
        assert!(!worked_here(&mut background, false), "only once");
    }
}
