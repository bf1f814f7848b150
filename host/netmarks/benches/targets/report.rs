//! Rows of results, and the statistics that make them.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// One measured number beside its target.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Number in the table of targets.
    pub target: u32,
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// The most that it may be, if there is a target for it.
    pub at_most: Option<f64>,
    /// The measurements behind it.
    pub detail: String,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, what, value, unit, at_most, detail } = self;
        let verdict = match at_most {
            None => String::new(),
            Some(most) if value <= most => format!("target <= {most}: met"),
            Some(most) => format!("target <= {most}: MISSED"),
        };
        write!(f, "{target:>2}  {what:<62} {value:>9.2} {unit:<3} {verdict:<24} {detail}")
    }
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: String,
    pub rows: Vec<Row>,
}

impl Report {
    pub fn new(rows: Vec<Row>) -> Self {
        Self { machine: netmarks_policy_testing::machine(), rows }
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
}
