//! The tables of docs/performance.md, made from docs/performance.json.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::chart;
use super::record::Record;
use super::targets::{Outcome, TARGETS};
use crate::marked::replaced;

const RECORD: &str = "docs/performance.json";
const PAGE: &str = "docs/performance.md";
const DRAWING: &str = "docs/flat-cost.svg";

/// A table by its mark in the page.
type Table = (&'static str, fn(&Record) -> String);

const TABLES: [Table; 5] = [
    ("<!-- runs: written by `cargo xtask bench publish` -->\n", runs),
    ("<!-- targets: written by `cargo xtask bench publish` -->\n", targets),
    ("<!-- flat: written by `cargo xtask bench publish` -->\n", flat),
    ("<!-- memory: written by `cargo xtask bench publish` -->\n", memory),
    ("<!-- figures: written by `cargo xtask bench publish` -->\n", figures),
];

/// Makes one record of these, if there are any, and writes the tables.
pub(super) fn publish(root: &Path, files: &[PathBuf]) -> Result<()> {
    let record = root.join(RECORD);
    if !files.is_empty() {
        let mut whole = Record::default();
        for file in files {
            whole.runs.extend(Record::read(file)?.runs);
        }
        whole.write(&record)?;
    }
    let record = Record::read(&record)?;
    let page = root.join(PAGE);
    fs::write(&page, written(&read(&page)?, &record)?)
        .with_context(|| format!("failed to write {}", page.display()))?;
    let Some(drawn) = chart::drawn(&record) else { return Ok(()) };
    let drawing = root.join(DRAWING);
    fs::write(&drawing, drawn).with_context(|| format!("failed to write {}", drawing.display()))
}

/// What is wrong with the page or its drawing, if they are not those of the record.
pub(crate) fn stale(root: &Path) -> Result<Option<String>> {
    let record = Record::read(&root.join(RECORD))?;
    let text = read(&root.join(PAGE))?;
    let drawing = fs::read_to_string(root.join(DRAWING)).ok();
    let same = written(&text, &record)? == text && chart::drawn(&record) == drawing;
    Ok((!same)
        .then(|| format!("{PAGE} and {DRAWING} are not those of {RECORD}; run `cargo xtask bench publish`")))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))
}

fn written(text: &str, record: &Record) -> Result<String> {
    TABLES.iter().try_fold(text.to_owned(), |text, (mark, table)| {
        replaced(&text, mark, &table(record))
            .with_context(|| format!("{PAGE} has no `{}` with an end", mark.trim_end()))
    })
}

/// Rows under these titles.
fn table(titles: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let lines = rows.into_iter().map(|cells| format!("| {} |\n", cells.join(" | ")));
    format!("| {} |\n|{}\n{}", titles.join(" | "), "---|".repeat(titles.len()), lines.collect::<String>())
}

/// What the figures are from.
fn runs(record: &Record) -> String {
    let row = |run: &super::record::Run| {
        let quick = if run.quick { " (quick: shows that it runs, not what it measures)" } else { "" };
        let rounds = run.figures.iter().map(|figure| figure.samples.len()).max().unwrap_or(0);
        vec![
            format!("{}{quick}", run.command),
            run.date.clone(),
            run.revision.clone(),
            rounds.to_string(),
            run.machine.to_string(),
        ]
    };
    table(&["command", "date", "commit", "rounds at most", "machine"], record.runs.iter().map(row))
}

/// The table of targets beside what was measured, as Markdown.
fn targets(record: &Record) -> String {
    let row = |target: &super::targets::Target| {
        let outcome = target.outcome(record);
        let met = match outcome {
            Outcome::Met => outcome.text().to_owned(),
            Outcome::Missed | Outcome::NotMeasured => format!("**{}**", outcome.text().to_lowercase()),
        };
        vec![
            target.row.to_owned(),
            target.what.to_owned(),
            target.target.to_owned(),
            target.measured(record),
            met,
        ]
    };
    table(&["row", "what", "target", "measured", ""], TARGETS.iter().map(row))
}

/// The drawing of what grows with the cluster.
fn flat(record: &Record) -> String {
    chart::title(record)
        .map_or_else(|| "Not measured.\n".to_owned(), |title| format!("![{title}](flat-cost.svg)\n"))
}

/// Resident memory by what was added step by step, and by kind of memory.
fn memory(record: &Record) -> String {
    const BY: &str = "memory: by ";
    let parts = record.figures().filter_map(|(_, figure)| {
        let (by, what) = figure.name.strip_prefix(BY)?.split_once(", ")?;
        Some(vec![by.to_owned(), what.to_owned(), figure.text()])
    });
    let parts: Vec<Vec<String>> = parts.collect();
    if parts.is_empty() {
        return "Not measured.\n".to_owned();
    }
    table(&["by", "what", "resident"], parts)
}

/// Everything else that was measured.
fn figures(record: &Record) -> String {
    let judged: BTreeSet<&str> =
        TARGETS.iter().flat_map(|target| target.figures).map(|(name, _)| *name).collect();
    let mut others: Vec<_> = record
        .figures()
        .filter(|(_, figure)| {
            !judged.contains(&*figure.name)
                && !["memory: by ", "flat: "].iter().any(|shown| figure.name.starts_with(shown))
        })
        .collect();
    others.sort_by_key(|(_, figure)| TARGETS.iter().position(|target| target.row == figure.row));
    let row = |(_, figure): (_, &super::record::Figure)| {
        vec![figure.row.clone(), figure.name.clone(), figure.text(), figure.detail.clone()]
    };
    table(&["row", "figure", "measured", "in the last round"], others.into_iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_measurements_says_so_in_every_row() {
        let marks: String = TABLES.iter().map(|(mark, _)| format!("{mark}old\n<!-- end -->\n")).collect();
        let page = written(&marks, &Record::default()).unwrap();
        assert_eq!(page.matches("| not measured | **not met** |").count(), TARGETS.len());
        assert!(page.matches("Not measured.").count() == 2 && !page.contains("old"), "{page}");
        assert!(written("", &Record::default()).is_err());
    }
}
