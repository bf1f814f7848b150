//! The command line: one file per command.

mod admin_server;
mod admission_review;
mod check;
mod client;
mod compile;
mod completion;
mod console;
mod decisions;
mod demo;
mod doctor;
mod events;
mod exit;
mod interrupt;
mod output;
mod plan;
mod policy;
mod report;
mod rollout;
mod score;
mod serve;
mod simulate;
mod snapshot;
mod table;
mod terminal;
mod top;
mod version;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::policies;

pub use exit::{ExitCode, exit_code};
pub use terminal::print_error;

/// NetMARKS: places pods next to what they talk to.
///
/// A kube-scheduler extender. It reads from the service mesh's metrics who sends how many bytes to whom, and a
/// WebAssembly policy scores the candidate nodes of every pod by that traffic.
#[derive(Debug, Parser)]
#[command(name = "netmarks", version, long_version = version::LONG.as_str(), after_help = EXAMPLES, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Exit codes of every command:
  0  done, and all is well
  1  it failed, or what was examined is not as it should be
  2  the command line is wrong
  3  refused: a policy, a configuration, a change
  4  not found: a file, a pod, a policy
  5  partly done

Examples:
  netmarks demo                                     see it at work on a built-in cluster
  netmarks serve --metrics-url http://prometheus:9090
  netmarks doctor --config config.yaml --server http://127.0.0.1:9820 --pod shop/cart-0
  netmarks snapshot --server http://127.0.0.1:9820 --file cluster.json
  netmarks score --snapshot cluster.json --pod shop/cart-0
  netmarks top
  netmarks decisions --follow
  netmarks console --snapshot cluster.json
  netmarks simulate --snapshot cluster.json
  netmarks plan --snapshot cluster.json --moves 20
  netmarks policy test mine.wasm --cases cases.yaml";

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer kube-scheduler, in a cluster or beside one
    Serve(serve::Args),
    /// The same on a built-in sample cluster: nothing else is needed
    Demo(demo::Args),
    /// Check a live cluster end to end: what is wrong, what to do, and why a pod went where it did
    Doctor(Box<doctor::Args>),
    /// The page over a snapshot file: who talks to whom across which node and zone
    Console(console::Args),
    /// What was answered for which pod, and where it went
    Decisions(decisions::Args),
    /// Which applications send most from node to node, and which nodes keep least
    Top(top::Args),
    /// Rank the nodes of a snapshot for a pod, with reasons
    Score(score::Args),
    /// What the webhook would add to a pod, on a snapshot
    AdmissionReview(admission_review::Args),
    /// What the webhook did, or would have done in a preview: pods, where they landed, and what that is worth
    Report(report::Args),
    /// What a cluster would gain: place a snapshot's pods again, with and without policies, and compare
    Simulate(Box<simulate::Args>),
    /// What to move, in which order, and what it is worth: an ordered list of pods; nothing is moved
    Plan(Box<plan::Args>),
    /// Write a snapshot to a file: of a running extender, or of a cluster with nothing installed
    Snapshot(Box<snapshot::Args>),
    /// Work on policies: look at, test, push, activate, roll back
    Policy(policy::Args),
    /// Print a script that completes commands and flags in a shell
    Completion(completion::Args),
    /// What `serve` runs to compile one policy, from stdin to stdout
    #[command(name = policies::COMPILE, hide = true)]
    Compile(compile::Args),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// Whatever went wrong, with what to do about it.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Serve(args) => serve::run(args),
            Command::Demo(args) => demo::run(&args),
            Command::Doctor(args) => doctor::run(*args),
            Command::Console(args) => console::run(&args),
            Command::Decisions(args) => decisions::run(&args),
            Command::Top(args) => top::run(&args),
            Command::Score(args) => score::run(&args),
            Command::AdmissionReview(args) => admission_review::run(&args),
            Command::Report(args) => report::run(&args),
            Command::Simulate(args) => simulate::run(*args),
            Command::Plan(args) => plan::run(*args),
            Command::Snapshot(args) => snapshot::run(*args),
            Command::Policy(args) => policy::run(&args),
            Command::Completion(args) => completion::run(&args),
            Command::Compile(args) => compile::run(&args),
        }
    }
}
