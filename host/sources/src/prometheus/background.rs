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

/// The work of one refresh, which may have several parts.
#[derive(Debug)]
pub(super) struct Turn {
    /// `None` where the work is done on the calling thread.
    when_idle: Option<WhenIdle>,
    /// What the parts that gave way took together.
    took: Duration,
}

impl Background {
    pub(super) fn new(when_idle: WhenIdle) -> Self {
        Self { when_idle, busy: false }
    }

    /// Begins a refresh. All its parts are done on a thread that gives way, or on the calling one: where the refresh is `urgent`, or if
    /// the parts of the last one had to wait for long.
    pub(super) fn begin(&mut self, urgent: bool) -> Turn {
        let here = urgent || std::mem::take(&mut self.busy);
        Turn { when_idle: (!here).then_some(self.when_idle), took: Duration::ZERO }
    }

    /// Ends it, and so decides about the next one.
    pub(super) fn end(&mut self, turn: &Turn) {
        self.busy |= turn.took > LONG;
    }
}

impl Turn {
    /// Does one part and waits for it. Blocks; `None` if `work` panicked elsewhere.
    pub(super) fn run<T: Send>(&mut self, work: impl FnOnce() -> T + Send) -> Option<T> {
        let Some(when_idle) = self.when_idle else { return Some(work()) };
        let begun = Instant::now();
        let done = when_idle.run(work);
        self.took += begun.elapsed();
        done
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Whether each of the two parts of a refresh is done by the calling thread, where they take so long together.
    fn refresh(background: &mut Background, urgent: bool, together: Duration) -> [bool; 2] {
        let here = thread::current().id();
        let mut turn = background.begin(urgent);
        let worked_here = [(); 2].map(|()| turn.run(|| thread::current().id()).unwrap() == here);
        assert!(!worked_here[0] || turn.took.is_zero(), "only waits for an idle moment count");
        turn.took += together;
        background.end(&turn);
        worked_here
    }

    #[test]
    fn it_works_elsewhere_unless_that_is_urgent_or_took_too_long() {
        let mut background = Background::new(WhenIdle::new(|work| {
            drop(thread::scope(|scope| scope.spawn(work).join()));
        }));
        let quick = Duration::ZERO;
        assert_eq!(refresh(&mut background, false, quick), [false; 2]);
        assert_eq!(refresh(&mut background, true, quick), [true; 2]);
        assert_eq!(refresh(&mut background, false, LONG * 2), [false; 2]);
        assert_eq!(refresh(&mut background, false, quick), [true; 2], "the whole next one");
        assert_eq!(refresh(&mut background, false, quick), [false; 2], "only once");
    }
}
