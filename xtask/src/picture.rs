//! The picture of the crates in ARCHITECTURE.md is what the `Cargo.toml`s say.
//!
//! Drawn are the arrows that do not follow from others: where A imports B and B imports C, an arrow from A to C would say
//! nothing new.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::command::{cargo, output};

type Arrows = BTreeSet<(String, String)>;

/// Fails if the picture has an arrow too many or too few, and says which.
pub(crate) fn check(root: &Path) -> Result<()> {
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).context("failed to read ARCHITECTURE.md")?;
    let drawn = drawn(&text).context("ARCHITECTURE.md has no block `mermaid` under `## Rooms`")?;
    let metadata =
        output(cargo().current_dir(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let there = reduced(&imports(&metadata));
    let list = |arrows: Vec<&(String, String)>| {
        arrows.iter().map(|(from, to)| format!("\n    {from} --> {to}")).collect::<String>()
    };
    let (missing, wrong) =
        (list(there.difference(&drawn).collect()), list(drawn.difference(&there).collect()));
    ensure!(
        missing.is_empty() && wrong.is_empty(),
        "the picture of the crates in ARCHITECTURE.md differs from the Cargo.tomls\n  not drawn:{missing}\n  drawn, but not there:{wrong}"
    );
    Ok(())
}

/// The arrows of the first picture under `## Rooms`.
fn drawn(text: &str) -> Option<Arrows> {
    let (_, section) = text.split_once("\n## Rooms\n")?;
    let (_, picture) = section.split_once("```mermaid\n")?;
    let (picture, _) = picture.split_once("```")?;
    let arrow = |line: &str| {
        let (from, to) = line.trim().split_once(" --> ")?;
        Some((from.to_owned(), to.to_owned()))
    };
    Some(picture.lines().filter_map(arrow).collect())
}

/// What each crate of `host/` imports of the others, by the names of their folders; not what its tests import.
fn imports(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    let packages = list(metadata, "packages");
    for package in &packages {
        let manifest = text(package, "manifest_path").unwrap_or_default();
        let folder = Path::new(&manifest).parent();
        let inside = folder.and_then(Path::parent).is_some_and(|parent| parent.ends_with("host"));
        let folder = folder.and_then(Path::file_name).and_then(|name| name.to_str()).filter(|_| inside);
        if let (Some(name), Some(folder)) = (text(package, "name"), folder) {
            folders.insert(name, folder.to_owned());
        }
    }
    let mut imports = BTreeMap::new();
    for package in &packages {
        let Some(folder) = text(package, "name").and_then(|name| folders.get(&name)) else { continue };
        let normal =
            list(package, "dependencies").into_iter().filter(|dependency| text(dependency, "kind").is_none());
        let known = normal.filter_map(|dependency| folders.get(&text(&dependency, "name")?).cloned());
        imports.insert(folder.clone(), known.collect());
    }
    imports
}

/// The arrows that do not follow from others.
fn reduced(imports: &BTreeMap<String, BTreeSet<String>>) -> Arrows {
    let mut arrows = Arrows::new();
    for (from, targets) in imports {
        for to in targets {
            let around = targets.iter().any(|other| other != to && reaches(imports, other, to));
            if !around {
                arrows.insert((from.clone(), to.clone()));
            }
        }
    }
    arrows
}

fn reaches(imports: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    imports
        .get(from)
        .is_some_and(|next| next.contains(to) || next.iter().any(|next| reaches(imports, next, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_that_follows_from_others_is_not_drawn() {
        let import =
            |from: &str, to: &[&str]| (from.to_owned(), to.iter().map(|to| (*to).to_owned()).collect());
        let all = BTreeMap::from([import("a", &["b", "c"]), import("b", &["c"]), import("c", &[])]);
        let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(reduced(&all), Arrows::from([arrow("a", "b"), arrow("b", "c")]));
        let text = "\n## Rooms\n\n```mermaid\ngraph TD\n    a --> b\n    b --> c\n```\n";
        assert_eq!(drawn(text), Some(reduced(&all)));
    }
}
