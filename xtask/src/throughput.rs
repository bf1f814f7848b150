//! `cargo xtask throughput`: what an extender and preferred terms cost a real kube-scheduler, against the performance targets.
//!
//! Kubernetes' own scheduler_perf does the measuring: the scheduler and an API server in one process, etcd beside it, and
//! the extender a process of its own. Timings on a shared machine swing, so that what is compared is measured by turns and
//! in both orders; medians count, and their ratio.

mod candidates;
mod load;
mod report;
mod run;
mod scheduling;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Error, Result};
use clap::{Args as _, FromArgMatches as _, ValueEnum as _};

use crate::bench::record::{Record, Run};
use crate::bench::targets::print_rows;
use crate::command::{cargo, run as run_command, target_folder};
use netmarks_test_tools::ThroughputPrograms;
use run::Bench;
use scheduling::Scenario;

/// The rows of the targets that are measured here.
const ROWS: [&str; 5] = ["1", "1b", "4", "5", "12"];

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Pods that a scheduler binds a second, with each extender and with each number of terms
    Scheduling,
    /// CPU time of one request, and its latency, without a scheduler
    Load,
    /// How often the best node is among the scheduler's candidates, by percentageOfNodesToScore
    Candidates,
}

/// What `cargo xtask throughput` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',', default_values = ["scheduling", "load"])]
    parts: Vec<Part>,
    /// Only these scenarios of scheduling
    #[arg(long, value_enum, value_name = "NAME", value_delimiter = ',', default_values_t = scheduling::SCENARIOS)]
    scenarios: Vec<Scenario>,
    /// Sizes of the cluster; the targets are for 500 and 5,000 nodes
    #[arg(long, value_name = "COUNT", value_delimiter = ',', default_values_t = [500, 5_000])]
    nodes: Vec<u32>,
    /// Pods that are scheduled in each run
    #[arg(long, value_name = "COUNT", default_value_t = 2_000)]
    pods: u32,
    /// How often each thing is measured
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    rounds: u32,
    /// Requests of each measurement of load
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    requests: u32,
    /// Requests of load that are under way at once; kube-scheduler asks one at a time
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    connections: u32,
    /// A release build of netmarks; by default it is built
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Also write the results to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A small cluster, few pods, each thing once: shows that everything runs, not what it measures
    #[arg(long, conflicts_with_all = ["nodes", "pods", "rounds", "requests"])]
    quick: bool,
}

/// How much is measured.
struct Extent {
    nodes: Vec<u32>,
    pods: u32,
    rounds: u32,
    requests: u32,
    connections: u32,
    /// The cluster whose requests are sent by themselves, and the percentages of its nodes that they name; 0 is the
    /// scheduler's own choice, a tenth of 5,000.
    load: (u32, Vec<u32>),
}

impl Args {
    /// Those of a command line that names this program and nothing else, except perhaps `--quick`.
    fn usual(program: &Path, quick: bool) -> Result<Self> {
        let words = [OsStr::new("--program"), program.as_os_str()].into_iter();
        let words = words.chain(quick.then_some(OsStr::new("--quick")));
        let command = Self::augment_args(clap::Command::new("throughput").no_binary_name(true));
        Ok(Self::from_arg_matches(&command.try_get_matches_from(words)?)?)
    }
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let (measured, failure) = measure(root, args)?;
    let record = Record { runs: vec![measured] };
    print_rows(&record, &ROWS);
    record.keep(args.json.as_deref())?;
    failure.map_or(Ok(()), Err)
}

/// Measures what is measured unless told otherwise, with this program.
pub(crate) fn measure_usual(root: &Path, program: &Path, quick: bool) -> Result<(Run, Option<Error>)> {
    measure(root, &Args::usual(program, quick)?)
}

/// Measures; returns why a part of it could not be measured, if so.
fn measure(root: &Path, args: &Args) -> Result<(Run, Option<Error>)> {
    let Args { parts, scenarios, nodes, pods, rounds, requests, connections, program, json: _, quick } = args;
    let mut extent = Extent {
        nodes: nodes.clone(),
        pods: *pods,
        rounds: *rounds,
        requests: *requests,
        connections: *connections,
        load: (5_000, vec![0, 100]),
    };
    if *quick {
        let load = (60, vec![100]);
        extent = Extent { nodes: vec![60], pods: 120, rounds: 1, requests: 1_000, load, ..extent };
    }
    let program = match program {
        Some(file) => file.canonicalize().with_context(|| format!("failed to find {}", file.display()))?,
        None => build(root)?,
    };
    let bench = Bench::new(program, target_folder()?.join("throughput"))?;
    let load = fs::read_to_string("/proc/loadavg").context("failed to read /proc/loadavg")?;
    // Above 1, the machine was busy.
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let kubernetes = ThroughputPrograms::kubernetes()?;
    let mut measured = Run::begin(root, command(parts, *quick), *quick)?;
    if parts.contains(&Part::Scheduling) {
        scheduling::measure(&bench, scenarios, &extent, &mut measured);
    }
    if parts.contains(&Part::Candidates) {
        candidates::measure(&bench, &extent, &mut measured);
    }
    let mut failure = None;
    if parts.contains(&Part::Load) {
        failure = load::measure(&bench, &extent, &mut measured).err();
    }
    println!("Kubernetes {kubernetes}; load average at the start {load}");
    Ok((measured, failure))
}

/// As `Run` names it.
fn command(parts: &[Part], quick: bool) -> String {
    let names: Vec<String> =
        parts.iter().filter_map(|part| Some(part.to_possible_value()?.get_name().to_owned())).collect();
    let quick = if quick { " --quick" } else { "" };
    format!("`cargo xtask throughput --parts {}{quick}`", names.join(","))
}

/// The program as users build it.
fn build(root: &Path) -> Result<PathBuf> {
    let mut build = cargo();
    // The whole workspace: with `--package`, wasmtime would be compiled again with other features.
    build.current_dir(root).args(["build", "--release", "--workspace", "--bin", "netmarks"]);
    run_command(&mut build)?;
    Ok(target_folder()?.join("release/netmarks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_command_measures_is_what_this_one_does_without_options() {
        let program = Path::new("netmarks");
        for quick in [false, true] {
            let args = Args::usual(program, quick).unwrap();
            assert_eq!((args.program.as_deref(), args.quick), (Some(program), quick));
            assert_eq!(args.parts, [Part::Scheduling, Part::Load]);
        }
    }
}
