//! `cargo xtask test`: every check there is, in the order in which they fail soonest.

use crate::command::{cargo, cargo_tool, run as run_command};
use crate::test_run::{self, Stage};
use crate::{
    bench, circles, console, dependencies, documents, fuzz, guests, image, manifests, picture, prerequisites,
    soak,
};
use anyhow::{Context as _, Result};
use netmarks_test_tools::{Binaries, MetricsStores, cert_manager, kubeadm};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const CARGO_DENY: &str = "0.20.2";

/// Workspaces of their own beside the root's.
const OTHER_WORKSPACES: [&str; 3] = ["guest", "tests/guests", "tests/fuzz"];

/// What `cargo xtask test` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which tests
    #[arg(value_enum, default_value = "all")]
    suite: Suite,
    /// Run only the steps of these names
    #[arg(long, value_name = "STEP", value_parser = step_names())]
    only: Vec<String>,
    /// Also look dependencies up in the RustSec advisory database, which is fetched from github.com
    #[arg(long)]
    advisories: bool,
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Path) -> Result<()>,
}

const STEPS: [Step; 17] = [
    Step { name: "format", what: "cargo fmt --check, in every workspace", run: format },
    Step { name: "circles", what: "no two files import each other", run: circles::check },
    Step { name: "picture", what: "the crates are as ARCHITECTURE.md draws them", run: picture::check },
    Step {
        name: "documents",
        what: "links, files and commands in documents are there, in plain words",
        run: |root| documents::check(root, <crate::Args as clap::CommandFactory>::command()),
    },
    Step {
        name: "unit",
        what: "tests that need nothing but themselves",
        run: |root| test_run::run(root, Stage::Unit),
    },
    Step {
        name: "prerequisites",
        what: "programs that the other steps call",
        run: |_| prerequisites::check(),
    },
    Step {
        name: "guests",
        what: "policies and fixtures compile to wasm, and the committed policies are of these sources",
        run: build_guests,
    },
    Step {
        name: "console",
        what: "the page is built from these sources, and works in Chromium",
        run: console::test,
    },
    Step { name: "integration", what: "tests with guests and Debian's programs", run: integration },
    Step { name: "clippy", what: "no warnings", run: clippy },
    Step {
        name: "bench",
        what: "every benchmark runs, with a tenth of the cluster in a development build; times are not judged",
        run: |root| bench::run(root, &bench::Args::trial()),
    },
    Step { name: "cluster", what: "programs of the test cluster are built", run: |_| cluster() },
    Step {
        name: "manifests",
        what: "deploy/kustomize is what the chart renders",
        run: |root| manifests::run(root, &manifests::Args { check: true }),
    },
    Step { name: "image", what: "the container image, without a container engine", run: build_image },
    Step { name: "end-to-end", what: "tests with a control plane, and of the image", run: end_to_end },
    Step { name: "documentation", what: "cargo doc without warnings", run: documentation },
    Step {
        name: "dependencies",
        what: "reasons, locks, licences, bans and sources of dependencies",
        run: deny,
    },
];

/// The step that only `cargo xtask test hostile` has.
const HOSTILE: [Step; 1] = [Step { name: "hostile", what: "hostile input", run: test_run::run_hostile }];

/// The steps that only `cargo xtask test nightly` has.
const NIGHTLY: [Step; 3] = [
    Step {
        name: "fuzz",
        what: "a minute of made-up input for everything that reads bytes from outside",
        run: |root| fuzz::run(root, &fuzz::Args::nightly()),
    },
    Step { name: "kills", what: "SIGKILL in the middle of hundreds of changes", run: kills },
    Step {
        name: "soak",
        what: "memory and descriptors in ten minutes of churn",
        run: |root| soak::run(root, &soak::Args { minutes: 10 }),
    },
];

/// The steps of `cargo xtask test unit`: what needs no program beside cargo.
const UNIT: [&str; 5] = ["format", "circles", "picture", "documents", "unit"];

/// The steps of `cargo xtask test hostile` and `nightly`, before their tests: what they read.
const BEFORE_HOSTILE: [&str; 3] = ["prerequisites", "guests", "cluster"];

/// Parts of the tests that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Suite {
    /// What needs no program beside cargo: seconds when everything is compiled
    Unit,
    /// Hostile input at every door: requests, policies, metrics, files, connections
    Hostile,
    /// What is too long for every change: minutes of fuzzing, hundreds of kills, a soak
    Nightly,
    /// Everything
    All,
}

impl Suite {
    fn has(self, step: &str) -> bool {
        match self {
            Self::Unit => UNIT.contains(&step),
            Self::Hostile | Self::Nightly => BEFORE_HOSTILE.contains(&step),
            Self::All => true,
        }
    }
}

fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs the steps and prints how long each took.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { suite, only, advisories } = args;
    let start = Instant::now();
    let mut done = Vec::new();
    let wanted = |step: &&Step| match only.as_slice() {
        [] => suite.has(step.name),
        only => only.iter().any(|name| name == step.name),
    };
    for step in STEPS.iter().filter(wanted) {
        timed(step, root, start, &mut done)?;
    }
    let more: &[Step] = match suite {
        Suite::Hostile if only.is_empty() => &HOSTILE,
        Suite::Nightly if only.is_empty() => &NIGHTLY,
        _ => &[],
    };
    for step in more {
        timed(step, root, start, &mut done)?;
    }
    if *advisories {
        let step =
            Step { name: "advisories", what: "no dependency has a known fault", run: check_advisories };
        timed(&step, root, start, &mut done)?;
    } else {
        println!("\nadvisories not looked up: that needs github.com; add --advisories");
    }
    println!("\nall checks passed in {:.0?}", start.elapsed());
    for (name, seconds) in done {
        println!("  {name:<14} {seconds:>7.1} s");
    }
    Ok(())
}

fn timed(step: &Step, root: &Path, begun: Instant, done: &mut Vec<(&'static str, f64)>) -> Result<()> {
    let Step { name, what, run } = step;
    let elapsed = begun.elapsed().as_secs();
    println!("\n[{:>2}:{:02}] {name}: {what}", elapsed / 60, elapsed % 60);
    let start = Instant::now();
    run(root).with_context(|| {
        let flag = match *name {
            "advisories" => "--only prerequisites --advisories".to_owned(),
            "hostile" => "hostile".to_owned(),
            "fuzz" | "kills" | "soak" => "nightly".to_owned(),
            name => format!("--only {name}"),
        };
        format!(
            "step `{name}` failed after {:.1?}; to run it again: cargo xtask test {flag}",
            start.elapsed()
        )
    })?;
    done.push((*name, start.elapsed().as_secs_f64()));
    Ok(())
}

fn format(root: &Path) -> Result<()> {
    run_command(cargo().current_dir(root).args(["fmt", "--all", "--check"]))?;
    for workspace in OTHER_WORKSPACES.iter().map(|folder| root.join(folder)) {
        if workspace.join("Cargo.toml").is_file() {
            run_command(cargo().current_dir(workspace).args(["fmt", "--all", "--check"]))?;
        }
    }
    Ok(())
}

/// With every way to build the default policy, since the engine's tests compare them.
fn build_guests(root: &Path) -> Result<()> {
    guests::run(root, &guests::Args { cargo_component: true, ..guests::Args::default() })
}

fn cluster() -> Result<()> {
    netmarks_test_tools::definitions()?;
    Binaries::ensure(&|line| eprintln!("{line}"))?;
    MetricsStores::ensure(&|line| eprintln!("{line}"))?;
    kubeadm(&|line| eprintln!("{line}"))?;
    cert_manager(&|line| eprintln!("{line}")).map(drop)
}

fn build_image(root: &Path) -> Result<()> {
    image::run(root, &image::Args::default())
}

fn clippy(root: &Path) -> Result<()> {
    run_command(cargo().current_dir(root).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn integration(root: &Path) -> Result<()> {
    // The tests read what it makes. Seconds when it is there, and `--only` works on a fresh clone.
    build_guests(root)?;
    test_run::run(root, Stage::Integration)
}

fn end_to_end(root: &Path) -> Result<()> {
    build_guests(root)?;
    build_image(root)?;
    test_run::run(root, Stage::EndToEnd)
}

/// Several times as many as with every change, from another seed.
fn kills(root: &Path) -> Result<()> {
    let mut test = cargo();
    test.current_dir(root).args(["test", "--workspace", "--test", "tests", "--", "--nocapture", "killed::"]);
    run_command(test.env("NETMARKS_KILLS", "1000").env("NETMARKS_SEED", fastrand::u64(..).to_string()))
}

fn documentation(root: &Path) -> Result<()> {
    let mut command = cargo();
    command.current_dir(root).env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--no-deps", "--workspace"]);
    run_command(&mut command)
}

fn deny(root: &Path) -> Result<()> {
    dependencies::check(root)?;
    OTHER_WORKSPACES.iter().try_for_each(|workspace| lock_is_current(root, workspace))?;
    run_command(cargo_deny()?.current_dir(root).args(["check", "licenses", "bans", "sources"]))
}

/// Fails where a crate of ours has other dependencies than the lock of a workspace that uses it says: what is built there only now and then
/// would not build then.
fn lock_is_current(root: &Path, workspace: &str) -> Result<()> {
    let manifest = format!("{workspace}/Cargo.toml");
    let mut metadata = cargo();
    metadata.current_dir(root).args(["metadata", "--locked", "--format-version", "1"]);
    metadata.args(["--manifest-path", &manifest]).stdout(Stdio::null());
    run_command(&mut metadata).with_context(|| {
        format!(
            "{workspace}/Cargo.lock is not current: run `cargo update --workspace --manifest-path {manifest}`"
        )
    })
}

fn check_advisories(root: &Path) -> Result<()> {
    run_command(cargo_deny()?.current_dir(root).args(["check", "advisories"]))
}

fn cargo_deny() -> Result<Command> {
    Ok(Command::new(cargo_tool("cargo-deny", CARGO_DENY)?))
}
