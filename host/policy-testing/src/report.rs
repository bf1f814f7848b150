//! What came of the cases, for people and for machines.

use std::fmt;

use netmarks_core::printable::one_line;
use serde::Serialize;

use crate::expected::ExpectedError;

/// Rows of a table of nodes before it is cut short; those that differ come first then.
const MOST_NODES: usize = 20;

/// Characters of a name that are shown; JSON has all.
const MOST_CHARS: usize = 36;

/// Columns of a report, as a terminal has them at least.
const WIDTH: usize = 80;

/// Where the lists of scores and of orders begin, also in their further lines.
const LISTED_FROM: usize = 22;

/// What came of all cases of a file.
#[derive(Clone, Debug, Serialize)]
pub struct CasesReport {
    /// What the policy under test is called.
    pub policy: String,
    /// In the order of the file.
    pub cases: Vec<CaseResult>,
}

/// What came of one.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// As in the file.
    pub name: String,
    /// How the answer differs from what was expected, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// How an answer differs from what was expected.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Difference {
    /// Scores or their order.
    Scores {
        /// All nodes, as handed over.
        nodes: Vec<NodeRow>,
        /// The expected order, if that is what differs.
        #[serde(skip_serializing_if = "Option::is_none")]
        expected_order: Option<Vec<Vec<String>>>,
        /// The order of the answer, ties together.
        got_order: Vec<Vec<String>>,
    },
    /// It should have scored and failed.
    Failed(Failed),
    /// It should have failed and scored.
    DidNotFail {
        /// What it should have failed with.
        expected: ExpectedError,
        /// Nodes and scores, as handed over.
        scores: Vec<(String, f64)>,
    },
    /// It failed, but not as expected.
    FailedOtherwise {
        /// What it should have failed with.
        expected: ExpectedError,
        /// What it failed with.
        got: Failed,
    },
}

/// One node's score beside the expected one.
#[derive(Clone, Debug, Serialize)]
pub struct NodeRow {
    /// As in the snapshot.
    pub node: String,
    /// What the case expects, if it says.
    pub expected: Option<f64>,
    /// What the policy answered.
    pub got: f64,
    /// Whether that is within the tolerance.
    pub met: bool,
}

/// How a policy failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failed {
    /// `configure`, `score` and so on: see [`Stage`](netmarks_engine::Stage).
    pub stage: String,
    /// `said`, `deadline` and so on: see [`Cause`](netmarks_engine::Cause).
    pub cause: String,
    /// The error and its causes in one line.
    pub message: String,
}

impl CasesReport {
    /// Whether every case is as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures() == 0
    }

    /// How many are not.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.cases.iter().filter(|case| case.difference.is_some()).count()
    }
}

impl fmt::Display for CasesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, cases } = self;
        for case in cases {
            match &case.difference {
                None => writeln!(f, "ok    {}", one_line(&case.name))?,
                Some(difference) => write!(f, "FAIL  {}\n{difference}", one_line(&case.name))?,
            }
        }
        match self.failures() {
            0 => write!(f, "{policy}: all {} cases passed", cases.len()),
            failures => write!(f, "{policy}: {failures} of {} cases failed", cases.len()),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scores { nodes, expected_order, got_order } => {
                table(f, nodes)?;
                if let Some(expected) = expected_order {
                    writeln!(f, "      order expected  {}", order(expected, got_order))?;
                    writeln!(f, "      order got       {}", line(got_order))?;
                }
                Ok(())
            }
            Self::Failed(failed) => writeln!(f, "      expected scores\n      got error  {failed}"),
            Self::DidNotFail { expected, scores } => {
                writeln!(f, "      expected error  {expected}")?;
                let scores = scores.iter().take(MOST_NODES).enumerate().map(|(index, (node, score))| {
                    let between = if index == 0 { "" } else { ", " };
                    (between, format!("{} {}", short(node), number(*score)))
                });
                writeln!(f, "      got scores      {}", listed(scores))
            }
            Self::FailedOtherwise { expected, got } => {
                writeln!(f, "      expected error  {expected}\n      got error       {got}")
            }
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, cause, message } = self;
        write!(f, "stage {stage}, cause {cause}: {message}")
    }
}

