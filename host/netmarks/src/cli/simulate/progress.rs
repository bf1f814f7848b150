//! How far a simulation is, in one line of a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use netmarks_simulator::Progress;

/// Rewrites one line on stderr; writes nothing where that is not a terminal.
#[derive(Debug)]
pub(super) struct ProgressLine {
    started: Instant,
    shown: bool,
}

impl Default for ProgressLine {
    fn default() -> Self {
        Self { started: Instant::now(), shown: std::io::stderr().is_terminal() }
    }
}

impl ProgressLine {
    pub(super) fn show(&self, progress: Progress) {
        if self.shown {
            self.write(&line(progress, self.started.elapsed()));
        }
    }

    pub(super) fn clear(&self) {
        if self.shown {
            self.write("");
        }
    }

    fn write(&self, text: &str) {
        // If stderr is gone there is nobody to tell.
        let _ = write!(std::io::stderr().lock(), "\r\x1b[K{text}");
    }
}

fn line(Progress { done, all }: Progress, elapsed: Duration) -> String {
    let left = elapsed.as_secs_f64() / done.max(1) as f64 * all.saturating_sub(done) as f64;
    format!("{done} of {all} runs, about {left:.0} s left; Ctrl-C reports what is done")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_time_so_far() {
        let shown = line(Progress { done: 2, all: 10 }, Duration::from_secs(5));
        assert_eq!(shown, "2 of 10 runs, about 20 s left; Ctrl-C reports what is done");
    }
}
