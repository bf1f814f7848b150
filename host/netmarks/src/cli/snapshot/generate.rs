//! A snapshot that is made up, of a shape that was published.

use anyhow::Result;
use clap::ValueEnum;
use netmarks_snapshots::generate::figures::{Figures, figures};
use netmarks_snapshots::generate::generate;
use netmarks_snapshots::generate::shape::Shape;
use netmarks_sources::snapshot_file::SnapshotFile;

use super::super::terminal::print_remark;

/// Flags for what is made up.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Made up")]
#[group(skip)]
pub(super) struct Args {
    /// Make up a cluster of a published shape
    #[arg(long, value_name = "SHAPE")]
    generate: Option<GeneratedShape>,
    /// The same number gives the same file
    #[arg(long, value_name = "N", default_value_t = 1, requires = "generate")]
    seed: u64,
    /// So many times as large
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100), requires = "generate")]
    times: u32,
}

/// A published shape, as it is named in a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GeneratedShape {
    /// 547 services in 3,485 pods on 96 machines, as a large company published
    Company,
}

impl Args {
    pub(super) fn is_wanted(&self) -> bool {
        self.generate.is_some()
    }

    pub(super) fn generate(&self) -> Result<SnapshotFile> {
        let shape = match self.generate {
            Some(GeneratedShape::Company) | None => Shape::Company,
        };
        let snapshot = generate(shape, self.seed, self.times);
        let top = shape.published().times(self.times).top;
        let Figures { applications, edges, talking, cpu, memory, component, top: share, degree, .. } =
            figures(&snapshot, top);
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        let lines = [
            format!("{} of CPU and {} of memory are requested", percent(cpu), percent(memory)),
            format!(
                "{applications} applications, {edges} edges between {talking} of them, at most {degree} of one"
            ),
            format!("{} of the traffic is in one component", percent(component)),
            format!("the heaviest {top} edges carry {}", percent(share)),
        ];
        lines.iter().for_each(|line| print_remark(line));
        Ok(snapshot)
    }
}
