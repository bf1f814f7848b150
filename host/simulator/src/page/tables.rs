//! What was simulated and what was found, as tables.

use maud::{Markup, html};
use netmarks_core::units::bytes_per_second;

use super::names::{shown, shown_within};
use super::plots;
use crate::labels::{Group, LABELS, Label};
use crate::report::SimulationReport;

/// What was simulated.
pub(super) fn conditions(report: &SimulationReport) -> Markup {
    let conditions = &report.conditions;
    let (prices, latencies) = (&conditions.assumptions.prices, &conditions.assumptions.latencies);
    let rows = [
        ("nodes", conditions.nodes.to_string()),
        ("pods", conditions.pods.to_string()),
        ("applications", conditions.applications.to_string()),
        ("flows", conditions.flows.to_string()),
        ("all flows together", bytes_per_second(conditions.bytes_per_second)),
        ("runs of each arm", conditions.repetitions.to_string()),
        ("seed", conditions.seed.to_string()),
        ("price per GB across nodes", prices.across_nodes_per_gb.to_string()),
        ("price per GB across zones", prices.across_zones_per_gb.to_string()),
        ("price per GB across regions", prices.across_regions_per_gb.to_string()),
        ("round trip within a node", format!("{} ms", latencies.same_node_ms)),
        ("round trip within a zone", format!("{} ms", latencies.same_zone_ms)),
        ("round trip across zones", format!("{} ms", latencies.across_zones_ms)),
        ("round trip across regions", format!("{} ms", latencies.across_regions_ms)),
        ("time in an idle callee", format!("{} ms", latencies.service_ms)),
    ];
    html! {
        h2 { "What was simulated" }
        table {
            caption { "The cluster, the runs and what they assume" }
            tbody { @for (name, value) in rows { tr { th scope="row" { (name) } td { (value) } } } }
        }
    }
}

/// The figures of one group: their plot, and the same as a table.
pub(super) fn group(report: &SimulationReport, group: Group) -> Markup {
    let arms = &report.study.arms;
    let found = |label: &&Label| {
        label.group == group && arms.iter().any(|arm| arm.figures.contains_key(&label.figure))
    };
    let labels: Vec<&Label> = LABELS.iter().filter(found).collect();
    if labels.is_empty() {
        return html! {};
    }
    html! {
        h2 { (group.title()) }
        (plots::plot(arms, group, &labels))
        div class="wide" {
            table {
                caption { "Means with half of their 95% intervals; below, the difference to the first arm" }
                thead {
                    tr { th scope="col" { "figure" } @for arm in arms { th scope="col" { (shown(&arm.name)) } } }
                }
                tbody {
                    @for label in labels {
                        tr {
                            th scope="row" { (label.text) }
                            @for arm in arms {
                                td {
                                    @if let Some(found) = arm.figures.get(&label.figure) {
                                        (label.unit.value(found.estimate))
                                        @if let Some(difference) = found.difference {
                                            br; small { (label.unit.clear_difference(difference)) }
                                        }
                                    } @else { "-" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a reader has to know to judge the figures.
pub(super) fn remarks(report: &SimulationReport) -> Markup {
    html! {
        h2 { "How to read this" }
        ul {
            @for remark in report.remarks() { li { (shown_within(&remark, super::SENTENCE)) } }
        }
    }
}
