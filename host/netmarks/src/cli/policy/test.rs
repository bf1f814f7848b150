//! `netmarks policy test`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use netmarks_policy_testing::{Bench, Cases, CasesReport, Conformance, ConformanceReport, Policy};
use serde::Serialize;

use super::super::output::OutputFormat;
use super::super::terminal::{say, say_json};
use super::flags::{LimitFlags, RunFlags};

const EXAMPLES: &str = "Exits with 1 if a case fails or a property does not hold.

Examples:
  netmarks policy test mine.wasm
  netmarks policy test mine.wasm --cases cases.yaml --cases rare.yaml
  netmarks policy test mine.wasm --bench --parameter zone-weight=0.5
  netmarks policy test mine.wasm --grant wasi -o json";

/// Flags of `netmarks policy test`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The component
    #[arg(value_name = "POLICY.wasm")]
    policy: PathBuf,
    /// A file of cases; may be given more than once
    #[arg(long, value_name = "FILE")]
    cases: Vec<PathBuf>,
    /// Measure time and memory of a call at 100, 500 and 5,000 nodes
    #[arg(long)]
    bench: bool,
    /// Choose other random scenarios for the properties
    #[arg(long, value_name = "NUMBER", default_value_t = Conformance::default().seed)]
    seed: u64,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    limits: LimitFlags,
    /// How to print the results
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

/// All results, as JSON has them.
#[derive(Serialize)]
struct Report {
    cases: Vec<FileReport>,
    conformance: ConformanceReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    bench: Option<Bench>,
}

#[derive(Serialize)]
struct FileReport {
    file: PathBuf,
    #[serde(flatten)]
    report: CasesReport,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Args { policy, cases, bench, seed, run, limits, output } = args;
    // Before anything that takes time.
    let files: Vec<Cases> = cases.iter().map(|file| Cases::read(file)).collect::<Result<_, _>>()?;
    let policy = Policy::from_file(policy)?.with_settings(run.settings(limits));
    let reports = cases.iter().zip(&files);
    let reports =
        reports.map(|(file, cases)| FileReport { file: file.clone(), report: policy.run_cases(cases) });
    let report = Report {
        cases: reports.collect(),
        conformance: policy.run_conformance(&Conformance { seed: *seed, ..Conformance::default() })?,
        bench: bench.then(|| policy.bench()).transpose()?,
    };
    match output {
        OutputFormat::Table => say(&table(&report))?,
        OutputFormat::Json => say_json(&report)?,
    }
    let failed: usize = report.cases.iter().map(|file| file.report.failures()).sum();
    let problems = [
        count(failed, "case failed", "cases failed"),
        count(report.conformance.failures(), "property does not hold", "properties do not hold"),
    ];
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    if problems.is_empty() { Ok(()) } else { bail!("{}", problems.join(", and ")) }
}

fn count(number: usize, one: &str, more: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {more}")),
    }
}

fn table(report: &Report) -> String {
    let Report { cases, conformance, bench } = report;
    let mut sections: Vec<String> =
        cases.iter().map(|FileReport { file, report }| format!("{}\n{report}", file.display())).collect();
    sections.push(conformance.to_string());
    sections.extend(bench.as_ref().map(ToString::to_string));
    sections.join("\n\n")
}
