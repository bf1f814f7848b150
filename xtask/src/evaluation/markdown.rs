//! Tables of figures as Markdown.

use std::fmt::Write as _;

use super::simulation::{Estimate, Outcome};

/// How a page begins: what wrote it.
pub(super) fn head(title: &str, command: &str) -> String {
    format!(
        "# {title}\n\nThis page is written by `{command}`; the seeds are fixed, so the same code writes the same page.\n"
    )
}

/// A table: a title for each column, then the rows.
pub(super) fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("\n| {} |\n|{}\n", titles.join(" | "), "---|".repeat(titles.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// As a percentage with half of its 95% interval.
pub(super) fn percent(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(
        || "-".to_owned(),
        |Estimate { mean, half_width }| format!("{:.1}% ± {:.1}", mean * 100.0, half_width * 100.0),
    )
}

/// The rest to 1, as a percentage.
pub(super) fn rest(estimate: Option<Estimate>) -> String {
    percent(estimate.map(|Estimate { mean, half_width }| Estimate { mean: 1.0 - mean, half_width }))
}

pub(super) fn milliseconds(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(|| "-".to_owned(), |Estimate { mean, .. }| format!("{mean:.2} ms"))
}

pub(super) fn number(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(|| "-".to_owned(), |Estimate { mean, .. }| format!("{mean:.1}"))
}

/// A row for each arm with the figures that matter for one application.
pub(super) fn arms(arms: &[&str], outcome: &Outcome) -> Vec<Vec<String>> {
    let row = |(index, arm): (usize, &&str)| {
        let of = |name| outcome.figure(index, name);
        vec![
            format!("`{arm}`"),
            percent(of("bytes_within_node")),
            percent(of("bytes_across_zones")),
            percent(of("bytes_within_node_local_routing")),
            percent(of("gained_affinity")),
            percent(of("cpu_deviation")),
            milliseconds(of("response_p50_ms")),
            milliseconds(of("response_p99_ms")),
            number(of("pods_without_node")),
        ]
    };
    arms.iter().enumerate().map(row).collect()
}

/// The titles of [`arms`].
pub(super) const ARM_TITLES: [&str; 9] = [
    "arm",
    "bytes within a node",
    "across zones",
    "within a node, routed locally",
    "gained affinity",
    "CPU deviation",
    "p50",
    "p99",
    "pods without a node",
];
