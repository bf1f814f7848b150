//! `cargo xtask fuzz`: bytes from outside, made up by libFuzzer, go through the code that reads them.
//!
//! The targets are `tests/fuzz/targets`. They are built by the pinned toolchain with the coverage that LLVM has itself
//! (`tests/fuzz/coverage.sh`), so nothing but a C++ compiler is needed. Dependencies are compiled once, into the user's cache
//! folder. Inputs that reach something new stay in the clone's target folder from run to run; those in `tests/fuzz/corpus` are where
//! every run begins.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use netmarks_test_tools::cache_folder;

use crate::command::{cargo, output, run as run_command, target_folder};
use crate::shared_target;

/// How long a target runs where nothing is said.
const SECONDS: u64 = 60;

/// Names in the largest body of a request.
const NAMES: u32 = 5_000;

/// What `cargo xtask fuzz` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which targets, by their file's name in tests/fuzz/targets; all of them unless named
    targets: Vec<String>,
    /// How long each runs at most; 60 unless --executions says when it is done
    #[arg(long)]
    seconds: Option<u64>,
    /// How many executions each runs, however long they take; with --seconds, whichever comes first
    // libFuzzer's own number has 32 bits, and below one it has another meaning.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    executions: Option<u32>,
}

impl Args {
    /// All targets, each for as long as a night has.
    pub(crate) fn nightly() -> Self {
        Self { targets: Vec::new(), seconds: None, executions: None }
    }

    /// When a target is done, as libFuzzer is told.
    fn limits(&self) -> Vec<String> {
        let Self { targets: _, seconds, executions } = self;
        let seconds = seconds.or_else(|| executions.is_none().then_some(SECONDS));
        let executions = executions.map(|count| format!("-runs={count}"));
        executions.into_iter().chain(seconds.map(|seconds| format!("-max_total_time={seconds}"))).collect()
    }
}

/// What one target did.
struct Outcome {
    target: String,
    executions: u64,
    seconds: u64,
    /// The input that failed, if one did.
    found: Option<PathBuf>,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let (targets, limits) = (&args.targets, args.limits());
    let all = known_targets(root)?;
    if let Some(unknown) = targets.iter().find(|target| !all.contains(target)) {
        bail!("no target `{unknown}`: there are {}", all.join(", "));
    }
    let chosen = if targets.is_empty() { &all } else { targets };
    let folder = target_folder()?.join("fuzz");
    let programs = build(root, &folder)?;
    let mut outcomes = Vec::new();
    for target in chosen {
        eprintln!("{target}: {}", limits.join(" "));
        outcomes.push(fuzz(root, &folder, &programs, target, &limits)?);
    }
    println!("{:<14}  {:>12}  {:>8}  FOUND", "TARGET", "EXECUTIONS", "SECONDS");
    for Outcome { target, executions, seconds, found } in &outcomes {
        let found = found.as_ref().map_or("-".to_owned(), |file| file.display().to_string());
        println!("{target:<14}  {executions:>12}  {seconds:>8}  {found}");
    }
    let sum = |value: fn(&Outcome) -> u64| outcomes.iter().map(value).sum::<u64>();
    let (executions, seconds) = (sum(|outcome| outcome.executions), sum(|outcome| outcome.seconds));
    println!("{:<14}  {executions:>12}  {seconds:>8}", "all");
    if outcomes.iter().any(|outcome| outcome.found.is_some()) {
        bail!("inputs were found that fail: make each a test, then mend what it shows");
    }
    Ok(())
}

