//! `netmarks policy list` and `report`: what there is, and how the shadows compare.

use anyhow::Result;
use comfy_table::{Cell, CellAlignment, Table, presets};
use netmarks_core::units::bytes_per_second;
use netmarks_policies::{RegistryReport, ShadowReport};
use reqwest::Method;

use super::super::output::OutputFormat;
use super::super::say;
use super::server::Server;

/// Flags of both.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    server: Server,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

pub(super) fn list(args: &Args) -> Result<()> {
    let report: RegistryReport = args.server.call(Method::GET, "/v1/policies", |request| request)?;
    match args.output {
        OutputFormat::Json => say(&serde_json::to_string_pretty(&report)?),
        OutputFormat::Table => say(&list_text(&report)),
    }
}

pub(super) fn report(args: &Args) -> Result<()> {
    let report: Vec<ShadowReport> = args.server.call(Method::GET, "/v1/shadow", |request| request)?;
    match args.output {
        OutputFormat::Json => say(&serde_json::to_string_pretty(&report)?),
        OutputFormat::Table if report.is_empty() => {
            say("no policy is a shadow; see `netmarks policy shadow --help`")
        }
        OutputFormat::Table => say(&shadow_table(&report)),
    }
}

fn list_text(report: &RegistryReport) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["NAME", "STATE", "VERSION", "WEIGHT", "DIGEST", "FROM", "BY"]);
    for policy in &report.policies {
        let entry = &policy.entry;
        table.add_row([
            Cell::new(&entry.name),
            // The mode says the percentage, the state whether it got there.
            Cell::new(if policy.state.as_str() == entry.mode.as_str() {
                entry.mode.to_string()
            } else {
                policy.state.as_str().to_owned()
            }),
            Cell::new(policy.version.as_deref().unwrap_or("-")),
            Cell::new(entry.settings.weight).set_alignment(CellAlignment::Right),
            Cell::new(entry.digest.get(..19).unwrap_or(&entry.digest)),
            Cell::new(entry.origin),
            Cell::new(&entry.by),
        ]);
    }
    let mut text = format!("generation {}\n\n{}", report.generation, table.trim_fmt());
    let degraded =
        report.policies.iter().filter_map(|policy| Some((policy, policy.entry.degraded.as_ref()?)));
    for (policy, reason) in degraded {
        text.push_str(&format!("\n\n`{}` is degraded: {reason}", policy.entry.name));
    }
    for rejection in report.rejected.iter().take(3) {
        text.push_str(&format!(
            "\n\n`{}` was rejected ({}): {}",
            rejection.name, rejection.by, rejection.reason
        ));
    }
    text
}

fn shadow_table(report: &[ShadowReport]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "NAME",
        "REQUESTS",
        "OTHER NODE",
        "RANK CORRELATION",
        "NODE-LOCAL TRAFFIC",
        "FAULTS",
        "P50",
        "P99",
    ]);
    for shadow in report {
        let change = shadow
            .local_bytes_change
            .map_or_else(String::new, |change| format!(" ({:+.1}%)", change * 100.0));
        let local = bytes_per_second(shadow.shadow_local_bytes_per_second);
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(&shadow.name),
            right(shadow.requests.to_string()),
            right(format!("{:.1}%", shadow.other_node_ratio * 100.0)),
            right(shadow.rank_correlation.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))),
            right(format!("{local}{change}")),
            right(shadow.faults.to_string()),
            right(format!("{} us", shadow.p50_microseconds)),
            right(format!("{} us", shadow.p99_microseconds)),
        ]);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_as_people_know_them() {
        let report: RegistryReport =
            serde_json::from_str(include_str!("../../../tests/golden/policies.json")).unwrap();
        let shadows: Vec<ShadowReport> =
            serde_json::from_str(include_str!("../../../tests/golden/shadows.json")).unwrap();
        let shown = format!("{}\n\n{}\n", list_text(&report), shadow_table(&shadows));
        if std::env::var_os("NETMARKS_BLESS").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/policies.txt"), &shown)
                .unwrap();
        }
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/policies.txt");
        assert_eq!(shown, std::fs::read_to_string(golden).unwrap(), "NETMARKS_BLESS=1 renews it");
    }
}
