//! Follows `docs/write-a-policy.md` to the letter: every `sh` block of a section, in order, in an empty folder.
//!
//! Programs come from `target/guests/tools`, where `cargo xtask guests` puts those of the versions that the document
//! names; blocks that install them (`sh install`) are not run, but must name the same versions.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use netmarks_test_cluster::documents::{blocks, is_as_stated};
use netmarks_test_cluster::process::{Program, isolated};
use netmarks_test_cluster::repository::policy_file;
use netmarks_test_cluster::{repository, until};

/// Longest wait for the demo.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// Sections run one after the other: their commands have the deadlines of an idle machine, and their compilers take all cores.
static TURN: Mutex<()> = Mutex::new(());

/// Runs a section's commands in an empty folder and compares what is stated.
fn follow(heading: &str) -> Result<()> {
    follow_in(tempfile::tempdir()?.path(), heading, &[])
}

fn follow_in(folder: &Path, heading: &str, environment: &[(&str, &str)]) -> Result<()> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let document = repository::read("docs/write-a-policy.md")?;
    let tools = repository("target/guests/tools").canonicalize();
    let tools = tools.context("no tools; `cargo xtask test --only guests` gets them")?;
    let program = Path::new(env!("CARGO_BIN_EXE_netmarks")).parent().context("no folder")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [tools.clone(), program.to_owned()].into_iter().chain(std::env::split_paths(&path));
    let mut run = 0;
    // One script for all, since later blocks go on where earlier ones changed to.
    let mut script = "set -e\n".to_owned();
    let blocks = blocks(&document, heading).with_context(|| format!("no section {heading}"))?;
    for block in blocks.iter().filter(|block| block.kind == "sh") {
        script += &format!("{}\nprintf '\\n-- end of block --\\n'\n", block.text);
        run += 1;
    }
    ensure!(run >= 2, "section {heading} has {run} blocks to run: were they renamed?");
    let output = isolated(&mut Command::new("sh"))
        .args(["-c", &script])
        .current_dir(folder)
        .envs(environment.iter().copied())
        .env("PATH", std::env::join_paths(folders)?)
        // What cargo compiles for all policies alike was compiled for the guests of this repository.
        .env("CARGO_BUILD_BUILD_DIR", tools.with_file_name("build"))
        .env("npm_config_prefer_offline", "true")
        .env_remove("CARGO_TARGET_DIR")
        .output()?;
    let printed = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "section {heading} failed: {}\n{printed}\n{errors}", output.status);
    let mut outputs = printed.split("\n-- end of block --\n");
    let mut last = "";
    let mut compared = 0;
    for block in &blocks {
        match block.kind.as_str() {
            "sh" => last = outputs.next().context("a block printed no end")?,
            "text" => {
                ensure!(is_as_stated(&block.text, last), "stated:\n{}\nprinted:\n{last}", block.text);
                compared += 1;
            }
            "sh install" => {}
            other => bail!("section {heading}: a block of kind `{other}`"),
        }
    }
    ensure!(compared > 0, "section {heading} states no output");
    Ok(())
}

#[test]
fn in_rust() -> Result<()> {
    follow("In Rust")
}

#[test]
fn in_javascript() -> Result<()> {
    follow("In JavaScript")
}

#[test]
fn in_python() -> Result<()> {
    follow("In Python")
}

#[test]
fn in_c() -> Result<()> {
    follow("In C")
}

#[test]
fn in_go() -> Result<()> {
    follow("In Go")
}

#[test]
fn into_an_extender() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let listen = ["demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"].map(str::to_owned);
    let program = Program::new("demo", env!("CARGO_BIN_EXE_netmarks"), listen.into(), folder.path());
    let log = program.log.clone();
    let mut demo = program.start()?;
    let admin = tokio::runtime::Runtime::new()?.block_on(until("the demo serves", LIMIT, async || {
        demo.check_alive()?;
        let log = std::fs::read_to_string(&log)?;
        let rest = log.split_once("netmarks policy list --server ").map(|(_, rest)| rest);
        Ok(rest.and_then(|rest| Some(rest.split_once('\n')?.0.to_owned())))
    }))?;
    // Any policy does: what its author made is the sections' above.
    std::fs::copy(policy_file("spread"), folder.path().join("near-peers.wasm"))?;
    follow_in(folder.path(), "Into an extender", &[("NETMARKS_ADMIN_SERVER", &admin)])
}

#[test]
fn the_versions_to_install_are_those_that_the_tests_use() -> Result<()> {
    let versions = repository::read("target/guests/tools/versions")
        .context("no tools; `cargo xtask test --only guests` gets them")?;
    let document = repository::read("docs/write-a-policy.md")?;
    let templates = [
        repository::read("policies/templates/c/README.md")?,
        repository::read("policies/templates/go/README.md")?,
        repository::read("policies/templates/js/package.json")?,
        repository::read("policies/templates/python/requirements.txt")?,
    ];
    for (name, written, texts) in [
        ("componentize-py", "componentize-py==", vec![&document, &templates[3]]),
        ("wit-bindgen-cli", "wit-bindgen-cli@", vec![&document, &templates[0], &templates[1]]),
        ("wasm-tools", "wasm-tools@", vec![&document, &templates[1]]),
        ("componentize-qjs", "\"componentize-qjs\": \"", vec![&templates[2]]),
    ] {
        let version = versions.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        let version = version.with_context(|| format!("no version of {name} in {versions}"))?;
        for text in texts {
            let found = text.split(written).nth(1).with_context(|| format!("no {written} in {text}"))?;
            let found: String =
                found.chars().take_while(|char| char.is_ascii_digit() || *char == '.').collect();
            assert_eq!(found, version, "{name}");
        }
    }
    Ok(())
}
