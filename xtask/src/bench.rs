//! `cargo xtask bench`: the benchmarks against the performance targets, and the shapes of the contract.
//!
//! `targets` is the table and what each row is judged by, `record` the file of what was measured, `statistics` how sure it is,
//! `compare` two such files, `tables` and `chart` what docs/performance.md shows.

mod chart;
mod compare;
pub(crate) mod record;
mod statistics;
mod tables;
pub(crate) mod targets;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Error, Result};
use serde::Deserialize;

use self::record::{Figure, Record, Run};
use self::targets::{TARGETS, print_rows};
use crate::command::{cargo, run as run_command, target_folder};
use crate::{evaluation, guests, throughput};

pub(crate) use self::tables::stale;

/// Rows that `cargo xtask throughput` alone measures, with a scheduler and servers in Go.
const ELSEWHERE: [&str; 4] = ["1b", "4", "5", "12"];

/// The row that is a simulation.
const SIMULATE: &str = "14";

/// Rounds of a full run: as few as give an interval.
const ROUNDS: u32 = 5;

/// What `cargo xtask bench` takes.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    measure: Measure,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Say what differs between two files of measurements, and what their noise does not let one say
    Compare {
        #[arg(value_name = "FILE")]
        old: PathBuf,
        #[arg(value_name = "FILE")]
        new: PathBuf,
    },
    /// Make docs/performance.json of these files of measurements, if any, and write the tables and the drawing of docs/performance.md
    Publish {
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct Measure {
    /// Measure only these rows of the targets, such as 2,3, and leave out the shapes of the contract; or `flat`, which is not a row of them:
    /// what grows with the cluster
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    rows: Vec<String>,
    /// Also what `cargo xtask throughput` measures unless told otherwise, with the same program: every row in one record. An hour more
    /// unless --quick
    #[arg(long, conflicts_with = "rows")]
    all: bool,
    /// How often everything is measured, in turn; 5 unless --quick
    #[arg(long, value_name = "COUNT")]
    rounds: Option<u32>,
    /// One round of few repetitions with a tenth of the cluster: shows that everything runs, not what it measures
    #[arg(long)]
    quick: bool,
    /// With a development build: sooner there, and several times slower, so that it only shows that everything runs, too
    #[arg(long)]
    dev: bool,
    /// Also write what was measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Args {
    /// Shows in a few minutes that every benchmark runs, with the build that tests have.
    pub(crate) fn trial() -> Self {
        let (rows, rounds, json) = (Vec::new(), None, None);
        Self { action: None, measure: Measure { rows, all: false, rounds, quick: true, dev: true, json } }
    }
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { action, measure } = args;
    match action {
        None => self::measure(root, measure),
        Some(Action::Compare { old, new }) => {
            print!("{}", compare::compare(&Record::read(old)?, &Record::read(new)?));
            Ok(())
        }
        Some(Action::Publish { files }) => tables::publish(root, files),
    }
}

/// Builds the guests and measures round by round, one benchmark after the other: side by side they would measure each other.
fn measure(root: &Path, args: &Measure) -> Result<()> {
    let Measure { rows, all, rounds, quick, dev, json } = args;
    let json = json.as_deref();
    let build = if *dev { Build::Development } else { Build::Release };
    let is_wanted = |row: &str| rows.is_empty() || rows.iter().any(|wanted| wanted == row);
    guests::build(root)?;
    let flags = [(*all, " --all"), (*quick, " --quick"), (*dev, " --dev")];
    let flags = flags.into_iter().filter(|(given, _)| *given);
    let flags: String = flags.map(|(_, flag)| flag).collect();
    let mut run = Run::begin(root, format!("`cargo xtask bench{flags}`"), *quick || *dev)?;
    let program = built(root, build)?;
    let mut failures: Vec<Error> = Vec::new();
    let rounds = rounds.unwrap_or(if *quick { 1 } else { ROUNDS });
    for round in 1..=rounds {
        println!("\nround {round} of {rounds}");
        failures.extend(targets(root, rows, (*quick, build), &mut run)?);
        if is_wanted(SIMULATE) {
            match simulate(&program, if *quick { 500 } else { 5_000 }) {
                Ok(figure) => run.add(figure),
                Err(error) => failures.push(error),
            }
        }
    }
    if rows.is_empty() {
        let quick = quick.then_some(OsString::from("--quick"));
        failures.extend(bench(root, "shapes", build, quick.as_slice()).err());
    }
    let mut record = Record { runs: vec![run] };
    if *all {
        // Whatever becomes of the rest.
        record.keep(json)?;
        // A development build shows no more than the short form does.
        match throughput::measure_usual(root, &program, *quick || *dev) {
            Ok((run, failure)) => {
                record.runs.push(run);
                failures.extend(failure);
            }
            Err(error) => failures.push(error),
        }
    }
    print_rows(&record, &TARGETS.map(|target| target.row));
    record.keep(json)?;
    // All that could be measured is written by now.
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// Row 14.
fn simulate(program: &Path, nodes: usize) -> Result<Figure> {
    let (seconds, pods) = evaluation::speed_of_one_arm(program, nodes)?;
    let name = format!("simulate, {nodes} nodes, one arm");
    println!("  {SIMULATE}  {name}: {seconds:.1} s");
    let detail = format!("{pods} pods; reading the file is included");
    Ok(Figure { row: SIMULATE.to_owned(), name, unit: "s".to_owned(), samples: vec![seconds], detail })
}

/// What is measured.
#[derive(Clone, Copy)]
enum Build {
    Release,
    Development,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "bench",
            Self::Development => "dev",
        }
    }

    /// Where cargo puts it.
    fn folder(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Development => "debug",
        }
    }
}

