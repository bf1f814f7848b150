//! Follows `docs/write-a-policy.md` to the letter: every `sh` block of a section, in order, in an empty folder.
//!
//! Programs come from `target/guests/tools`, where `cargo xtask guests` puts those of the versions that the document
//! names; blocks that install them (`sh install`) are not run, but must name the same versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A fenced block: what is behind its fence, and its text.
struct Block {
    kind: String,
    text: String,
}

/// The fenced blocks of the section with this heading.
fn blocks(document: &str, heading: &str) -> Result<Vec<Block>> {
    let start =
        document.find(&format!("\n## {heading}\n")).with_context(|| format!("no section {heading}"))?;
    let mut lines = document[start + 1..].lines().skip(1).take_while(|line| !line.starts_with("## "));
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { kind: kind.to_owned(), text: text.join("\n") });
        }
    }
    Ok(blocks)
}

/// Whether `printed` is as stated, where a line `...` stands for any lines.
fn is_as_stated(stated: &str, printed: &str) -> bool {
    let mut rest: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let mut anywhere = false;
    for line in stated.lines() {
        if line == "..." {
            anywhere = true;
            continue;
        }
        let found = rest.iter().position(|there| *there == line);
        match found {
            Some(position) if anywhere || position == 0 => drop(rest.drain(..=position)),
            _ => return false,
        }
        anywhere = false;
    }
    anywhere || rest.is_empty()
}

/// Runs a section's commands and compares what is stated.
fn follow(heading: &str) -> Result<()> {
    let document = std::fs::read_to_string(root().join("docs/write-a-policy.md"))?;
    let tools = root().join("target/guests/tools").canonicalize();
    let tools = tools.context("no tools; `cargo xtask test --only guests` gets them")?;
    let program = Path::new(env!("CARGO_BIN_EXE_netmarks")).parent().context("no folder")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [tools.clone(), program.to_owned()].into_iter().chain(std::env::split_paths(&path));
    let folder = tempfile::tempdir()?;
    let mut run = 0;
    // One script for all, since later blocks go on where earlier ones changed to.
    let mut script = "set -e\n".to_owned();
    let blocks = blocks(&document, heading)?;
    for block in blocks.iter().filter(|block| block.kind == "sh") {
        script += &format!("{}\nprintf '\\n-- end of block --\\n'\n", block.text);
        run += 1;
    }
    ensure!(run >= 2, "section {heading} has {run} blocks to run: were they renamed?");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
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
fn the_versions_to_install_are_those_that_the_tests_use() -> Result<()> {
    let versions = std::fs::read_to_string(root().join("target/guests/tools/versions"))
        .context("no tools; `cargo xtask test --only guests` gets them")?;
    let read = |path: &str| std::fs::read_to_string(root().join(path));
    let document = read("docs/write-a-policy.md")?;
    let templates = [
        read("policies/templates/c/README.md")?,
        read("policies/templates/js/package.json")?,
        read("policies/templates/python/requirements.txt")?,
    ];
    for (name, written, texts) in [
        ("componentize-py", "componentize-py==", vec![&document, &templates[2]]),
        ("wit-bindgen-cli", "wit-bindgen-cli@", vec![&document, &templates[0]]),
        ("componentize-qjs", "\"componentize-qjs\": \"", vec![&templates[1]]),
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

#[test]
fn what_is_printed_is_compared_with_what_is_stated() {
    let printed = "one\ntwo\nthree\n";
    for stated in ["one\ntwo\nthree", "...\nthree", "one\n...", "one\n...\nthree", "...", "...\ntwo\n..."] {
        assert!(is_as_stated(stated, printed), "{stated}");
    }
    for stated in ["one\nthree", "two\n...", "one\ntwo", "...\nfour", "one\n...\ntwo"] {
        assert!(!is_as_stated(stated, printed), "{stated}");
    }
}
