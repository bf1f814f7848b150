//! What documents name is there: links, anchors, files, `cargo xtask` commands; and they are written in plain words.
//!
//! Commands of `netmarks` and keys of the configuration are held by tests of that crate, which knows them.

mod links;
mod wording;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use netmarks_test_tools::command_lines::{command_lines, mistake};
use netmarks_test_tools::markdown::{Markdown, files};

use crate::bench;

/// Fails if a document names what is not there or a text has a word of the list, and says where.
pub(crate) fn check(root: &Path, mut xtask: clap::Command) -> Result<()> {
    xtask.build();
    let documents = documents(root)?;
    let mut found = links::broken(root, &documents);
    found.extend(unlisted(&documents));
    found.extend(bench::stale(root)?);
    for (path, document) in &documents {
        // A semicolon ends a statement, and what follows is a syntax error in place of the drawing.
        for line in document.drawings.iter().filter(|line| line.text.contains(';')) {
            found.push(format!("{}:{}: a drawing has a semicolon", path.display(), line.line));
        }
        for line in command_lines(document, "cargo xtask") {
            if let Some(mistake) = mistake(&xtask, &line.text) {
                found.push(format!("{}:{}: cargo xtask {}: {mistake}", path.display(), line.line, line.text));
            }
        }
    }
    for path in files(root, &[".md", ".rs", ".wit"])? {
        let text = read(&path)?;
        let path = path.strip_prefix(root).unwrap_or(&path);
        found.extend(wording::found(path, &text));
    }
    ensure!(found.is_empty(), "documents have to be mended:\n{}", found.join("\n"));
    Ok(())
}

/// Every document, by its path from the root.
fn documents(root: &Path) -> Result<Vec<(PathBuf, Markdown)>> {
    let paths = files(root, &[".md"])?.into_iter();
    let of = |path: PathBuf| {
        let document = Markdown::of(&read(&path)?);
        Ok((path.strip_prefix(root).map(Path::to_owned).unwrap_or(path), document))
    };
    paths.map(of).collect()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

/// Documents in `docs` that its index does not have.
fn unlisted(documents: &[(PathBuf, Markdown)]) -> Vec<String> {
    let index = Path::new("docs/README.md");
    let listed: Vec<&str> = documents
        .iter()
        .filter(|(path, _)| path == index)
        .flat_map(|(_, document)| document.links.iter().map(|link| link.text.as_str()))
        .collect();
    let below = documents.iter().filter_map(|(path, _)| path.strip_prefix("docs").ok()?.to_str());
    below
        .filter(|path| *path != "README.md" && !listed.contains(path))
        .map(|path| format!("docs/README.md does not list {path}"))
        .collect()
}
