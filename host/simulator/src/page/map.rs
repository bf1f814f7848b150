//! One placement as a picture with its tables: zones hold nodes, nodes hold pods.

use std::fmt::Write as _;

use maud::{Markup, html};
use netmarks_core::units::bytes_per_second;

use super::curves::{CURVES, curves};
use super::names::{shown, shown_within};
use super::view::{COLOURS, View};

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 10.0;
const HEADING: f64 = 22.0;

/// Most nodes that are drawn with their pods; of more, each is a cell.
const DETAILED: usize = 60;

/// Most nodes in the table.
const ROWS: usize = 60;

/// Most pods that are drawn in a node, as rows of dots.
const DOTS: usize = 72;
const DOTS_PER_ROW: usize = 12;

/// Where every node is.
struct Layout {
    /// Width and height of a node.
    size: (f64, f64),
    /// Upper left corners, by the node's index.
    corners: Vec<(f64, f64)>,
    /// Of each zone, top and height.
    zones: Vec<(f64, f64)>,
    height: f64,
}

impl Layout {
    fn new(view: &View, size: (f64, f64), gap: f64) -> Self {
        let (width, height) = size;
        let inner = WIDTH - 4.0 * MARGIN;
        let per_row = whole((inner + gap) / (width + gap)).max(1);
        let mut corners = vec![(0.0, 0.0); view.nodes.len()];
        let (mut zones, mut top) = (Vec::new(), MARGIN);
        for (_, nodes) in &view.zones {
            for (place, node) in nodes.iter().enumerate() {
                let (column, row) = ((place % per_row) as f64, (place / per_row) as f64);
                let corner = (2.0 * MARGIN + column * (width + gap), top + HEADING + row * (height + gap));
                corners.get_mut(*node).into_iter().for_each(|slot| *slot = corner);
            }
            let tall = HEADING + nodes.len().div_ceil(per_row) as f64 * (height + gap) + MARGIN;
            zones.push((top, tall));
            top += tall + MARGIN;
        }
        Self { size, corners, zones, height: top }
    }

    fn centres(&self) -> Vec<(f64, f64)> {
        let (width, height) = self.size;
        self.corners.iter().map(|(x, y)| (x + width / 2.0, y + height / 2.0)).collect()
    }
}

/// The picture of one arm's placement, and what it shows as tables.
pub(super) fn section(arm: &str, number: usize, view: &View) -> Markup {
    let detailed = view.nodes.len() <= DETAILED;
    let layout = if detailed {
        let most = view.nodes.iter().map(|node| node.pods.len().min(DOTS)).max().unwrap_or(0);
        let rows = most.div_ceil(DOTS_PER_ROW).max(1);
        Layout::new(view, (136.0, 38.0 + rows as f64 * 10.0), 12.0)
    } else {
        let side = cell_side(view);
        Layout::new(view, (side, side), 1.0)
    };
    let (title, description) = (format!("map-{number}-title"), format!("map-{number}-text"));
    html! {
        h3 { (shown(arm)) }
        svg viewBox=(format!("0 0 {WIDTH} {:.0}", layout.height)) role="img" aria-labelledby=(format!("{title} {description}")) {
            title id=(title) { "Where the pods are with " (shown(arm)) }
            desc id=(description) {
                (view.nodes.len()) " nodes in " (view.zones.len())
                " boxes, one for each zone, with curves between nodes as thick as the bytes per second that they exchange. "
                "The tables below have the numbers."
            }
            @for ((name, _), (top, height)) in view.zones.iter().zip(&layout.zones) {
                rect class="zone" x=(MARGIN) y=(format!("{top:.1}")) width=(WIDTH - 2.0 * MARGIN) height=(format!("{height:.1}")) rx="6" {}
                text class="dim" x=(2.0 * MARGIN) y=(format!("{:.1}", top + 15.0)) { (name) }
            }
            @if detailed { (boxes(view, &layout)) } @else { (cells(view, &layout)) }
            (curves(view, &layout.centres()))
        }
        (legend(view, detailed))
        (nodes(view))
        (heaviest(view))
    }
}

/// Nodes with their pods as dots.
fn boxes(view: &View, layout: &Layout) -> Markup {
    let (width, height) = layout.size;
    html! {
        @for (node, (x, y)) in view.nodes.iter().zip(&layout.corners) {
            rect class="node" x=(x) y=(y) width=(width) height=(height) rx="4" {}
            text x=(x + 6.0) y=(y + 14.0) { (shown_within(&node.name, 18)) title { (node.name) } }
            @for (place, colour) in node.pods.iter().take(DOTS).enumerate() {
                circle class=(colour_class(*colour)) cx=(x + 11.0 + (place % DOTS_PER_ROW) as f64 * 10.0)
                    cy=(y + 24.0 + (place / DOTS_PER_ROW) as f64 * 10.0) r="4" {}
            }
            text class="dim" x=(x + 6.0) y=(y + height - 5.0) {
                @match node.local_share() {
                    Some(share) => { (format!("{:.0}% stays here", share * 100.0)) }
                    None => { "no traffic" }
                }
                @if node.pods.len() > DOTS { ", " (node.pods.len()) " pods" }
            }
        }
    }
}

