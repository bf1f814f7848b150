//! `netmarks policy`: one file per command, or per group that makes the same call.

mod change;
pub(super) mod flags;
mod inspect;
mod list;
mod new;
mod outcome;
mod push;
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

const LIST: &str = "Examples:
  netmarks policy list
  netmarks policy list --server https://netmarks.example:9822 --ca-file ca.crt --token-file token
  netmarks policy list -o json | jq -r '.policies[] | select(.state == \"active\").name'";

const ACTIVATE: &str = "It answers beside the other active policies, each by its weight, and in place of the active version of its own name.
With --only it answers alone. `netmarks policy rollback` puts back what answered before.

Examples:
  netmarks policy activate mine
  netmarks policy activate mine --only
  netmarks policy activate mine -o json | jq .generation
  netmarks policy activate mine --server https://netmarks.example:9822 --token-file token";

const CANARY: &str =
    "Which workloads it answers for depends on their names only: the same on every replica, and a
larger percentage has all of a smaller one's.

Examples:
  netmarks policy canary mine --percent 5
  netmarks policy canary mine --percent 20 -o json
  netmarks policy canary mine --percent 50 --server http://127.0.0.1:9822";

const SHADOW: &str = "An active policy no longer answers then. The only active one stays unless --leave-nothing-active is given.

Examples:
  netmarks policy shadow mine
  netmarks policy shadow mine -o json | jq .changed
  netmarks policy shadow mine --server http://127.0.0.1:9822";

const READY: &str = "An active policy no longer answers then. The only active one stays unless --leave-nothing-active is given.

Examples:
  netmarks policy ready mine
  netmarks policy ready mine -o json | jq .changed
  netmarks policy ready mine --server http://127.0.0.1:9822";

const REPORT: &str =
    "Counted since a policy became a shadow. OTHER NODE is the share of decisions in which it would have chosen another node.
NODE-LOCAL TRAFFIC is what stays on the node if a pod goes where the policy wants it: bytes per second, mean per decision,
with its standard deviation and the difference to what answers.

Examples:
  netmarks policy report
  netmarks policy report -o json | jq '.[].other_node_ratio'
  netmarks policy report --server http://127.0.0.1:9822";

const ROLLBACK: &str =
    "Nothing is lost: what answered until now is kept ready. A second rollback takes the first one back.

Examples:
  netmarks policy rollback
  netmarks policy rollback -o json | jq .generation
  netmarks policy rollback --server http://127.0.0.1:9822";

const REMOVE: &str = "If nothing else is active then, the configuration's policy answers again. If the
configuration has no policy, the only active one stays, unless --leave-nothing-active is given.

Examples:
  netmarks policy remove mine
  netmarks policy remove mine -o json | jq .generation
  netmarks policy remove mine --server http://127.0.0.1:9822";

/// What `netmarks policy` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a folder with a policy that works, to change into your own
    New(new::Args),
    /// Show what a component is, needs and takes, and why it would be refused
    Inspect(inspect::Args),
    /// Run a policy's cases, check what every policy must keep, and measure it
    Test(test::Args),
    /// Hand a policy to a running extender, a watched folder or a registry
    Push(Box<push::Args>),
    /// List the policies of a running extender
    #[command(after_help = LIST)]
    List(list::Args),
    /// Let a policy answer, beside the other active ones or alone
    #[command(after_help = ACTIVATE)]
    Activate(change::Activate),
    /// Let a policy answer for some workloads, always the same ones
    #[command(after_help = CANARY)]
    Canary(change::Canary),
    /// Let a policy score every request without counting its scores
    #[command(after_help = SHADOW)]
    Shadow(change::Retire),
    /// Keep a policy loaded without using it
    #[command(after_help = READY)]
    Ready(change::Retire),
    /// Show how the shadows compare with what answers
    #[command(after_help = REPORT)]
    Report(list::Args),
    /// Go back to the set of policies that answered before
    #[command(after_help = ROLLBACK)]
    Rollback(change::RollBack),
    /// Remove all revisions of a policy
    #[command(after_help = REMOVE)]
    Remove(change::Retire),
}

pub(super) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::New(args) => new::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Test(args) => test::run(args),
        Command::Push(args) => push::run(args),
        Command::List(args) => list::list(args),
        Command::Activate(args) => change::activate(args),
        Command::Canary(args) => change::canary(args),
        Command::Shadow(args) => change::retire(args, "shadow"),
        Command::Ready(args) => change::retire(args, "ready"),
        Command::Report(args) => list::report(args),
        Command::Rollback(args) => change::roll_back(args),
        Command::Remove(args) => change::remove(args),
    }
}