fn known_targets(root: &Path) -> Result<Vec<String>> {
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

/// Builds all targets into the user's cache folder and copies their programs to `folder`; returns where they are.
fn build(root: &Path, folder: &Path) -> Result<PathBuf> {
    let version = output(cargo().args(["-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("cargo does not say which machine it is for")?;
    let shared = cache_folder()?.join("fuzz-target");
    fs::create_dir_all(&shared).with_context(|| format!("failed to create {}", shared.display()))?;
    // Until the programs are copied: another clone may want to build its own.
    let lock =
        File::create(shared.join("fuzz.lock")).context("failed to create a lock in the cache folder")?;
    lock.lock().context("failed to wait for another build of the fuzz targets")?;
    // With a target named, cargo says it of our crates alone and not of what runs while compiling.
    let cargo_for = |command: &str| {
        let mut cargo = cargo();
        cargo.current_dir(root).args([command, "--release", "--manifest-path", "tests/fuzz/Cargo.toml"]);
        cargo.args(["--locked", "--target", host, "--target-dir"]).arg(&shared);
        cargo
    };
    let read =
        |path: &str| fs::read_to_string(root.join(path)).with_context(|| format!("failed to read {path}"));
    let identity = format!("{}\n{}", root.display(), read("tests/fuzz/coverage.sh")?);
    shared_target::forget_others(&identity, &shared.join("clone"), || {
        let lock = read("tests/fuzz/Cargo.lock")?;
        let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        let ours = names.filter(|name| name.starts_with("netmarks"));
        run_command(cargo_for("clean").arg("--quiet").args(ours.flat_map(|name| ["--package", name])))
    })?;
    run_command(
        cargo_for("build").env_remove("RUSTFLAGS").env("RUSTC_WRAPPER", root.join("tests/fuzz/coverage.sh")),
    )?;
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).with_context(|| format!("failed to create {}", programs.display()))?;
    for target in known_targets(root)? {
        let built = shared.join(host).join("release").join(&target);
        fs::copy(&built, programs.join(&target))
            .with_context(|| format!("failed to copy {}", built.display()))?;
    }
    Ok(programs)
}

/// The longest input in bytes.
fn longest(target: &str) -> u32 {
    match target {
        // With room around the body that `write_largest` makes.
        "request" => 256 * 1024,
        _ => 64 * 1024,
    }
}

/// Puts a body with the names of a large cluster among the inputs that a run begins with. It is made of a small one: the repository
/// has no large files, and libFuzzer would not make up one so long.
fn write_largest(root: &Path, corpus: &Path) -> Result<()> {
    let path = root.join("tests/fuzz/corpus/request/request-cronjob.json");
    let small = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let key = "\"NodeNames\":[";
    let (head, _) = small.split_once(key).with_context(|| format!("no names in {}", path.display()))?;
    // As long as those of a cloud: 21 bytes with what is around them.
    let names: Vec<String> = (0..NAMES).map(|node| format!("\"worker-{node:06}.zone\"")).collect();
    let path = corpus.join("largest.json");
    fs::write(&path, format!("{head}{key}{}]}}", names.join(",")))
        .with_context(|| format!("failed to write {}", path.display()))
}

fn fuzz(root: &Path, folder: &Path, programs: &Path, target: &str, limits: &[String]) -> Result<Outcome> {
    let corpus = folder.join("corpus").join(target);
    let found = folder.join("found").join(target);
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    }
    if target == "request" {
        write_largest(root, &corpus)?;
    }
    let log = folder.join(format!("{target}.log"));
    let file = File::create(&log).with_context(|| format!("failed to write {}", log.display()))?;
    let begun = Instant::now();
    // Whatever else the machine does comes first.
    // A connection that the other side has closed is an error there as in our program, not the end.
    let status = Command::new("sh")
        .args(["-c", "trap '' PIPE; exec nice -n 10 \"$@\"", "sh"])
        .arg(programs.join(target))
        .arg(&corpus)
        .arg(root.join("tests/fuzz/corpus").join(target))
        .args(limits)
        .args([format!("-max_len={}", longest(target)), format!("-artifact_prefix={}/", found.display())])
        .args(["-timeout=30", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .stdout(Stdio::null())
        .stderr(file)
        .status()
        .with_context(|| format!("failed to run {target}"))?;
    let seconds = begun.elapsed().as_secs();
    let said = fs::read(&log).with_context(|| format!("failed to read {}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    let number = |line: &str| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok();
    let executions = said.lines().find_map(number).unwrap_or(0);
    let mut outcome = Outcome { target: target.to_owned(), executions, seconds, found: None };
    if !status.success() {
        let input = said.lines().find_map(|line| line.split("Test unit written to ").nth(1));
        let Some(input) = input else { bail!("{target} ended with {status}: see {}", log.display()) };
        outcome.found = Some(input.into());
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_done_after_a_minute_unless_something_else_is_said() {
        let limits = |seconds, executions| Args { targets: Vec::new(), seconds, executions }.limits();
        assert_eq!(limits(None, None), ["-max_total_time=60"]);
        assert_eq!(limits(Some(5), None), ["-max_total_time=5"]);
        assert_eq!(limits(None, Some(10_000_000)), ["-runs=10000000"]);
        assert_eq!(limits(Some(5), Some(7)), ["-runs=7", "-max_total_time=5"]);
    }

    #[test]
    fn the_largest_input_is_a_body_and_fits() {
        let corpus = std::env::temp_dir().join(format!("netmarks-largest-{}", std::process::id()));
        fs::create_dir_all(&corpus).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        write_largest(root, &corpus).unwrap();
        let body = fs::read(corpus.join("largest.json")).unwrap();
        fs::remove_dir_all(&corpus).unwrap();
        assert!((100_000..longest("request") as usize).contains(&body.len()), "{}", body.len());
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["NodeNames"].as_array().unwrap().len(), NAMES as usize);
    }
}
