//! `netmarks policy list` and `report`: what there is, and how the shadows compare.

use anyhow::Result;
use netmarks_core::units::bytes_per_second;
use netmarks_policies::{RegistryReport, ShadowReport, Spread};
use reqwest::Method;

use super::super::admin_server::AdminServer;
use super::super::output::OutputFormat;
use super::super::table::{Column, Table, paragraph};
use super::super::terminal::{say, say_json, width};

/// Flags of both.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    server: AdminServer,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

pub(super) fn list(args: &Args) -> Result<()> {
    let report: RegistryReport = args.server.call(Method::GET, "/v1/policies", |request| request)?;
    match args.output {
        OutputFormat::Json => say_json(&report),
        OutputFormat::Table => say(&list_text(&report, width())),
    }
}

pub(super) fn report(args: &Args) -> Result<()> {
    let report: Vec<ShadowReport> = args.server.call(Method::GET, "/v1/shadow", |request| request)?;
    match args.output {
        OutputFormat::Json => say_json(&report),
        OutputFormat::Table if report.is_empty() => {
            say("no policy is a shadow; see `netmarks policy shadow --help`")
        }
        OutputFormat::Table => say(&shadow_text(&report, width())),
    }
}

fn list_text(report: &RegistryReport, width: u16) -> String {
    let mut table = Table::new([
        Column::new("NAME"),
        Column::new("STATE"),
        Column::new("VERSION").spare(1),
        Column::number("WEIGHT"),
        Column::new("DIGEST").spare(4),
        Column::new("SIGNED BY").spare(2),
        Column::new("FROM").spare(3),
        Column::new("BY").spare(5),
    ]);
    for policy in &report.policies {
        let entry = &policy.entry;
        table.row([
            entry.name.to_string(),
            // The mode says the percentage, the state whether it got there.
            if policy.state.as_str() == entry.mode.as_str() {
                entry.mode.to_string()
            } else {
                policy.state.as_str().to_owned()
            },
            policy.version.clone().unwrap_or_else(|| "-".to_owned()),
            entry.settings.weight.to_string(),
            entry.digest.get(..19).unwrap_or(&entry.digest).to_owned(),
            entry.signature.signer().to_owned(),
            entry.origin.to_string(),
            entry.by.clone(),
        ]);
    }
    let mut text = format!("generation {}\n\n{}", report.generation, table.fit(width));
    let mut add = |sentence: String| text.push_str(&format!("\n\n{}", paragraph("", &sentence, width)));
    for policy in &report.policies {
        if let Some(reason) = &policy.not_restored {
            add(format!(
                "`{}` could not be loaded at the last start ({reason}); it is tried again",
                policy.entry.name
            ));
        }
        if let Some(reason) = &policy.entry.degraded {
            add(format!("`{}` is degraded: {reason}", policy.entry.name));
        }
    }
    for rejection in report.rejected.iter().take(3) {
        add(format!("`{}` was rejected ({}): {}", rejection.name, rejection.by, rejection.reason));
    }
    text
}

fn shadow_text(report: &[ShadowReport], width: u16) -> String {
    let table = shadow_table(report, width);
    if report.iter().any(|shadow| shadow.requests + shadow.faults > 0) {
        return table;
    }
    let none = "No decision was compared yet. A shadow is compared each time kube-scheduler asks; on a demo, send the request that it \
                printed.";
    format!("{table}\n\n{}", paragraph("", none, width))
}

fn shadow_table(report: &[ShadowReport], width: u16) -> String {
    let mut table = Table::new([
        Column::new("NAME"),
        Column::number("DECISIONS"),
        Column::number("OTHER NODE"),
        Column::number("RANK CORRELATION").spare(2),
        Column::number("NODE-LOCAL TRAFFIC"),
        Column::number("FAULTS"),
        Column::number("P50").spare(3),
        Column::number("P99").spare(1),
    ]);
    for shadow in report {
        let change = shadow
            .local_bytes_change
            .map_or_else(String::new, |change| format!(" ({:+.1}%)", change * 100.0));
        let Spread { mean, deviation } = shadow.shadow_local_bytes_per_second;
        let local = format!("{} ± {}", bytes_per_second(mean), bytes_per_second(deviation));
        table.row([
            shadow.name.to_string(),
            shadow.requests.to_string(),
            format!("{:.1}%", shadow.other_node_ratio * 100.0),
            shadow.rank_correlation.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}")),
            format!("{local}{change}"),
            shadow.faults.to_string(),
            format!("{} us", shadow.p50_microseconds),
            format!("{} us", shadow.p99_microseconds),
        ]);
    }
    table.fit(width)
}

#[cfg(test)]
mod tests {
    use super::super::super::table::tests::widest;
    use super::*;

    #[test]
    fn tables_fit_the_terminal() {
        let report: RegistryReport =
            serde_json::from_str(include_str!("../../../tests/golden/policies.json")).unwrap();
        let shadows: Vec<ShadowReport> =
            serde_json::from_str(include_str!("../../../tests/golden/shadows.json")).unwrap();
        for width in [80, 200] {
            for shown in [list_text(&report, width), shadow_table(&shadows, width)] {
                assert!(widest(&shown) <= usize::from(width), "{shown}");
                assert_eq!(shown.contains("P50") || shown.contains("  BY"), width == 200, "{shown}");
            }
        }
    }

    #[test]
    fn an_empty_comparison_says_what_it_waits_for() {
        let mut shadows: Vec<ShadowReport> =
            serde_json::from_str(include_str!("../../../tests/golden/shadows.json")).unwrap();
        let waits = "No decision was compared yet.";
        assert!(!shadow_text(&shadows, 120).contains(waits));
        for shadow in &mut shadows {
            (shadow.requests, shadow.faults) = (0, 0);
        }
        assert!(shadow_text(&shadows, 120).contains(waits));
    }

    #[test]
    fn tables_are_as_people_know_them() {
        let report: RegistryReport =
            serde_json::from_str(include_str!("../../../tests/golden/policies.json")).unwrap();
        let shadows: Vec<ShadowReport> =
            serde_json::from_str(include_str!("../../../tests/golden/shadows.json")).unwrap();
        let shown = format!("{}\n\n{}\n", list_text(&report, 120), shadow_table(&shadows, 120));
        if std::env::var_os("NETMARKS_BLESS").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/policies.txt"), &shown)
                .unwrap();
        }
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/policies.txt");
        assert_eq!(shown, std::fs::read_to_string(golden).unwrap(), "NETMARKS_BLESS=1 renews it");
    }
}
