//! `netmarks policy`: one file per command.

mod flags;
mod inspect;
mod test;

use anyhow::Result;
use clap::Subcommand;

const EXAMPLES: &str = "Examples:
  netmarks policy inspect mine.wasm
  netmarks policy test mine.wasm --cases cases.yaml
  netmarks policy test mine.wasm --bench";

/// What `netmarks policy` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a policy's cases, check what every policy must keep, and measure it
    Test(test::Args),
    /// Show what a component is, wants and takes, and what would be wrong with it
    Inspect(inspect::Args),
}

pub(super) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Test(args) => test::run(args),
        Command::Inspect(args) => inspect::run(args),
    }
}
