//! The results beside their targets, as a table and as JSON in the shape of `cargo xtask bench`.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use netmarks_test_tools::ThroughputPrograms;
use serde_json::{Value, json};

use super::statistics::Spread;
use crate::machine::machine;

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
        }
    }
}

/// One measured number beside its target.
#[derive(Debug)]
pub(super) struct Row {
    /// Number in the table of targets.
    pub(super) number: u32,
    pub(super) what: String,
    /// None where it was not measured, which is not met.
    pub(super) value: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) target: Option<Target>,
    /// Whether all rounds are on the same side of the target, or there was only one.
    pub(super) rounds_agree: bool,
    /// The measurements behind it.
    pub(super) detail: String,
}

/// All rows, and every run behind them.
pub(super) struct Report {
    machine: String,
    kubernetes: String,
    /// Processes that wanted a core when it began, of the last minute: above 1, the machine was busy.
    load_average: String,
    pub(super) rows: Vec<Row>,
    pub(super) runs: Vec<Value>,
}

impl Row {
    /// One thing against another, both measured in each round by turns.
    pub(super) fn ratio(
        number: u32,
        what: String,
        target: Option<Target>,
        unit: &str,
        of: &[f64],
        against: &[f64],
    ) -> Self {
        let rounds: Vec<f64> = of.iter().zip(against).map(|(of, against)| of / against).collect();
        let met = |ratio: &f64| target.is_none_or(|target| target.is_met(*ratio));
        let rounds_agree = rounds.iter().all(met) || !rounds.iter().any(met);
        let spreads = (Spread::of(of.to_vec()), Spread::of(against.to_vec()), Spread::of(rounds));
        let (value, detail) = match spreads {
            // CPU time is counted in steps of 10 ms, so that few requests may have taken none.
            (Some(of), Some(against), Some(rounds)) if against.least > 0.0 => (
                Some(of.median / against.median),
                format!(
                    "{} against {} {unit}; by round {:.2} to {:.2}",
                    of.text(0),
                    against.text(0),
                    rounds.least,
                    rounds.greatest
                ),
            ),
            _ => (None, "not measured".to_owned()),
        };
        Self { number, what, value, unit: "x", target, rounds_agree, detail }
    }

    fn verdict(&self) -> String {
        let Some(target) = self.target else { return String::new() };
        let met = if self.value.is_some_and(|value| target.is_met(value)) { "met" } else { "MISSED" };
        // By less than rounds differ, so that another run may say the opposite.
        let narrowly = if self.rounds_agree { "" } else { ", not by all rounds" };
        format!("target {target}: {met}{narrowly}")
    }

    fn to_json(&self) -> Value {
        let Self { number, what, value, unit, target, rounds_agree, detail } = self;
        let (at_most, at_least) = match target {
            None => (None, None),
            Some(Target::AtMost(most)) => (Some(most), None),
            Some(Target::AtLeast(least)) => (None, Some(least)),
        };
        json!({
            "target": number, "what": what, "value": value, "unit": unit,
            "at_most": at_most, "at_least": at_least, "rounds_agree": rounds_agree, "detail": detail,
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, what, value, unit, target: _, rounds_agree: _, detail } = self;
        let value = value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        write!(f, "{number:>2}  {what:<62} {value:>9} {unit:<3} {:<40} {detail}", self.verdict())
    }
}

impl Report {
    pub(super) fn new() -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg").context("failed to read /proc/loadavg")?;
        let load_average = load.split(' ').next().unwrap_or_default().to_owned();
        let kubernetes = ThroughputPrograms::kubernetes()?;
        Ok(Self { machine: machine()?, kubernetes, load_average, rows: Vec::new(), runs: Vec::new() })
    }

    pub(super) fn print(&self) {
        for row in &self.rows {
            println!("{row}");
        }
        let Self { machine, kubernetes, load_average, .. } = self;
        println!("\n{machine}; Kubernetes {kubernetes}; load average at the start {load_average}");
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let Self { machine, kubernetes, load_average, rows, runs } = self;
        let all = json!({
            "machine": machine,
            "kubernetes": kubernetes,
            "load_average": load_average,
            "rows": rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "runs": runs,
        });
        let text = serde_json::to_string_pretty(&all).context("failed to write the results as JSON")?;
        fs::write(file, text + "\n").with_context(|| format!("failed to write {}", file.display()))?;
        println!("written to {}", file.display());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Target};

    #[test]
    fn a_ratio_is_of_medians_and_what_was_not_measured_is_not_met() {
        let target = Some(Target::AtLeast(0.97));
        let row =
            Row::ratio(4, "pods/s".into(), target, "pods/s", &[90.0, 100.0, 110.0], &[100.0, 100.0, 100.0]);
        assert_eq!(row.value, Some(1.0));
        assert_eq!(row.verdict(), "target >= 0.97: met, not by all rounds");
        assert_eq!(row.detail, "100 (90 to 110) against 100 (100 to 100) pods/s; by round 0.90 to 1.10");
        let row = Row::ratio(4, "pods/s".into(), target, "pods/s", &[98.0, 99.0], &[100.0, 100.0]);
        assert_eq!(row.verdict(), "target >= 0.97: met");
        let row = Row::ratio(4, "pods/s".into(), target, "pods/s", &[], &[100.0]);
        assert_eq!((row.value, row.verdict()), (None, "target >= 0.97: MISSED".to_owned()));
        let json = row.to_json();
        assert_eq!(json["at_least"], 0.97);
        assert!(json["value"].is_null() && json["at_most"].is_null());
    }
}