/// Nodes as small squares; those of one colour are one path, so that thousands stay small.
fn cells(view: &View, layout: &Layout) -> Markup {
    let mut paths: [String; 11] = Default::default();
    for (node, (x, y)) in view.nodes.iter().zip(&layout.corners) {
        let step = node.local_share().map_or(10, |share| whole(share * 10.0).min(9));
        if let Some(path) = paths.get_mut(step) {
            let (side, _) = layout.size;
            let _ = write!(path, "M{x:.0} {y:.0}h{side:.0}v{side:.0}h-{side:.0}z");
        }
    }
    html! {
        @for (step, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            path class=(step_class(step)) d=(path) {}
        }
    }
}

/// The side of a cell: the nodes of the largest zone fill a few rows, and thousands still fit.
fn cell_side(view: &View) -> f64 {
    let most = view.zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0).max(1);
    (WIDTH * 72.0 / most as f64).sqrt().clamp(8.0, 24.0).floor()
}

fn step_class(step: usize) -> String {
    if step < 10 { format!("h{step}") } else { "hn".to_owned() }
}

fn colour_class(colour: usize) -> String {
    if colour < COLOURS { format!("a{colour}") } else { "other".to_owned() }
}

fn key(class: &str) -> Markup {
    html! { svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" { rect class=(class) width="12" height="12" {} } " " }
}

fn legend(view: &View, detailed: bool) -> Markup {
    html! {
        ul class="legend" {
            @if detailed {
                @for (colour, name) in view.applications.iter().enumerate() { li { (key(&colour_class(colour))) (name) } }
                li { (key("other")) "other applications" }
            } @else {
                @for step in 0..10 { li { (key(&step_class(step))) (step * 10) " to " (step * 10 + 10) "% stays on the node" } }
                li { (key("hn")) "no traffic" }
            }
            li class="key-z" { "curves within a zone" }
            li class="key-x" { "curves across zones" }
        }
        @if view.without_node > 0 { p { (view.without_node) " pods found no node." } }
    }
}

fn nodes(view: &View) -> Markup {
    let zone_of = |index: usize| {
        let zone = view.zones.iter().find(|(_, nodes)| nodes.contains(&index));
        zone.map(|(name, _)| name.as_str()).unwrap_or_default()
    };
    let left_out = view.nodes.len().saturating_sub(ROWS);
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
                        @for index in view.busiest().into_iter().take(ROWS) {
                            @if let Some(node) = view.nodes.get(index) {
                                tr {
                                    th scope="row" { (node.name) }
                                    td class="text" { (zone_of(index)) }
                                    td { (node.pods.len()) }
                                    td { (bytes_per_second(node.within)) }
                                    td { (bytes_per_second(node.beyond)) }
                                    td { (node.local_share().map_or_else(|| "-".to_owned(), |share| format!("{:.0}%", share * 100.0))) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn heaviest(view: &View) -> Markup {
    let all: f64 = view.curves.iter().map(|curve| curve.amount).sum();
    let drawn: f64 = view.curves.iter().take(CURVES).map(|curve| curve.amount).sum();
    let name = |index: usize| view.nodes.get(index).map(|node| node.name.as_str()).unwrap_or_default();
    html! {
        @if all > 0.0 {
            p class="dim" {
                (view.curves.len().min(CURVES)) " of " (view.curves.len()) " pairs of nodes are drawn, with "
                (format!("{:.0}%", drawn / all * 100.0)) " of the bytes between nodes."
            }
            details {
                summary { "The heaviest pairs of nodes as a table" }
                div class="wide" {
                    table {
                        caption { "At most 20 pairs" }
                        thead { tr { @for name in ["node", "node", "both directions", "colour"] { th scope="col" { (name) } } } }
                        tbody {
                            @for curve in view.curves.iter().take(20) {
                                tr {
                                    th scope="row" { (name(curve.nodes.0)) }
                                    td class="text" { (name(curve.nodes.1)) }
                                    td { (bytes_per_second(curve.amount)) }
                                    td { (if super::curves::within_zone(curve) { "within a zone" } else { "across zones" }) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The whole part of a number, as a count of columns or steps.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast to an integer cuts to its range, and NaN is 0"
)]
fn whole(number: f64) -> usize {
    number as usize
}
