//! Links and names of files lead to what is there.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use netmarks_test_tools::markdown::Markdown;

/// What a name has that stands for others.
const PATTERN: [char; 9] = ['*', '{', '}', '<', '>', '$', ' ', ':', '('];

/// A line for each link, anchor and file name that leads nowhere.
pub(super) fn broken(root: &Path, documents: &[(PathBuf, Markdown)]) -> Vec<String> {
    let anchors: BTreeMap<&Path, &Markdown> =
        documents.iter().map(|(path, document)| (path.as_path(), document)).collect();
    let mut found = Vec::new();
    for (path, document) in documents {
        let folder = path.parent().unwrap_or(Path::new(""));
        for link in document.links.iter().filter(|link| !is_elsewhere(&link.text)) {
            let (file, anchor) = link.text.split_once('#').unwrap_or((&link.text, ""));
            let target = if file.is_empty() { path.clone() } else { normal(&folder.join(file)) };
            let problem = match anchors.get(target.as_path()) {
                _ if !root.join(&target).exists() => "is not there",
                Some(document) if !anchor.is_empty() && !document.anchors.contains(anchor) => {
                    "has no such heading"
                }
                _ => continue,
            };
            found.push(format!("{}:{}: the link {} {problem}", path.display(), link.line, link.text));
        }
        for span in document.spans.iter().filter(|span| is_file_name(root, &span.text)) {
            // A template's texts are read in the folder that is made of it.
            let places = [normal(Path::new(&span.text)), normal(&folder.join(&span.text))];
            if !places.iter().any(|place| root.join(place).exists()) {
                found.push(format!("{}:{}: there is no {}", path.display(), span.line, span.text));
            }
        }
    }
    found
}

fn is_elsewhere(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

/// Whether code in a sentence names a file or folder of this repository: it has a folder that is in the root.
fn is_file_name(root: &Path, text: &str) -> bool {
    let Some((first, rest)) = text.split_once('/') else { return false };
    !rest.is_empty()
        && !text.contains(PATTERN)
        && !matches!(first, "" | "." | ".." | "target")
        && root.join(first).is_dir()
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_nowhere_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = "# Here\n[a](../b.md) [b](#here) [c](#there) [d](other.md#one) [e](gone.md) [f](https://x.example/#y)\n`src/main.rs` `src/gone.rs` `src/*.rs` `a/b`";
        let documents = [
            (PathBuf::from("src/here.md"), Markdown::of(text)),
            (PathBuf::from("b.md"), Markdown::default()),
        ];
        let found = broken(root, &documents).join("\n");
        let expected = [
            "src/here.md:2: the link ../b.md is not there",
            "src/here.md:2: the link #there is not there",
            "src/here.md:2: the link other.md#one is not there",
            "src/here.md:2: the link gone.md is not there",
            "src/here.md:3: there is no src/gone.rs",
        ];
        // `src/here.md` is on no disk, so that its anchors are not looked at.
        let expected =
            [&expected[..1], &["src/here.md:2: the link #here is not there"], &expected[1..]].concat();
        assert_eq!(found, expected.join("\n"));
    }

    #[test]
    fn an_anchor_is_a_heading_of_its_document() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let document = Markdown::of("# Here\n[a](#here) [b](#there)");
        let found = broken(root, &[(PathBuf::from("Cargo.toml"), document)]);
        assert_eq!(found, ["Cargo.toml:2: the link #there has no such heading"]);
    }
}
