//! Running other programs: their output goes to ours, and a failure says what was run.

use anyhow::{Context as _, Result, bail};
use netmarks_test_tools::cached;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The cargo that runs us, so that every step uses one toolchain.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    // What the cargo that runs us says of our own package. Build scripts of some dependencies watch these, and would compile
    // them again for every clone, and again for whoever calls cargo directly.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

/// The folder that cargo builds into, wherever that is: we are `debug/xtask` in it.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let ourselves = std::env::current_exe().context("failed to find this program")?;
    Ok(ourselves.ancestors().nth(2).context("this program is in no target folder")?.to_owned())
}

/// The path of a program that cargo installs: from the cache folder, built from source the first time.
pub(crate) fn cargo_tool(name: &str, version: &str) -> Result<PathBuf> {
    let folder = cached(&format!("{name}-{version}"), &|line| eprintln!("{line}"), |folder| {
        let mut install = cargo();
        install
            // Without optimisation: built in half the time, and fast enough for what it does here.
            .args(["install", "--locked", "--quiet", "--debug", "--version", version, name, "--root"])
            .arg(folder)
            // Cargo's own temporary folder, or hundreds of megabytes would stay in ours.
            .env_remove("CARGO_TARGET_DIR");
        run(&mut install)
    })?;
    Ok(folder.join("bin").join(name))
}

/// Runs it to its end and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to run {}", line(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs it to its end and returns what it printed, or fails unless it succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let result = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to run {}", line(command)))?;
    if !result.status.success() {
        bail!("`{}` ended with {}", line(command), result.status);
    }
    String::from_utf8(result.stdout)
        .with_context(|| format!("`{}` printed something not UTF-8", line(command)))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
