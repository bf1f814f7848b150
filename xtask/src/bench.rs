//! `cargo xtask bench`: the benchmarks against the performance targets, and the shapes of the contract.

use crate::command::{cargo, run as run_command};
use crate::guests;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What `cargo xtask bench` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Measure only these rows of the targets, such as 2,3, and leave out the shapes of the contract
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    rows: Vec<u32>,
    /// Few repetitions: shows that everything runs, not what it measures
    #[arg(long)]
    quick: bool,
    /// Also write the rows of the targets to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Builds the guests and runs the benchmarks one after the other: side by side they would measure each other.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { rows, quick, json } = args;
    guests::build(root)?;
    let mut targets: Vec<OsString> = Vec::new();
    let mut shapes: Vec<OsString> = Vec::new();
    if *quick {
        targets.push("--quick".into());
        shapes.push("--quick".into());
    }
    if !rows.is_empty() {
        let rows: Vec<String> = rows.iter().map(u32::to_string).collect();
        targets.extend(["--rows".into(), rows.join(",").into()]);
    }
    if let Some(file) = json {
        // Cargo runs benchmarks in the folder of their package.
        let file = std::path::absolute(file)
            .with_context(|| format!("failed to find the folder of {}", file.display()))?;
        targets.extend(["--json".into(), file.into()]);
    }
    bench(root, "targets", &targets)?;
    if rows.is_empty() {
        bench(root, "shapes", &shapes)?;
    }
    Ok(())
}

fn bench(root: &Path, name: &str, arguments: &[OsString]) -> Result<()> {
    let mut command = cargo();
    // With `--package`, each would compile wasmtime again: their dependencies' features differ.
    command.current_dir(root).args(["bench", "--workspace", "--bench", name, "--"]).args(arguments);
    run_command(&mut command)
}
