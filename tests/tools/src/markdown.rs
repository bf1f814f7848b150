//! What a Markdown document names: links, anchors, code. Enough of the language for the documents of this repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Folders that hold what others wrote, or what is built.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".git", "generated"];

/// The files below `folder` whose names end in one of `endings`, in order, without what is built.
///
/// # Errors
/// A folder that cannot be listed.
pub fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let failed = || format!("failed to list {}", folder.display());
    for entry in fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // A worktree's `.git` is a file, and a link may lead out of the clone.
        if SKIPPED.contains(&name) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, endings)?);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A piece of text with the line on which it begins, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The text.
    pub text: String,
}

/// A document taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Markdown {
    /// What `#` of a link may be followed by: headings as GitHub turns them into anchors.
    pub anchors: BTreeSet<String>,
    /// Targets of links.
    pub links: Vec<Piece>,
    /// Lines of drawings (`mermaid`).
    pub drawings: Vec<Piece>,
    /// Code within sentences.
    pub spans: Vec<Piece>,
    /// Lines of code blocks other than drawings, where lines that end in `\` go on.
    pub code: Vec<Piece>,
}

impl Markdown {
    /// Takes a document apart.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut document = Self::default();
        let mut headings = BTreeMap::new();
        let (mut prose, mut fenced, mut drawing) = (String::new(), false, false);
        let (mut indented, mut blank) = (false, true);
        for (number, line) in (1..).zip(text.lines()) {
            let trimmed = line.trim_start();
            if trimmed.starts_with("```") {
                fenced = !fenced;
                drawing = trimmed == "```mermaid";
            } else if fenced {
                if drawing {
                    document.drawings.push(Piece { line: number, text: trimmed.to_owned() });
                } else {
                    document.line_of_code(number, trimmed);
                }
            } else {
                indented = line.starts_with("    ") && (blank || indented) || indented && trimmed.is_empty();
                if indented && !trimmed.is_empty() {
                    document.line_of_code(number, trimmed);
                } else if let Some(heading) = heading(line) {
                    document.anchors.insert(anchor(heading, &mut headings));
                    prose.push_str(line);
                } else {
                    prose.push_str(line);
                }
            }
            blank = trimmed.is_empty();
            prose.push('\n');
        }
        document.take_spans(&prose);
        document.take_links(&prose);
        document
    }

    fn line_of_code(&mut self, line: usize, text: &str) {
        match self.code.last_mut() {
            Some(last) if last.text.ends_with('\\') => {
                last.text.pop();
                last.text.push_str(text);
            }
            _ => self.code.push(Piece { line, text: text.to_owned() }),
        }
    }

    fn take_spans(&mut self, prose: &str) {
        let (mut line, mut open) = (1, None);
        let mut text = String::new();
        for c in prose.chars() {
            match (c, open) {
                ('`', None) => open = Some(line),
                ('`', Some(line)) => {
                    self.spans.push(Piece { line, text: std::mem::take(&mut text) });
                    open = None;
                }
                ('\n', Some(_)) => text.push(' '),
                (c, Some(_)) => text.push(c),
                _ => {}
            }
            line += usize::from(c == '\n');
        }
    }

    fn take_links(&mut self, prose: &str) {
        for (start, _) in prose.match_indices("](") {
            let (before, rest) = prose.split_at(start);
            let target = rest.trim_start_matches("](").split([')', ' ']).next().unwrap_or_default();
            self.link(before, target);
        }
        // `[text]: target` at the beginning of a line, which links refer to.
        for (start, _) in prose.match_indices("]: ") {
            let (before, rest) = prose.split_at(start);
            if before.lines().last().is_some_and(|line| line.starts_with('[')) {
                let target = rest.trim_start_matches("]: ").split_whitespace().next().unwrap_or_default();
                self.link(before, target);
            }
        }
    }

    fn link(&mut self, before: &str, target: &str) {
        self.links.push(Piece { line: before.matches('\n').count() + 1, text: target.to_owned() });
    }
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    (text.len() < line.len()).then(|| text.strip_prefix(' ')).flatten()
}

/// As GitHub makes anchors: lower case, spaces to `-`, punctuation left out, and a number for a heading that comes again.
fn anchor(heading: &str, seen: &mut BTreeMap<String, usize>) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase();
    let count = seen.entry(anchor.clone()).and_modify(|count| *count += 1).or_insert(0);
    if *count == 0 { anchor } else { format!("{anchor}-{count}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# A `title`: twice, A/B\n\nSee [this](a.md#one) and `code\nof two lines`.\n\n```sh\n# no heading\nls \\\n    -l `x`\n```\n\n```mermaid\ngraph\n```\n\n    indented\n\n## A title\n## A title\n\n[paper]: https://example.org\n- list\n    `not code`\n";

    #[test]
    fn a_document_is_taken_apart() {
        let document = Markdown::of(DOCUMENT);
        let anchors: Vec<&str> = document.anchors.iter().map(String::as_str).collect();
        assert_eq!(anchors, ["a-title", "a-title-1", "a-title-twice-ab"]);
        let piece = |line, text: &str| Piece { line, text: text.to_owned() };
        assert_eq!(document.links, [piece(3, "a.md#one"), piece(21, "https://example.org")]);
        assert_eq!(document.spans, [piece(1, "title"), piece(3, "code of two lines"), piece(23, "not code")]);
        let code = [piece(7, "# no heading"), piece(8, "ls -l `x`"), piece(16, "indented")];
        assert_eq!(document.code, code);
        assert_eq!(document.drawings, [piece(13, "graph")]);
    }
}
