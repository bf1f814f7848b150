//! Every dependency is there for a reason that docs/dependencies.md says.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Fails for a dependency without a reason, and for a reason without a dependency.
pub(crate) fn check(root: &Path) -> Result<()> {
    let read =
        |file: &str| fs::read_to_string(root.join(file)).with_context(|| format!("failed to read {file}"));
    let (manifest, document) = (read("Cargo.toml")?, read("docs/dependencies.md")?);
    let (there, explained) = (declared(&manifest), explained(&document));
    let differing: Vec<&&str> = there.iter().filter(|name| !explained.contains(name)).collect();
    ensure!(differing.is_empty(), "docs/dependencies.md does not say why there is {differing:?}");
    let differing: Vec<&&str> = explained.iter().filter(|name| !there.contains(name)).collect();
    ensure!(
        differing.is_empty(),
        "docs/dependencies.md explains {differing:?}, which Cargo.toml does not have"
    );
    Ok(())
}

/// The dependencies of the workspace that are not its own crates.
fn declared(manifest: &str) -> Vec<&str> {
    let section = manifest.split("\n[workspace.dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    names.filter(|name| !name.starts_with('#') && !name.starts_with("netmarks")).collect()
}

/// The crates in the first column of the table.
fn explained(document: &str) -> Vec<&str> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    rows.flat_map(|(names, _)| names.split(", ").map(|name| name.trim_matches('`'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_are_read() {
        let manifest = "[workspace]\n\n[workspace.dependencies]\nnetmarks-core = { path = \"x\" }\n# a = b\na = \"1\"\n\n[profile.dev]\nb = 1\n";
        assert_eq!(declared(manifest), ["a"]);
        assert_eq!(explained("| crate | why |\n|---|---|\n| `a`, `b` | both |\n"), ["a", "b"]);
    }
}
