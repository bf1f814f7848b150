//! The hidden command by which `netmarks serve` compiles a policy: see `netmarks_engine::Compiler`.

use netmarks_engine::{CompileLimits, serve_compiler};

/// What it may use.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address space, MiB
    memory_mib: u32,
    /// CPU time, seconds
    seconds: u32,
}

pub(super) fn run(args: &Args) -> ! {
    let Args { memory_mib, seconds } = *args;
    std::process::exit(serve_compiler(CompileLimits { memory_mib, seconds }).into())
}
