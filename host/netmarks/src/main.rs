//! `netmarks`: parses the command line, runs the command, and turns its result into an exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use netmarks::cli::{Cli, exit_code, print_error};

fn main() -> ExitCode {
    // One provider for every TLS stack in the process; an error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough, as `head` after a pipe does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::from(exit_code(&error) as u8)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
