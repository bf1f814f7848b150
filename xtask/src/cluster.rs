//! `cargo xtask cluster`: the control plane of the tests, for people to try things on.

use anyhow::{Context as _, Result};
use netmarks_test_tools::{Binaries, claim_path};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::process::Command;

use crate::command::{cargo, run as run_command, target_folder};

/// What to do with the cluster.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    /// Build what is missing (minutes, once), start everything and run until Ctrl-C
    Up {
        /// Passed on: --nodes, --zones, --extender, --weight; `up -- --help` explains them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
        options: Vec<String>,
    },
    /// Stop the cluster that runs in another terminal
    Down,
    /// Only build what is missing
    Build,
}

pub(crate) fn run(root: &Path, action: Action) -> Result<()> {
    match action {
        Action::Up { options } => up(root, &options),
        Action::Down => down(),
        Action::Build => Binaries::ensure(&|line| eprintln!("{line}")).map(drop),
    }
}

fn up(root: &Path, options: &[String]) -> Result<()> {
    let program = "netmarks-test-cluster";
    let mut build = cargo();
    // The whole workspace: with `--package`, dependencies would be compiled again with other features.
    build.current_dir(root).args(["build", "--workspace", "--bin", program]);
    run_command(&mut build)?;
    run_command(Command::new(target_folder()?.join("debug").join(program)).args(options))
}

fn down() -> Result<()> {
    let path = claim_path()?;
    let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    let file = file.with_context(|| format!("failed to open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {
            println!("no cluster runs");
            return Ok(());
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("failed to lock {}", path.display()));
        }
    }
    let process =
        std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    // The lock says that this process is alive, so the number is not somebody else's by now.
    run_command(Command::new("kill").args(["-TERM", process.trim()]))?;
    file.lock().context("failed to wait for the cluster to stop")?;
    println!("stopped");
    Ok(())
}
