//! The page that the program serves: built by Node into `console/dist`, which is committed, so that building the program needs no
//! Node.
//!
//! `console/dist.sources` has the digest of every source and of every file that was built from them; a test here fails when
//! one differs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::command::{cargo, run as run_command, target_folder};
use crate::guests::{self, differing};

const FOLDER: &str = "console";

/// What `sha256sum` prints for what the page is built from and for what was built.
const LIST: &str = "console/dist.sources";

/// What the page is built from, and what comes of it: files, and folders with everything in them.
const LISTED: [&str; 8] = [
    "console/build.js",
    "console/dist",
    "console/package-lock.json",
    "console/package.json",
    "console/src",
    "console/tsconfig.json",
    "console/types.js",
    "docs/reference/openapi.json",
];

/// What `cargo xtask console` takes.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Also take the picture in the README, of a demo, in Chromium
    #[arg(long)]
    screenshot: bool,
}

/// Builds the page from its sources.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { screenshot } = args;
    install(root)?;
    build(root)?;
    fs::write(root.join(LIST), list(root)?).with_context(|| format!("failed to write {LIST}"))?;
    if *screenshot {
        take_picture(root, &program(root)?)?;
    }
    Ok(())
}

/// Takes the README's picture of the page, as this program serves it over the demo.
pub(crate) fn take_picture(root: &Path, program: &Path) -> Result<()> {
    install(root)?;
    run_command(node(root).args(["build.js", "tests"]))?;
    run_command(node(root).arg("build/tests/screenshot.mjs").arg(program).arg(root.join("docs/console.png")))
}

/// The step of `cargo xtask test`: what is committed was built from these sources, they are well typed, and the page works in Chromium.
pub(crate) fn test(root: &Path) -> Result<()> {
    verify(root)?;
    install(root)?;
    build(root)?;
    verify(root).context("the same sources gave another page")?;
    // The tests push a policy that fails. Seconds when it is there, and `--only` works on a fresh clone.
    guests::build(root)?;
    let program = program(root)?;
    run_command(npm_command(root, &["test"]).env("NETMARKS", program))
}

/// Writes the types of the API's answers, checks the page by them, and bundles it.
fn build(root: &Path) -> Result<()> {
    ["types", "check", "build"].iter().try_for_each(|script| npm(root, &["run", script]))
}

/// Fails when the committed page was built from other sources than those at hand.
fn verify(root: &Path) -> Result<()> {
    let listed = fs::read_to_string(root.join(LIST)).with_context(|| format!("failed to read {LIST}"))?;
    let present = list(root)?;
    let differing = differing(&listed, &present);
    ensure!(
        differing.is_empty(),
        "console/dist was built from other sources than those at hand ({}): run `cargo xtask console`",
        differing.join(", ")
    );
    Ok(())
}

/// One line per file, `DIGEST  PATH`, sorted by path.
fn list(root: &Path) -> Result<String> {
    let mut files = Vec::new();
    for path in LISTED {
        collect(root, Path::new(path), &mut files)?;
    }
    files.sort();
    files.iter().try_fold(String::new(), |mut lines, file| {
        let content =
            fs::read(root.join(file)).with_context(|| format!("failed to read {}", file.display()))?;
        let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        lines += &format!("{digest}  {}\n", file.display());
        Ok(lines)
    })
}

fn collect(root: &Path, path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let whole = root.join(path);
    if !whole.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(&whole).with_context(|| format!("failed to read {}", whole.display()))?;
    for entry in entries {
        collect(root, &path.join(entry.context("failed to read a folder")?.file_name()), files)?;
    }
    Ok(())
}

/// The packages that the lock file names, when they are not there yet.
fn install(root: &Path) -> Result<()> {
    let folder = root.join(FOLDER);
    let (lock, installed) =
        (folder.join("package-lock.json"), folder.join("node_modules/.package-lock.json"));
    let modified = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    if modified(&installed) >= modified(&lock) {
        return Ok(());
    }
    npm(root, &["ci", "--no-audit", "--no-fund", "--loglevel=error"])
}

fn npm(root: &Path, arguments: &[&str]) -> Result<()> {
    run_command(&mut npm_command(root, arguments))
}

fn npm_command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(root.join(FOLDER)).args(arguments);
    command
}

fn node(root: &Path) -> Command {
    let mut command = Command::new("node");
    command.current_dir(root.join(FOLDER));
    command
}

/// The program that serves the page, built as the tests build it.
fn program(root: &Path) -> Result<PathBuf> {
    run_command(cargo().current_dir(root).args(["test", "--workspace", "--no-run", "--quiet"]))?;
    Ok(target_folder()?.join("debug/netmarks"))
}

#[cfg(test)]
mod tests {
    use super::verify;
    use netmarks_test_tools::repository;

    #[test]
    fn the_committed_page_is_of_these_sources() {
        verify(&repository("")).unwrap();
    }
}
