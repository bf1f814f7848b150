//! `netmarks top`: which applications send most from node to node, and which nodes keep least.

use anyhow::Result;
use netmarks_core::units::bytes_per_second;
use netmarks_map::{Amounts, ApplicationRow, MapView, NodeColumns};
use reqwest::Method;
use serde::Serialize;

use super::admin_server::AdminServer;
use super::output::OutputFormat;
use super::table::{Column, Table, paragraph};
use super::terminal::{say, say_json, width};

pub(super) const EXAMPLES: &str = "Examples:
  netmarks top
  netmarks top --namespace shop --limit 5
  netmarks top -o json | jq -r '.applications[].application'
  netmarks top --server https://netmarks.example:9822 --token-file token";

/// Flags of `netmarks top`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Only traffic with an end in this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Applications and nodes to show; the extender names 50 applications at most
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    limit: usize,
    #[command(flatten)]
    server: AdminServer,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

/// What is shown.
#[derive(Debug, Serialize)]
struct Top {
    /// Bytes per second.
    totals: Amounts,
    /// Those with most bytes between nodes first.
    applications: Vec<ApplicationRow>,
    /// Those that keep the smallest share first.
    nodes: Vec<NodeShare>,
}

/// How much of its traffic a node keeps.
#[derive(Debug, Serialize)]
struct NodeShare {
    node: String,
    zone: Option<String>,
    pods: u32,
    /// Bytes per second.
    within: u64,
    /// Bytes per second.
    beyond: u64,
    /// 0 to 1.
    local_share: f64,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Args { namespace, limit, server, output } = args;
    let namespace = namespace.as_ref().map(|name| [("namespace", name)]);
    let view: MapView = server.call(Method::GET, "/v1/map", |request| request.query(&namespace))?;
    let top = Top::new(view, *limit);
    match output {
        OutputFormat::Json => say_json(&top),
        OutputFormat::Table => say(&text(&top, width())),
    }
}

impl Top {
    fn new(view: MapView, limit: usize) -> Self {
        let mut nodes = shares(&view);
        nodes.sort_by(|one, other| {
            one.local_share.total_cmp(&other.local_share).then(other.beyond.cmp(&one.beyond))
        });
        nodes.truncate(limit);
        let mut applications = view.applications.items;
        applications.truncate(limit);
        Self { totals: view.totals, applications, nodes }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share for people")]
fn shares(view: &MapView) -> Vec<NodeShare> {
    let NodeColumns { prefix, suffix, names, zone, pods, within, beyond, .. } = &view.nodes;
    let rows = names.iter().zip(zone).zip(pods).zip(within.iter().zip(beyond));
    let all = rows.map(|(((name, zone), pods), (within, beyond))| NodeShare {
        node: format!("{prefix}{name}{suffix}"),
        zone: view.zones.get(*zone as usize).and_then(|zone| zone.name.clone()),
        pods: *pods,
        within: *within,
        beyond: *beyond,
        local_share: *within as f64 / (*within as f64 + *beyond as f64),
    });
    all.filter(|node| node.within + node.beyond > 0).collect()
}

fn text(top: &Top, width: u16) -> String {
    let Top { totals, applications, nodes } = top;
    let Some(share) = totals.local_share() else {
        let none = "No traffic between pods is known. The page at the admin listener says what is missing, and so does `netmarks doctor`.";
        return paragraph("", none, width);
    };
    let across = totals.across_zones + totals.across_regions;
    let summary = format!(
        "{:.0}% of {} stay on their node; {} cross zones.",
        share * 100.0,
        bytes_per_second(totals.placed()),
        bytes_per_second(across)
    );
    let mut of_applications = Table::new([
        Column::new("APPLICATION"),
        Column::number("PODS").spare(2),
        Column::number("BETWEEN NODES"),
        Column::number("ACROSS ZONES").spare(1),
        Column::number("STAYS"),
    ]);
    for row in applications {
        let ApplicationRow { application, pods, nodes: _, amounts } = row;
        of_applications.row([
            application.clone(),
            pods.to_string(),
            bytes_per_second(amounts.beyond()),
            bytes_per_second(amounts.across_zones + amounts.across_regions),
            amounts.local_share().map_or_else(|| "-".to_owned(), percent),
        ]);
    }
    let mut of_nodes = Table::new([
        Column::new("NODE"),
        Column::new("ZONE").spare(2),
        Column::number("PODS").spare(1),
        Column::number("BETWEEN NODES"),
        Column::number("STAYS"),
    ]);
    for node in nodes {
        #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
        let beyond = node.beyond as f64;
        of_nodes.row([
            node.node.clone(),
            node.zone.clone().unwrap_or_else(|| "-".to_owned()),
            node.pods.to_string(),
            bytes_per_second(beyond),
            percent(node.local_share),
        ]);
    }
    format!("{}\n\n{}\n\n{}", paragraph("", &summary, width), of_applications.fit(width), of_nodes.fit(width))
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::widest;
    use super::*;

    fn view() -> MapView {
        let amounts =
            Amounts { within_node: 300.0, within_zone: 50.0, across_zones: 50.0, ..Amounts::default() };
        let mut view = MapView { totals: amounts, ..MapView::default() };
        view.nodes = NodeColumns {
            prefix: "ip-10-0-".to_owned(),
            suffix: ".eu-west-1.compute.internal".to_owned(),
            names: ["1-7", "1-8", "1-9"].map(str::to_owned).into(),
            zone: vec![0, 0, 0],
            pods: vec![5, 6, 7],
            within: vec![100, 0, 10],
            beyond: vec![100, 0, 90],
            ..NodeColumns::default()
        };
        let row = ApplicationRow { application: "shop/cart".to_owned(), pods: 3, nodes: 2, amounts };
        view.applications.items = vec![row];
        view
    }

    #[test]
    fn nodes_that_keep_least_come_first_and_those_without_traffic_never() {
        let top = Top::new(view(), 10);
        let names: Vec<&str> = top.nodes.iter().map(|node| node.node.as_str()).collect();
        assert_eq!(
            names,
            ["ip-10-0-1-9.eu-west-1.compute.internal", "ip-10-0-1-7.eu-west-1.compute.internal"]
        );
        assert_eq!(Top::new(view(), 1).nodes.len(), 1);
    }

    #[test]
    fn it_fits_the_terminal() {
        for width in [60, 80, 200] {
            let shown = text(&Top::new(view(), 10), width);
            assert!(widest(&shown) <= usize::from(width), "{shown}");
            assert!(
                shown.starts_with("75% of 400.0 B/s stay on their node; 50.0 B/s cross zones."),
                "{shown}"
            );
        }
        assert!(text(&Top::new(MapView::default(), 10), 80).contains("netmarks doctor"));
    }
}
