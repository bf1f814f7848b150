//! No two files of a crate import each other, directly or in a ring: each can be read after what it imports.
//!
//! Reads `crate::` and `super::` paths as text, outside tests. A module's own file does not import its children by declaring
//! them or by handing on their names, and nothing imports a crate's root for what it hands on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// What a module imports: the other module, and the names taken.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// Fails if files of a crate below `root` import each other, and says which.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut found = Vec::new();
    for folder in ["host", "tests", "guest"] {
        for krate in subfolders(&root.join(folder))? {
            let source = krate.join("src");
            if source.is_dir() {
                let name = krate.strip_prefix(root).unwrap_or(&krate).display().to_string();
                found.extend(circles(&modules(&source)?).iter().map(|circle| format!("{name}:{circle}")));
            }
        }
    }
    ensure!(
        found.is_empty(),
        "files import each other; move what they share into a file below both:\n{}",
        found.join("\n")
    );
    Ok(())
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

/// The text of every module of a crate, by its path (`flow::book`), without tests.
fn modules(source: &Path) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    let mut folders = vec![(source.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("failed to list {}", folder.display()))? {
            let path = entry.with_context(|| format!("failed to list {}", folder.display()))?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                folders.push((path, format!("{prefix}{stem}::")));
            } else if path.extension().is_some_and(|ending| ending == "rs") && !stem.ends_with("tests") {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("failed to read {}", path.display()))?;
                let name = match stem.as_str() {
                    "lib" | "main" if prefix.is_empty() => continue,
                    "mod" => prefix.trim_end_matches("::").to_owned(),
                    _ => format!("{prefix}{stem}"),
                };
                let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
                texts.insert(name, text.to_owned());
            }
        }
    }
    Ok(texts)
}

/// One line for each circle, with what ties it.
fn circles(texts: &BTreeMap<String, String>) -> Vec<String> {
    let imports: BTreeMap<&str, Imports> =
        texts.iter().map(|(module, text)| (module.as_str(), imports(module, text, texts))).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|module| (*module, reachable(module, &imports))).collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|all| all.contains(to));
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut lines = Vec::new();
    for module in imports.keys() {
        if told.contains(module) || !reaches(module, module) {
            continue;
        }
        let circle: Vec<&str> = imports
            .keys()
            .copied()
            .filter(|other| reaches(module, other) && reaches(other, module))
            .collect();
        told.extend(&circle);
        let mut line = String::new();
        for member in &circle {
            let ties = imports.get(member).into_iter().flatten();
            for (other, names) in ties.filter(|(other, _)| circle.contains(&other.as_str())) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                line.push_str(&format!("\n  {member} takes {} from {other}", names.join(", ")));
            }
        }
        lines.push(line);
    }
    lines
}

fn reachable<'m>(module: &str, imports: &'m BTreeMap<&str, Imports>) -> BTreeSet<&'m str> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&str> =
        imports.get(module).into_iter().flatten().map(|(other, _)| other.as_str()).collect();
    while let Some(other) = next.pop() {
        if let Some((name, further)) = imports.get_key_value(other)
            && seen.insert(*name)
        {
            next.extend(further.keys().map(String::as_str));
        }
    }
    seen
}

/// The modules that `text` names by `crate::` or `super::`.
fn imports(module: &str, text: &str, texts: &BTreeMap<String, String>) -> Imports {
    let mut found = Imports::new();
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for (start, word) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let before = code.get(..start).unwrap_or_default();
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = code.get(start..).unwrap_or_default();
        let mut parents: Vec<&str> =
            if word == "crate::" { Vec::new() } else { module.split("::").collect() };
        let mut rest = rest.strip_prefix("crate::").unwrap_or(rest);
        while let Some(after) = rest.strip_prefix("super::") {
            parents.pop();
            rest = after;
        }
        for path in paths(rest) {
            let whole: Vec<&str> = parents.iter().copied().chain(path.split("::")).collect();
            // The longest part of the path that is a module; what follows is a name of it.
            let module_at = |end: usize| whole.get(..end).map(|path| path.join("::"));
            let known = |end: &usize| module_at(*end).is_some_and(|path| texts.contains_key(&path));
            let end = (1..=whole.len()).rev().find(known);
            if let Some((end, other)) = end.and_then(|end| Some((end, module_at(end)?))) {
                let hands_on = other.strip_prefix(module).is_some_and(|rest| rest.starts_with("::"));
                if other != module && !hands_on {
                    let name = whole.get(end).copied().unwrap_or("itself").to_owned();
                    found.entry(other).or_default().insert(name);
                }
            }
        }
    }
    found
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`; the path at the beginning of `text`.
fn paths(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let head = text.get(..end).unwrap_or_default();
    let Some(group) = text
        .get(end..)
        .and_then(|rest| rest.strip_prefix('{'))
        .filter(|_| head.is_empty() || head.ends_with("::"))
    else {
        return vec![head.to_owned()];
    };
    let (mut depth, mut item, mut found) = (1, String::new(), Vec::new());
    for c in group.chars() {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if depth == 0 || (depth == 1 && c == ',') {
            found.extend(paths(item.trim()).into_iter().map(|path| format!("{head}{path}")));
            item.clear();
        } else {
            item.push(c);
        }
        if depth == 0 {
            break;
        }
    }
    found.retain(|path| !path.is_empty() && !path.ends_with("::"));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        circles(&files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn a_circle_is_found_and_says_what_ties_it() {
        let two =
            [("a", "use crate::b::{B, C};"), ("b", "fn f() { crate::a::g() }"), ("c", "use crate::a::A;")];
        assert_eq!(found(&two), ["\n  a takes B, C from b\n  b takes g from a"]);
        let ring = [("a", "use super::b::B;"), ("b", "use crate::{c::C};"), ("c", "use crate::a::A;")];
        assert_eq!(found(&ring).len(), 1);
    }

    #[test]
    fn a_module_and_its_children() {
        let child_of_parent = [("a", "pub use crate::a::b::B;"), ("a::b", "use super::c::C;"), ("a::c", "")];
        assert!(found(&child_of_parent).is_empty(), "handing names on is not an import");
        let both =
            [("a", "struct A; use self::b::B;"), ("a::b", "use super::A;"), ("c", "use crate::a::b::B;")];
        assert!(found(&both).is_empty(), "a child may use its parent");
        let around = [("a::b", "use crate::c::C;"), ("c", "use crate::a::b::B;"), ("a", "")];
        assert_eq!(found(&around).len(), 1);
    }

    #[test]
    fn what_only_looks_like_an_import_is_none() {
        for text in ["// use crate::b::B;", "use xcrate::b::B;", "use other::b::B;"] {
            assert!(found(&[("a", text), ("b", "use crate::a::A;")]).is_empty(), "{text}");
        }
        assert_eq!(paths("a::{b, c::{d, e}, f}; g"), ["a::b", "a::c::d", "a::c::e", "a::f"]);
    }
}
