//! `cargo xtask`: the tasks that need more than one cargo command.
//!
//! Wiring only: one variant of [`Task`] and one module for each task.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tasks are run by people who read what they print"
)]

mod bench;
mod checks;
mod circles;
mod cluster;
mod command;
mod console;
mod dependencies;
mod documents;
mod evaluation;
mod figures;
mod fuzz;
mod guests;
mod image;
mod machine;
mod manifests;
mod marked;
mod picture;
mod prerequisites;
mod release;
mod shared_target;
mod soak;
mod test_run;
mod throughput;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::ExitCode;

/// Tasks of the netmarks repository
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
pub(crate) struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every check there is, as CI does; stops at the first that fails
    Test(checks::Args),
    /// Run a Kubernetes control plane on this machine, without containers
    #[command(subcommand)]
    Cluster(cluster::Action),
    /// Render the plain manifests of deploy/kustomize from the chart
    Manifests(manifests::Args),
    /// Compile the guests: the policies and the fixtures
    Guests(guests::Args),
    /// Build the page that the program serves, from its sources in console/
    Console(console::Args),
    /// Build the container image, and push it
    Image(image::Args),
    /// Make what a release has: programs, images, chart, bills of materials, checksums, provenance
    Release(release::Args),
    /// Measure the policies and write the figures into their READMEs, in release mode, and take the picture of the console
    Figures(figures::Args),
    /// Simulate the applications of docs/evaluation and write its pages, in release mode
    Evaluation(evaluation::Args),
    /// Let libFuzzer make up what arrives from outside, in release mode
    Fuzz(fuzz::Args),
    /// Keep the program busy for long and draw what memory and descriptors it holds
    Soak(soak::Args),
    /// Measure the performance targets and the shapes of the contract, in release mode
    Bench(bench::Args),
    /// Measure what an extender and preferred terms cost a real scheduler, with Kubernetes' own scheduler_perf
    Throughput(throughput::Args),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not by returning it: with RUST_BACKTRACE set, a page of frames would bury the message.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let Args { task } = Args::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask's folder has no parent")?;
    match task {
        Task::Test(args) => checks::run(root, &args),
        Task::Cluster(action) => cluster::run(root, action),
        Task::Manifests(args) => manifests::run(root, &args),
        Task::Guests(args) => guests::run(root, &args),
        Task::Console(args) => console::run(root, &args),
        Task::Image(args) => image::run(root, &args),
        Task::Release(args) => release::run(root, &args),
        Task::Figures(args) => figures::run(root, &args),
        Task::Evaluation(args) => evaluation::run(root, &args),
        Task::Fuzz(args) => fuzz::run(root, &args),
        Task::Soak(args) => soak::run(root, &args),
        Task::Bench(args) => bench::run(root, &args),
        Task::Throughput(args) => throughput::run(root, &args),
    }
}