impl fmt::Display for ExpectedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, cause, message } = self;
        let parts = [
            stage.as_ref().map(|stage| format!("stage {stage}")),
            cause.as_ref().map(|cause| format!("cause {cause}")),
            message.as_ref().map(|message| format!("with `{message}` in its message")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// Nodes, expected and got, side by side; a cross marks those that differ.
fn table(f: &mut fmt::Formatter<'_>, nodes: &[NodeRow]) -> fmt::Result {
    let mut rows: Vec<&NodeRow> = nodes.iter().collect();
    if rows.len() > MOST_NODES {
        rows.sort_by_key(|row| row.met);
    }
    let more = rows.len().saturating_sub(MOST_NODES);
    rows.truncate(MOST_NODES);
    let cells: Vec<[String; 3]> = rows
        .iter()
        .map(|row| {
            let expected = row.expected.map_or_else(|| "-".to_owned(), number);
            [short(&row.node), expected, number(row.got)]
        })
        .collect();
    let width = |column: usize, title: &str| {
        let cells = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([title.len()]).max().unwrap_or(0)
    };
    let (node, expected, got) = (width(0, "NODE"), width(1, "EXPECTED"), width(2, "GOT"));
    writeln!(f, "      {:<node$}  {:>expected$}  {:>got$}", "NODE", "EXPECTED", "GOT")?;
    for (row, [name, wanted, answered]) in rows.iter().zip(&cells) {
        let mark = if row.met { ' ' } else { 'x' };
        write!(f, "    {mark} {name:<node$}  {wanted:>expected$}  {answered:>got$}")?;
        match row.expected {
            Some(expected) if !row.met => {
                let by = row.got - expected;
                writeln!(f, "  {}{}", if by > 0.0 { "+" } else { "" }, number(by))?;
            }
            _ => writeln!(f)?,
        }
    }
    if more > 0 {
        writeln!(f, "      and {more} more nodes")?;
    }
    Ok(())
}

/// The expected order, and whether there are nodes that it does not list.
fn order(expected: &[Vec<String>], got: &[Vec<String>]) -> String {
    let nodes = |order: &[Vec<String>]| order.iter().map(Vec::len).sum::<usize>();
    let rest = if nodes(expected) < nodes(got) { " > all others" } else { "" };
    format!("{}{rest}", line(expected))
}

/// `a > b = c`.
fn line(order: &[Vec<String>]) -> String {
    let groups = order.iter().take(MOST_NODES).enumerate().flat_map(|(place, group)| {
        let between = move |first: bool| match (first, place) {
            (true, 0) => "",
            (true, _) => " > ",
            (false, _) => " = ",
        };
        group.iter().enumerate().map(move |(index, node)| (between(index == 0), short(node)))
    });
    let rest = (order.len() > MOST_NODES).then(|| (" > ", "...".to_owned()));
    listed(groups.chain(rest))
}

/// A name that fits a column and makes no line of its own; the middle of a long one is left out, since names differ at their ends.
fn short(name: &str) -> String {
    let name = one_line(name);
    let length = name.chars().count();
    if length <= MOST_CHARS {
        return name.into_owned();
    }
    let half = (MOST_CHARS - 3) / 2;
    let (start, end): (String, String) =
        (name.chars().take(half).collect(), name.chars().skip(length - half).collect());
    format!("{start}...{end}")
}

/// Items, each after what stands between it and the one before, in as many lines as they take.
fn listed<'a>(items: impl Iterator<Item = (&'a str, String)>) -> String {
    let (mut text, mut column) = (String::new(), LISTED_FROM);
    for (between, item) in items {
        let width = between.len() + item.chars().count();
        if column > LISTED_FROM && column + width > WIDTH {
            text.push_str(&format!("\n{:LISTED_FROM$}", ""));
            column = LISTED_FROM;
        }
        text.push_str(between);
        text.push_str(&item);
        column += width;
    }
    text
}

/// A score in the shortest digits that are exactly it, unless it is too large or small to be read that way.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e15).contains(&size) { format!("{value}") } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_fit_a_terminal_and_names_make_no_lines() {
        let node = |index: usize| format!("{}\u{1b}[2J\n{index}", "n".repeat(240));
        let row = |index| NodeRow { node: node(index), expected: Some(1e-300), got: -1.0 / 3.0, met: false };
        let order: Vec<Vec<String>> = (0..30).map(|index| vec![node(index), node(index + 100)]).collect();
        let nodes = (0..3).map(row).collect();
        let scores = (0..9).map(|index| (node(index), 1e300)).collect();
        for difference in [
            Difference::Scores { nodes, expected_order: Some(order.clone()), got_order: order },
            Difference::DidNotFail { expected: ExpectedError::default(), scores },
        ] {
            let shown = difference.to_string();
            let widest = shown.lines().map(|line| line.chars().count()).max();
            assert!(widest.is_some_and(|widest| widest <= 100), "{widest:?}\n{shown}");
            assert!(!shown.contains('\u{1b}') && shown.contains("nnn...nnn"), "{shown}");
        }
    }
}
