//! The report as one HTML page that opens without a network: figures, plots, and a map of two placements.
//!
//! The page asks for nothing, and runs nothing but the console's script for maps; its own policy forbids the rest. Names come from a
//! cluster and may be anything: they are shortened, their control characters shown, and maud escapes them. The same report gives the
//! same bytes.

mod map;
mod names;
mod plots;
mod scene;
mod style;
mod tables;

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use netmarks_core::units::bytes_per_second;
use netmarks_placement::{ArmReport, Figure, Inventory, Placement};
use sha2::{Digest as _, Sha256};

use self::names::shown_within;
use crate::labels::Group;
use crate::report::SimulationReport;

/// Bytes of a sentence: names and errors in it may have any length.
const SENTENCE: usize = 1_024;

/// The page of a report; `inventory` is that of the world which was simulated.
#[must_use]
pub fn page(report: &SimulationReport, inventory: &Inventory) -> String {
    let title = "What NetMARKS would gain";
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(map::STYLE)) (PreEscaped(style::STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    (headlines(report))
                    (tables::conditions(report))
                    @for group in Group::ALL { (tables::group(report, group)) }
                    (maps(report, inventory))
                    (tables::remarks(report))
                }
                script { (PreEscaped(map::SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Lets this one script run, and nothing be fetched.
fn policy() -> String {
    let script = STANDARD.encode(Sha256::digest(map::SCRIPT));
    format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{script}'")
}

/// What the report says first.
fn headlines(report: &SimulationReport) -> Markup {
    html! {
        ul class="headlines" { @for headline in report.headlines() { li { (shown_within(&headline, SENTENCE)) } } }
    }
}

/// The maps of the first arm and of the best other one.
fn maps(report: &SimulationReport, inventory: &Inventory) -> Markup {
    let mut placed: Vec<(&ArmReport, &Placement)> = report
        .study
        .arms
        .iter()
        .zip(&report.first_placements)
        .filter_map(|(arm, placement)| Some((arm, placement.as_ref()?)))
        .collect();
    let first = report.study.arms.first().map(|arm| &arm.name);
    let is_first = placed.first().is_some_and(|(arm, _)| Some(&arm.name) == first);
    let others = if is_first { placed.split_off(1) } else { std::mem::take(&mut placed) };
    let kept = |arm: &ArmReport| {
        arm.figures.get(&Figure::BytesWithinNode).map_or(f64::NEG_INFINITY, |found| found.estimate.mean)
    };
    // The earlier one of equals.
    let best = others.into_iter().reduce(|best, next| if kept(next.0) > kept(best.0) { next } else { best });
    placed.extend(best);
    html! {
        @if !placed.is_empty() {
            h2 { "Where the pods are" }
            p {
                "After each arm's first finished run. Traffic is spread evenly over an application's pods. All flows together carry "
                (bytes_per_second(report.conditions.bytes_per_second)) "."
            }
            @for (arm, placement) in placed {
                @let without_node = placement.iter().filter(|node| node.is_none()).count();
                (map::section(&arm.name, &scene::view(inventory, placement), without_node))
            }
        }
    }
}
