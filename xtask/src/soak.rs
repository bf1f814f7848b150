//! `cargo xtask soak`: the end-to-end test of the same name for as long as is asked, with its curve.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command::{cargo, run as run_command, target_folder};

/// What `cargo xtask soak` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long
    #[arg(long, default_value_t = 60)]
    pub(crate) minutes: u64,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { minutes } = args;
    let folder = target_folder()?.join("soak");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let mut test = cargo();
    test.current_dir(root).args(["test", "--workspace", "--test", "e2e", "--", "--nocapture", "soak::"]);
    test.env("NETMARKS_SOAK_SECONDS", (minutes * 60).to_string()).env("NETMARKS_SOAK_OUTPUT", &folder);
    run_command(&mut test)?;
    println!("{} and {}", folder.join("soak.csv").display(), folder.join("soak.svg").display());
    Ok(())
}
