//! `netmarks completion`.

use anyhow::Result;
use clap::CommandFactory as _;

const EXAMPLES: &str = "Examples:
  netmarks completion bash > /etc/bash_completion.d/netmarks
  netmarks completion zsh > ~/.zfunc/_netmarks
  netmarks completion fish > ~/.config/fish/completions/netmarks.fish";

/// Flags of `netmarks completion`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "netmarks", &mut script);
    super::terminal::say(String::from_utf8(script)?.trim_end())
}
