//! What is measured, and the statistics that make it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// One measured number. Which is good enough is known to `cargo xtask bench`, which has the targets.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// In the table of targets.
    pub row: &'static str,
    /// Stays the same from run to run, so that runs can be compared.
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// The measurements behind it.
    pub detail: String,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, name, value, unit, detail } = self;
        write!(f, "{row:>4}  {name:<62} {value:>9.2} {unit:<3} {detail}")
    }
}

/// Durations of one thing done many times.
#[derive(Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Microseconds below which `share` (0 to 1) of the measurements lie.
    pub fn quantile(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().checked_sub(1).expect("nothing was measured");
        self.0[(share * last as f64).round() as usize].as_secs_f64() * 1e6
    }

    pub fn p50(&mut self) -> f64 {
        self.quantile(0.5)
    }

    pub fn p99(&mut self) -> f64 {
        self.quantile(0.99)
    }

    pub fn slowest(&mut self) -> f64 {
        self.quantile(1.0)
    }
}
