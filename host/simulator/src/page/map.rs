//! One placement as a picture with its tables. The console's own script draws the picture, from data that stands in the page.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};
use netmarks_core::units::bytes_per_second;
use netmarks_map::{MapView, NodeColumns};

use super::names::{shown, shown_within};

/// The console's map, built from `console/src/still.tsx`.
pub(super) const SCRIPT: &str = include_str!("../../../../console/dist/still.js");

/// Its style sheet, whose colours the page shares.
pub(super) const STYLE: &str = include_str!("../../../../console/dist/still.css");

/// Most nodes, and most pairs of nodes, in a table.
const ROWS: usize = 60;
const PAIRS: usize = 20;

/// Longest name of a zone with its region, in bytes.
const ZONE: usize = 128;

/// The picture of one arm's placement, and what it shows as tables.
pub(super) fn section(arm: &str, view: &MapView, without_node: usize) -> Markup {
    html! {
        h3 { (shown(arm)) }
        div class="still" { script type="application/json" { (PreEscaped(data(view))) } }
        noscript { p { "A script in this file draws the map, and asks for nothing. The tables have its figures." } }
        @if without_node > 0 { p { (without_node) " pods found no node." } }
        (nodes(view))
        (heaviest(view))
    }
}

/// JSON that is nothing else to HTML, whatever names are in it, and is in ASCII: text that runs backwards would do so in an editor, too.
fn data(view: &MapView) -> String {
    let json = serde_json::to_string(view).unwrap_or_default();
    json.chars().fold(String::with_capacity(json.len()), |mut text, letter| {
        if letter.is_ascii() && !matches!(letter, '<' | '>' | '&') {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
        text
    })
}

fn name(nodes: &NodeColumns, index: usize) -> String {
    let own = nodes.names.get(index).map(String::as_str).unwrap_or_default();
    shown(&[&nodes.prefix, own, &nodes.suffix].concat())
}

fn zone(view: &MapView, index: usize) -> String {
    let zone = view.nodes.zone.get(index).and_then(|zone| view.zones.get(*zone as usize));
    let name = |name: Option<&String>| name.map(|name| shown(name));
    let of = zone.and_then(|zone| name(zone.name.as_ref())).unwrap_or_else(|| "no zone".to_owned());
    match zone.and_then(|zone| name(zone.region.as_ref())) {
        Some(region) => shown_within(&format!("{of} ({region})"), ZONE),
        None => of,
    }
}

#[allow(clippy::cast_precision_loss, reason = "bytes per second, to be read")]
fn nodes(view: &MapView) -> Markup {
    let columns = &view.nodes;
    let of = |column: &[u64], index: usize| column.get(index).copied().unwrap_or(0);
    let traffic = |index: &usize| of(&columns.within, *index).saturating_add(of(&columns.beyond, *index));
    let mut busiest: Vec<usize> = (0..columns.names.len()).collect();
    busiest.sort_by_key(|index| std::cmp::Reverse(traffic(index)));
    let left_out = columns.left_out + busiest.len().saturating_sub(ROWS);
    html! {
        details {
            summary { "Nodes as a table" }
            div class="wide" {
                table {
                    caption {
                        "Nodes, those with the most traffic first"
                        @if left_out > 0 { "; " (left_out) " with less are left out" }
                    }
                    thead {
                        tr { @for name in ["node", "zone", "pods", "stays here", "to and from other nodes", "share that stays"] { th scope="col" { (name) } } }
                    }
                    tbody {
                        @for index in busiest.into_iter().take(ROWS) {
                            @let (within, beyond) = (of(&columns.within, index) as f64, of(&columns.beyond, index) as f64);
                            tr {
                                th scope="row" { (name(columns, index)) }
                                td class="text" { (zone(view, index)) }
                                td { (columns.pods.get(index).copied().unwrap_or(0)) }
                                td { (bytes_per_second(within)) }
                                td { (bytes_per_second(beyond)) }
                                td {
                                    @if within + beyond > 0.0 { (format!("{:.0}%", within / (within + beyond) * 100.0)) }
                                    @else { "-" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "bytes per second, to be read")]
fn heaviest(view: &MapView) -> Markup {
    let flows = &view.node_flows;
    let pairs = flows.from.iter().zip(&flows.to).zip(flows.bytes_per_second.iter().zip(&flows.distance));
    html! {
        @if !flows.from.is_empty() {
            details {
                summary { "The heaviest pairs of nodes as a table" }
                div class="wide" {
                    table {
                        caption { "At most " (PAIRS) " of " (flows.pairs) " pairs" }
                        thead { tr { @for name in ["node", "node", "both directions", "how far"] { th scope="col" { (name) } } } }
                        tbody {
                            @for ((from, to), (bytes, distance)) in pairs.take(PAIRS) {
                                tr {
                                    th scope="row" { (name(&view.nodes, *from as usize)) }
                                    td class="text" { (name(&view.nodes, *to as usize)) }
                                    td { (bytes_per_second(*bytes as f64)) }
                                    td { (if *distance == 1 { "within a zone" } else { "across zones" }) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