/// Builds the benchmark, and with it the program that it runs; returns the program.
fn built(root: &Path, build: Build) -> Result<PathBuf> {
    let mut command = cargo();
    let arguments = ["bench", "--workspace", "--profile", build.profile(), "--bench", "targets", "--no-run"];
    run_command(command.current_dir(root).args(arguments))?;
    Ok(target_folder()?.join(build.folder()).join("netmarks"))
}

/// A figure as the benchmark writes it.
#[derive(Deserialize)]
struct Measured {
    row: String,
    name: String,
    value: f64,
    unit: String,
    detail: String,
}

/// One round of the benchmark `targets`; returns why a row could not be measured.
fn targets(
    root: &Path,
    rows: &[String],
    (quick, build): (bool, Build),
    run: &mut Run,
) -> Result<Option<Error>> {
    let ours: Vec<&str> =
        rows.iter().map(String::as_str).filter(|row| *row != SIMULATE && !ELSEWHERE.contains(row)).collect();
    if !rows.is_empty() && ours.is_empty() {
        return Ok(None);
    }
    let folder = target_folder()?.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let file = folder.join("round.json");
    // What an earlier round wrote must not be taken for this one's.
    let _ = fs::remove_file(&file);
    let mut arguments: Vec<OsString> = vec!["--json".into(), file.clone().into()];
    if quick {
        arguments.push("--quick".into());
    }
    if !ours.is_empty() {
        arguments.extend(["--rows".into(), ours.join(",").into()]);
    }
    let failure = bench(root, "targets", build, &arguments).err();
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => return Err(failure.unwrap_or_else(|| error.into())),
    };
    let figures: Vec<Measured> = serde_json::from_str(&text).context("the benchmark wrote no figures")?;
    for Measured { row, name, value, unit, detail } in figures {
        run.add(Figure { row, name, unit, samples: vec![value], detail });
    }
    Ok(failure)
}

fn bench(root: &Path, name: &str, build: Build, arguments: &[OsString]) -> Result<()> {
    let mut command = cargo();
    // With `--package`, each would compile wasmtime again: their dependencies' features differ.
    command
        .current_dir(root)
        .args(["bench", "--workspace", "--profile", build.profile(), "--bench", name, "--"])
        .args(arguments);
    run_command(&mut command)
}
