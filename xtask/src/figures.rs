//! `cargo xtask figures`: measures the policies and writes what came of it into their READMEs, and takes the picture of the console.
//!
//! The benchmarks ask whether the host meets its targets; these figures are for whoever chooses a policy.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{cargo, output, run as run_command, target_folder};
use crate::console;
use crate::guests::{self, POLICIES};
use crate::marked::{END, replaced};

/// What stands around the figures in a README.
const START: &str = "<!-- written by `cargo xtask figures` -->\n";

/// What `cargo xtask figures` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// With a development build: sooner there, and several times slower, which the figures then say
    #[arg(long)]
    dev: bool,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { dev } = args;
    let mut build = cargo();
    // The whole workspace: with `--package`, wasmtime would be compiled again with other features.
    build.current_dir(root).args(["build", "--workspace", "--bin", "netmarks"]);
    if !*dev {
        build.arg("--release");
    }
    run_command(&mut build)?;
    guests::build_examples(root)?;
    let program = target_folder()?.join(if *dev { "debug" } else { "release" }).join("netmarks");
    for (component, readme) in measured(root)? {
        let mut command = Command::new(&program);
        command.current_dir(root).args(["policy", "test", "--bench"]).arg(component);
        let printed = output(&mut command)?;
        // Last, after an empty line.
        let (_, figures) = printed.trim_end().rsplit_once("\n\n").context("it printed no figures")?;
        let readme = root.join(readme);
        let text =
            fs::read_to_string(&readme).with_context(|| format!("failed to read {}", readme.display()))?;
        let text = replaced(&text, START, &block(figures))
            .with_context(|| format!("{} has no `{}` and `{END}`", readme.display(), START.trim_end()))?;
        fs::write(&readme, text).with_context(|| format!("failed to write {}", readme.display()))?;
    }
    console::take_picture(root, &program)
}

/// The components to measure and the texts about them: the committed policies, and the examples in other languages.
fn measured(root: &Path) -> Result<Vec<(String, String)>> {
    let committed = POLICIES
        .iter()
        .map(|policy| (format!("policies/{policy}.wasm"), format!("guest/{policy}/README.md")));
    let examples = guests::examples(root)?.into_iter().map(|example| {
        (format!("target/guests/{example}.wasm"), format!("{}/{example}/README.md", guests::EXAMPLES))
    });
    Ok(committed.chain(examples).collect())
}

/// As a block of code.
fn block(figures: &str) -> String {
    figures.lines().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::{START, measured};

    #[test]
    fn every_policy_has_figures() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (component, readme) in measured(&root).unwrap() {
            let readme = std::fs::read_to_string(root.join(readme)).unwrap();
            assert!(readme.contains(START) && readme.contains("P50"), "{component}");
        }
    }
}
