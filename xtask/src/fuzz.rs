//! `cargo xtask fuzz`: bytes from outside, made up by libFuzzer, go through the code that reads them.
//!
//! The targets are `tests/fuzz/targets`. They are built by the pinned toolchain with the coverage that LLVM has itself, so nothing
//! but a C++ compiler is needed. Inputs that reach something new stay in the target folder from run to run; those in `tests/fuzz/corpus`
//! are where every run begins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::command::{cargo, output, run as run_command, target_folder};

/// Makes LLVM count edges and compare operands, as `cargo fuzz` without a sanitizer does.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                        -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// What `cargo xtask fuzz` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which targets, by their file's name in tests/fuzz/targets; all of them unless named
    targets: Vec<String>,
    /// How long each runs
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// What one target did.
struct Outcome {
    target: String,
    executions: u64,
    /// The input that failed, if one did.
    found: Option<PathBuf>,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let all = targets(root)?;
    if let Some(unknown) = args.targets.iter().find(|target| !all.contains(target)) {
        bail!("no target `{unknown}`: there are {}", all.join(", "));
    }
    let chosen = if args.targets.is_empty() { &all } else { &args.targets };
    let folder = target_folder()?.join("fuzz");
    let programs = build(root, &folder)?;
    let mut outcomes = Vec::new();
    for target in chosen {
        eprintln!("{target}: {} s", args.seconds);
        outcomes.push(fuzz(root, &folder, &programs, target, args.seconds)?);
    }
    println!("{:<14}  {:>12}  FOUND", "TARGET", "EXECUTIONS");
    for Outcome { target, executions, found } in &outcomes {
        let found = found.as_ref().map_or("-".to_owned(), |file| file.display().to_string());
        println!("{target:<14}  {executions:>12}  {found}");
    }
    println!("{:<14}  {:>12}", "all", outcomes.iter().map(|outcome| outcome.executions).sum::<u64>());
    if outcomes.iter().any(|outcome| outcome.found.is_some()) {
        bail!("inputs were found that fail: make each a test, then mend what it shows");
    }
    Ok(())
}

fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("tests/fuzz/targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds all targets; returns the folder of their programs.
fn build(root: &Path, folder: &Path) -> Result<PathBuf> {
    let version = output(cargo().args(["-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("cargo does not say which machine it is for")?;
    let mut build = cargo();
    // With a target named, build scripts and macros are compiled without these flags.
    build
        .current_dir(root)
        .args([
            "build",
            "--release",
            "--locked",
            "--manifest-path",
            "tests/fuzz/Cargo.toml",
            "--target",
            host,
        ])
        .arg("--target-dir")
        .arg(folder)
        .env("RUSTFLAGS", COVERAGE);
    run_command(&mut build)?;
    Ok(folder.join(host).join("release"))
}

fn fuzz(root: &Path, folder: &Path, programs: &Path, target: &str, seconds: u64) -> Result<Outcome> {
    let corpus = folder.join("corpus").join(target);
    let found = folder.join("found").join(target);
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    }
    let log = folder.join(format!("{target}.log"));
    let file = fs::File::create(&log).with_context(|| format!("failed to write {}", log.display()))?;
    let status = Command::new(programs.join(target))
        .arg(&corpus)
        .arg(root.join("tests/fuzz/corpus").join(target))
        .args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", found.display())])
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-max_len=65536"])
        .stdout(Stdio::null())
        .stderr(file)
        .status()
        .with_context(|| format!("failed to run {target}"))?;
    let said = fs::read_to_string(&log).with_context(|| format!("failed to read {}", log.display()))?;
    let number = |line: &str| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok();
    let executions = said.lines().find_map(number).unwrap_or(0);
    if !status.success() {
        let input = said.lines().find_map(|line| line.split("Test unit written to ").nth(1));
        let Some(input) = input else { bail!("{target} ended with {status}: see {}", log.display()) };
        return Ok(Outcome { target: target.to_owned(), executions, found: Some(input.into()) });
    }
    Ok(Outcome { target: target.to_owned(), executions, found: None })
}
