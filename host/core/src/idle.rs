//! Work that gives way: whoever knows how a thread does that hands it to those that have such work.

/// Runs work on a thread that gives way to all others.
#[derive(Clone, Copy, Debug)]
pub struct WhenIdle(fn(&mut (dyn FnMut() + Send)));

impl Default for WhenIdle {
    /// On the calling thread, which gives way to nobody: for tools, which do nothing else.
    fn default() -> Self {
        Self(|work| work())
    }
}

impl WhenIdle {
    /// By a function that calls what it is given, on whichever thread, and returns once that has ended.
    #[must_use]
    pub fn new(call: fn(&mut (dyn FnMut() + Send))) -> Self {
        Self(call)
    }

    /// Has `work` done and waits for it. Blocks; `None` if `work` panicked.
    ///
    /// While it has to wait for an idle moment, so has everything that waits for it: `work` must hold no lock that others want.
    pub fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> Option<T> {
        let (mut work, mut done) = (Some(work), None);
        (self.0)(&mut || done = work.take().map(|work| work()));
        done
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn elsewhere(work: &mut (dyn FnMut() + Send)) {
        // Whoever waits is told by what is missing.
        drop(thread::scope(|scope| scope.spawn(work).join()));
    }

    #[test]
    fn work_is_done_where_it_is_told_and_its_result_comes_back() {
        let here = thread::current().id();
        assert_eq!(WhenIdle::default().run(|| thread::current().id()), Some(here));
        let there = WhenIdle::new(elsewhere).run(|| thread::current().id()).unwrap();
        assert_ne!(there, here);
    }

    #[test]
    fn work_that_panics_gives_nothing() {
        assert_eq!(WhenIdle::new(elsewhere).run(|| [7].get(1).copied().unwrap()), None::<i32>);
    }
}
