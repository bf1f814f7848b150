//! Builds all tests at once and runs their binaries stage by stage, so that what needs nothing fails first.
//!
//! The binaries are run by us and not by `cargo test` for two things: their order, and that the output of the tests that
//! failed is the last thing on the screen.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::command::{cargo, run as run_command};

/// What a test needs to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing but itself.
    Unit,
    /// Guests, and programs of Debian.
    Integration,
    /// The programs of the control plane, and the image.
    EndToEnd,
}

/// Packages whose integration tests need nothing.
const UNIT: [&str; 3] = ["netmarks-core", "netmarks-extender", "netmarks-files"];

/// Packages whose integration tests need the control plane or other programs that are built in Go.
const END_TO_END: [&str; 4] =
    ["netmarks-controller", "netmarks-sources", "netmarks-test-cluster", "netmarks-test-traffic"];

/// A binary of tests.
#[derive(Debug)]
struct Binary {
    /// As people call it: `netmarks-core (lib)`.
    name: String,
    stage: Stage,
    program: PathBuf,
    /// The folder of the package, in which its tests run.
    folder: PathBuf,
}

/// Part of the paths of tests that feed hostile input.
const HOSTILE: &str = "hostile";

/// Builds what is not built yet, and runs the tests of a stage: all of them, even after one fails, since a run takes minutes.
pub(crate) fn run(root: &Path, stage: Stage) -> Result<()> {
    let mut failures = Vec::new();
    for binary in build(root)?.iter().filter(|binary| binary.stage == stage) {
        println!("\n     Running {}", binary.name);
        failures.extend(binary.run(None)?);
    }
    if stage == Stage::Integration {
        run_command(cargo().current_dir(root).args(["test", "--workspace", "--doc", "--quiet"]))?;
    }
    none_of(&failures)
}

/// Runs the tests of every stage that feed hostile input: those whose path has the word.
pub(crate) fn run_hostile(root: &Path) -> Result<()> {
    let mut failures = Vec::new();
    for binary in build(root)?.iter().filter(|binary| binary.has_tests(HOSTILE)) {
        println!("\n     Running {}", binary.name);
        failures.extend(binary.run(Some(HOSTILE))?);
    }
    none_of(&failures)
}

fn none_of(failures: &[String]) -> Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    bail!("tests failed:\n\n{}", failures.join("\n"))
}

/// The whole workspace, whichever part runs: a part alone would have its dependencies compiled again with other features.
fn build(root: &Path) -> Result<Vec<Binary>> {
    let mut command = cargo();
    command.current_dir(root).args(["test", "--workspace", "--no-run"]);
    command.args(["--message-format", "json-render-diagnostics"]).stdout(Stdio::piped());
    let mut child = command.spawn().context("failed to start cargo")?;
    let messages = BufReader::new(child.stdout.take().context("cargo has no output")?);
    let mut binaries = Vec::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(&line.context("failed to read what cargo prints")?)
            .context("cargo printed no JSON")?;
        binaries.extend(Binary::of(&message));
    }
    if !child.wait().context("failed to wait for cargo")?.success() {
        bail!("the tests do not compile; see above");
    }
    binaries.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(binaries)
}

impl Binary {
    /// What a message of cargo says of a binary of tests.
    fn of(message: &Value) -> Option<Self> {
        let text = |path: &str| message.pointer(path).and_then(Value::as_str);
        let tests = message.pointer("/profile/test").and_then(Value::as_bool)?;
        let program = PathBuf::from(text("/executable")?);
        let manifest = Path::new(text("/manifest_path")?);
        let (kind, target) = (text("/target/kind/0")?, text("/target/name")?);
        let package = package(text("/package_id")?);
        let stage = match kind {
            "test" if target == "e2e" || END_TO_END.contains(&package) => Stage::EndToEnd,
            "test" if !UNIT.contains(&package) => Stage::Integration,
            "bench" => return None,
            _ => Stage::Unit,
        };
        let name = format!("{package} ({})", if kind == "test" { target } else { kind });
        tests.then(|| Some(Self { name, stage, program, folder: manifest.parent()?.to_owned() }))?
    }

    /// Whether a test's path has `part`.
    fn has_tests(&self, part: &str) -> bool {
        let listed = Command::new(&self.program).args([part, "--list"]).stderr(Stdio::null()).output();
        listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).contains(": test"))
    }

    /// Runs it, or its tests whose path has `part`, with its output on ours; returns what the tests that failed printed.
    fn run(&self, part: Option<&str>) -> Result<Option<String>> {
        let mut command = Command::new(&self.program);
        command.args(part);
        let failed = || format!("failed to run {}", self.program.display());
        let mut child =
            command.current_dir(&self.folder).stdout(Stdio::piped()).spawn().with_context(failed)?;
        let output = BufReader::new(child.stdout.take().with_context(failed)?);
        let (mut failures, mut failing) = (String::new(), false);
        for line in output.split(b'\n') {
            let line = line.with_context(failed)?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            failing = (failing || line == "failures:") && !line.starts_with("test result:");
            if failing {
                failures.push_str(&line);
                failures.push('\n');
            }
        }
        let status = child.wait().with_context(failed)?;
        if status.success() {
            return Ok(None);
        }
        let failures = failures.replace("failures:\n", "");
        Ok(Some(format!("== {}, {status}\n{}", self.name, failures.trim_end())))
    }
}

/// The name in a package's id, which is `path+file:///folder#name@version`, or without a name where the folder has it.
fn package(id: &str) -> &str {
    let (folder, rest) = id.rsplit_once('#').unwrap_or(("", id));
    match rest.split_once('@') {
        Some((name, _)) => name,
        None => folder.rsplit('/').next().unwrap_or(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stage(package: &str, kind: &str, target: &str) -> Option<Stage> {
        let message = json!({
            "package_id": format!("path+file:///host/x#{package}@0.1.0"), "manifest_path": "/host/x/Cargo.toml",
            "executable": "/target/x", "profile": {"test": true}, "target": {"kind": [kind], "name": target},
        });
        Binary::of(&message).map(|binary| binary.stage)
    }

    #[test]
    fn binaries_run_when_what_they_need_is_there() {
        assert_eq!(stage("netmarks-engine", "lib", "netmarks_engine"), Some(Stage::Unit));
        assert_eq!(stage("netmarks-core", "test", "tests"), Some(Stage::Unit));
        assert_eq!(stage("netmarks-engine", "test", "tests"), Some(Stage::Integration));
        assert_eq!(stage("netmarks", "test", "tests"), Some(Stage::Integration));
        assert_eq!(stage("netmarks", "test", "e2e"), Some(Stage::EndToEnd));
        assert_eq!(stage("netmarks-controller", "test", "tests"), Some(Stage::EndToEnd));
        assert_eq!(stage("netmarks", "bench", "targets"), None);
    }

    #[test]
    fn what_is_no_binary_of_tests_is_left_out() {
        assert!(Binary::of(&json!({"reason": "build-finished", "success": true})).is_none());
        assert_eq!(package("path+file:///clone/xtask#0.1.0"), "xtask");
        assert_eq!(package("path+file:///clone/host/core#netmarks-core@0.1.0"), "netmarks-core");
    }
}
