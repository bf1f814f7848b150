//! `netmarks report`.

use std::collections::BTreeMap;

use anyhow::Result;
use netmarks_core::units::bytes_per_second;
use serde::Serialize;

use super::client;
use super::output::OutputFormat;
use super::table::{Column, Table, paragraph};
use super::terminal::{say, say_json, width};

const EXAMPLES: &str =
    "It reads /metrics, whose counters begin when a replica starts. docs/admission.md explains the outcomes.

Examples:
  netmarks report
  netmarks report --server http://127.0.0.1:9820 --server http://127.0.0.1:9830
  netmarks report -o json | jq .elsewhere";

/// Flags of `netmarks report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Base URL of a running extender; once for each replica
    #[arg(long, value_name = "URL", value_parser = client::base_url, default_value = "http://127.0.0.1:9820")]
    server: Vec<String>,
    #[command(flatten)]
    tls: client::ClientTls,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

/// What became of new pods, over all replicas.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Report {
    /// Reviews by what came of them.
    reviews: BTreeMap<String, u64>,
    /// Of the pods that prefer nodes, or would in a preview, those that were seen bound on one as good as the best for their traffic.
    preferred: u64,
    /// And those on another one.
    elsewhere: u64,
    /// What they would exchange with pods on their best nodes.
    best_bytes_per_second: f64,
    /// What they exchange with pods on the nodes where they are.
    landed_bytes_per_second: f64,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Args { server, tls, output } = args;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    for server in server {
        report.add(&runtime.block_on(client::text(server, "/metrics", tls))?);
    }
    match output {
        OutputFormat::Json => say_json(&report),
        OutputFormat::Table => say(&report.text(width())),
    }
}

impl Report {
    /// Adds what the metrics of a replica say.
    fn add(&mut self, metrics: &str) {
        for line in metrics.lines().filter_map(|line| line.strip_prefix("netmarks_admission_")) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let Some((name, label)) = series.split_once('{') else { continue };
            let label = label.split('"').nth(1).unwrap_or_default();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a counter of pods")]
            let count = value as u64;
            match (name, label) {
                ("reviews_total", outcome) if count > 0 => {
                    *self.reviews.entry(outcome.to_owned()).or_default() += count;
                }
                ("landed_pods_total", "preferred") => self.preferred += count,
                ("landed_pods_total", "elsewhere") => self.elsewhere += count,
                ("landed_bytes_per_second_total", "best") => self.best_bytes_per_second += value,
                ("landed_bytes_per_second_total", "landed") => self.landed_bytes_per_second += value,
                _ => {}
            }
        }
    }

    fn text(&self, width: u16) -> String {
        if self.reviews.is_empty() {
            let text = "No reviews yet: see `admission.listen`, and the label of the namespaces (docs/admission.md).";
            return paragraph("", text, width);
        }
        let mut table = Table::new([Column::new("OUTCOME"), Column::number("PODS")]);
        let mut reviews: Vec<_> = self.reviews.iter().collect();
        reviews.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (outcome, count) in reviews {
            table.row([outcome.clone(), count.to_string()]);
        }
        let Self {
            preferred, elsewhere, best_bytes_per_second: best, landed_bytes_per_second: landed, ..
        } = self;
        let only = |outcome: &str| self.reviews.contains_key(outcome);
        let would = only("previewed") && !only("patched");
        let seen = format!(
            "{} of these pods were seen on their nodes: {preferred} on a node as good as the best for their traffic, {elsewhere} elsewhere.",
            preferred + elsewhere
        );
        let worth = format!(
            "On their best nodes they would exchange {} with the pods there; where they are, it is {}.",
            bytes_per_second(*best),
            bytes_per_second(*landed)
        );
        let gain = if would {
            format!(
                " With `admission.mode: apply` up to {} more would stay on nodes.",
                bytes_per_second((best - landed).max(0.0))
            )
        } else {
            String::new()
        };
        format!("{}\n\n{}", table.fit(width), paragraph("", &format!("{seen} {worth}{gain}"), width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "# TYPE netmarks_admission_reviews counter
netmarks_admission_reviews_total{outcome=\"patched\"} 0
netmarks_admission_reviews_total{outcome=\"previewed\"} 4
netmarks_admission_reviews_total{outcome=\"no-traffic\"} 9
netmarks_admission_landed_pods_total{node=\"preferred\"} 1
netmarks_admission_landed_pods_total{node=\"elsewhere\"} 2
netmarks_admission_landed_bytes_per_second_total{node=\"best\"} 5000.0
netmarks_admission_landed_bytes_per_second_total{node=\"landed\"} 1500.5
netmarks_admission_assumed_pods 1
";

    #[test]
    fn replicas_are_added_up_and_a_preview_says_what_it_would_bring() {
        let mut report = Report::default();
        report.add(METRICS);
        report.add(METRICS);
        assert_eq!((report.preferred, report.elsewhere), (2, 4));
        assert_eq!(report.reviews, [("no-traffic".to_owned(), 18), ("previewed".to_owned(), 8)].into());
        let text = report.text(100);
        assert!(text.contains("6 of these pods were seen"), "{text}");
        assert!(text.contains("up to 7.0 kB/s more would stay on nodes"), "{text}");
        assert!(Report::default().text(80).contains("No reviews yet"));
    }
}
