//! Commands that somebody types in a clone of the repository, or in another folder.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// Runs `script` in `folder` with these variables; returns what it printed.
pub fn typed(script: &str, folder: &Path, variables: &[(&str, &str)]) -> Result<String> {
    let mut shell = Command::new("bash");
    shell.args(["-e", "-o", "pipefail", "-c", script]).current_dir(folder);
    // What cargo says of this test: some dependencies would be compiled again for it.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
            shell.env_remove(name);
        }
    }
    let output = shell.envs(variables.iter().copied()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{script}: {}\n{printed}\n{errors}", output.status);
    Ok(printed)
}
