//! `netmarks policy`: one file per command, or per group that makes the same call.

mod change;
mod flags;
mod inspect;
mod list;
mod new;
mod push;
pub(super) mod server;
mod templates;
mod test;

use anyhow::Result;
use clap::Subcommand;

const EXAMPLES: &str = "Examples:
  netmarks policy new mine --lang rust
  netmarks policy inspect mine.wasm
  netmarks policy test mine.wasm --cases cases.yaml
  netmarks policy test mine.wasm --bench
  netmarks policy push mine.wasm --mode shadow
  netmarks policy report
  netmarks policy activate mine
  netmarks policy rollback";

/// What `netmarks policy` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a folder with a policy that works, to change into one's own
    New(new::Args),
    /// Show what a component is, wants and takes, and what would be wrong with it
    Inspect(inspect::Args),
    /// Run a policy's cases, check what every policy must keep, and measure it
    Test(test::Args),
    /// Hand a policy to a running extender, a watched folder or a registry
    Push(Box<push::Args>),
    /// List the policies of a running extender
    List(list::Args),
    /// Have a policy answer, in place of the active one of its name
    Activate(change::Named),
    /// Have a policy answer for some workloads, always the same ones
    Canary(change::Canary),
    /// Have a policy score along without being heard
    Shadow(change::Named),
    /// Keep a policy loaded, and nothing else
    Ready(change::Named),
    /// Show how the shadows compare with what answers
    Report(list::Args),
    /// Put the set of policies back that answered before
    Rollback(change::RollBack),
    /// Remove all revisions of a policy
    Remove(change::Named),
}

pub(super) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::New(args) => new::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Test(args) => test::run(args),
        Command::Push(args) => push::run(args),
        Command::List(args) => list::list(args),
        Command::Activate(args) => change::set_mode(args, "activate"),
        Command::Canary(args) => change::canary(args),
        Command::Shadow(args) => change::set_mode(args, "shadow"),
        Command::Ready(args) => change::set_mode(args, "ready"),
        Command::Report(args) => list::report(args),
        Command::Rollback(args) => change::roll_back(args),
        Command::Remove(args) => change::remove(args),
    }
}
