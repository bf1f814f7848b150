//! The hidden command by which `netmarks serve` compiles a policy: see `netmarks_engine::Compiler`.

use netmarks_engine::{CompileLimits, Urgency, serve_compiler};

/// What it may use.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address space, MiB
    memory_mib: u32,
    /// CPU time, seconds
    seconds: u32,
    /// At normal priority
    #[arg(long)]
    urgent: bool,
}

pub(super) fn run(args: &Args) -> ! {
    let Args { memory_mib, seconds, urgent } = *args;
    let urgency = if urgent { Urgency::NothingAnswers } else { Urgency::Background };
    std::process::exit(serve_compiler(CompileLimits { memory_mib, seconds }, urgency).into())
}
