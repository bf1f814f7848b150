//! What was measured, as a file: runs with the machine, and for each figure what every round gave.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::statistics::{Interval, interval, median};
use crate::command::output;
use crate::machine::Machine;

/// A file of measurements. That of one run has one; docs/performance.json has as many as it was published from.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) runs: Vec<Run>,
}

/// Everything measured by one command on one machine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The command.
    pub(crate) command: String,
    /// Day, UTC.
    pub(crate) date: String,
    /// The commit, with `-dirty` where files had changed.
    pub(crate) revision: String,
    pub(crate) machine: Machine,
    /// Whether it only shows that everything runs.
    #[serde(default)]
    pub(crate) quick: bool,
    pub(crate) figures: Vec<Figure>,
}

/// One figure of a row of the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// As in the table of targets: `1b`.
    pub(crate) row: String,
    pub(crate) name: String,
    pub(crate) unit: String,
    /// One for each round.
    pub(crate) samples: Vec<f64>,
    /// The measurements behind the last of them.
    #[serde(default)]
    pub(crate) detail: String,
}

impl Figure {
    pub(crate) fn median(&self) -> Option<f64> {
        median(&self.samples)
    }

    pub(super) fn interval(&self) -> Option<Interval> {
        interval(&self.samples)
    }

    /// The median with its unit, and its interval where there are rounds enough for one.
    pub(crate) fn text(&self) -> String {
        let unit = self.unit.as_str();
        let Some(median) = self.median() else { return "not measured".to_owned() };
        let separator = if matches!(unit, "x" | "/s") { "" } else { " " };
        let interval = self.interval().map_or_else(String::new, |Interval { low, high }| {
            format!(" ({} to {})", number(low), number(high))
        });
        format!("{}{separator}{unit}{interval}", number(median))
    }
}

/// With three significant digits.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

impl Record {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not a record of measurements", file.display()))
    }

    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("a record is JSON")?;
        fs::write(file, text + "\n").with_context(|| format!("failed to write {}", file.display()))
    }

    /// Writes it where a file is asked for, and says so.
    pub(crate) fn keep(&self, file: Option<&Path>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        self.write(file)?;
        println!("written to {}", file.display());
        Ok(())
    }

    /// A figure and the run that has it; the first run that does counts.
    pub(crate) fn figure(&self, name: &str) -> Option<(&Run, &Figure)> {
        self.figures().find(|(_, figure)| figure.name == name)
    }

    pub(crate) fn figures(&self) -> impl Iterator<Item = (&Run, &Figure)> {
        self.runs.iter().flat_map(|run| run.figures.iter().map(move |figure| (run, figure)))
    }
}

impl Run {
    /// A run that begins here and now.
    pub(crate) fn begin(root: &Path, command: String, quick: bool) -> Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(root).args(["describe", "--always", "--dirty"]);
        let date = output(Command::new("date").args(["--utc", "+%F"]))?;
        Ok(Self {
            command,
            date: date.trim().to_owned(),
            revision: output(&mut git)?.trim().to_owned(),
            machine: Machine::this()?,
            quick,
            figures: Vec::new(),
        })
    }

    /// Adds a figure, or one more round of it.
    pub(crate) fn add(&mut self, figure: Figure) {
        match self.figures.iter_mut().find(|known| known.name == figure.name) {
            Some(known) => {
                known.samples.extend(figure.samples);
                known.detail = figure.detail;
            }
            None => self.figures.push(figure),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run of nowhere in particular with these figures, for tests.
    pub(in crate::bench) fn run(figures: Vec<Figure>) -> Run {
        let [processor, kernel, toolchain, command, date, revision] = std::array::from_fn(|_| String::new());
        let machine = Machine { processor, cores: 2, memory_mib: 0, kernel, toolchain };
        Run { command, date, revision, machine, quick: false, figures }
    }

    /// A record of them.
    pub(in crate::bench) fn record(figures: Vec<Figure>) -> Record {
        Record { runs: vec![run(figures)] }
    }

    fn figure(samples: &[f64]) -> Figure {
        let (row, name, unit) = ("2".to_owned(), "call".to_owned(), "us".to_owned());
        Figure { row, name, unit, samples: samples.to_vec(), detail: String::new() }
    }

    #[test]
    fn a_figure_says_its_interval_only_if_there_are_rounds_enough() {
        assert_eq!(figure(&[]).text(), "not measured");
        assert_eq!(figure(&[4.954]).text(), "4.95 us");
        assert_eq!(figure(&[1.0, 2.0, 3.0, 99.0, 120.4]).text(), "3.00 us (1.00 to 120)");
        let rate = Figure { unit: "/s".to_owned(), ..figure(&[512.3]) };
        assert_eq!(rate.text(), "512/s");
    }

    #[test]
    fn the_first_run_with_a_figure_counts() {
        let mut first = run(vec![figure(&[1.0])]);
        first.add(figure(&[2.0]));
        let record = Record { runs: vec![first, run(vec![figure(&[9.0])])] };
        assert_eq!(record.figure("call").unwrap().1.samples, [1.0, 2.0]);
    }
}
