//! How rankings look: tables for people, JSON for machines.

use clap::ValueEnum;
use netmarks_core::units::bytes_per_second;
use netmarks_core::why::NodeScore;

use super::table::{Column, Table};

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For people
    #[default]
    Table,
    /// For machines
    Json,
}

/// Peers named per node in a table; JSON has all.
const PEERS_IN_TABLE: usize = 3;

/// The nodes as a table: score, raw score, and the peers it came from.
pub(super) fn score_table(nodes: &[NodeScore], width: u16) -> String {
    let mut table = Table::new([
        Column::new("NODE"),
        Column::number("SCORE"),
        Column::number("RAW").spare(1),
        Column::sentences("FROM"),
    ]);
    for node in nodes {
        let mut from: Vec<String> = node
            .peers
            .iter()
            .take(PEERS_IN_TABLE)
            .map(|peer| {
                let pods = if peer.pods == 1 { String::new() } else { format!(" x {}", peer.pods) };
                let both = peer.outbound_bytes_per_second + peer.inbound_bytes_per_second;
                format!("{} {}{pods}", peer.application, bytes_per_second(both))
            })
            .collect();
        if node.peers.len() > PEERS_IN_TABLE {
            from.push(format!("{} more", node.peers.len() - PEERS_IN_TABLE));
        }
        let from = if from.is_empty() { "-".to_owned() } else { from.join(", ") };
        table.row([node.node.clone(), node.score.to_string(), format_raw(node.raw), from]);
    }
    table.fit(width)
}

/// The addends of the nodes' scores as a table, in the policies' own words.
pub(super) fn parts_table(nodes: &[NodeScore], width: u16) -> String {
    let none = || "-".to_owned();
    let mut table = Table::new([
        Column::new("NODE"),
        Column::number("SCORE"),
        Column::new("POLICY").spare(1),
        Column::sentences("PART"),
        Column::sentences("PEER"),
        Column::number("AMOUNT"),
    ]);
    for node in nodes {
        for (position, part) in node.parts.iter().enumerate() {
            let first = |text: String| if position == 0 { text } else { String::new() };
            table.row([
                first(node.node.clone()),
                first(node.score.to_string()),
                part.policy.to_string(),
                part.label.to_string(),
                part.peer.as_ref().map_or_else(none, ToString::to_string),
                format_raw(part.amount),
            ]);
        }
        if node.parts.is_empty() {
            table.row([node.node.clone(), node.score.to_string(), none(), none(), none(), none()]);
        }
    }
    table.fit(width)
}

fn format_raw(raw: f64) -> String {
    if raw == 0.0 || (0.01..1e9).contains(&raw.abs()) { format!("{raw:.1}") } else { format!("{raw:.3e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netmarks_core::application::Application;
    use netmarks_core::why::PeerShare;

    #[test]
    fn tables_show_scores_and_the_heaviest_peers() {
        let peer = |name: &str, pods: u32, rate: f64| PeerShare {
            application: Application::new("shop", name),
            pods,
            outbound_bytes_per_second: rate,
            inbound_bytes_per_second: 0.0,
        };
        let nodes = [
            NodeScore {
                node: "node-a".to_owned(),
                score: 10,
                raw: 1_234_567.0,
                policies: Vec::new(),
                parts: Vec::new(),
                peers: vec![
                    peer("a", 2, 5e5),
                    peer("b", 1, 2e5),
                    peer("c", 1, 34_000.0),
                    peer("d", 1, 400.0),
                    peer("e", 1, 167.0),
                ],
            },
            NodeScore {
                node: "node-b".to_owned(),
                score: 0,
                raw: 0.0,
                policies: Vec::new(),
                parts: Vec::new(),
                peers: Vec::new(),
            },
        ];
        let expected = include_str!("../../tests/golden/score-table.txt");
        assert_eq!(score_table(&nodes, 120), expected.trim_end());
    }
}
