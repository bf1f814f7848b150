//! `percentageOfNodesToScore`: what looking at more nodes costs the scheduler, and what it finds.

use serde_json::json;

use super::Extent;
use super::report::{Report, Row};
use super::run::{Bench, Setting};
use super::statistics::Spread;

/// 0 is the scheduler's own choice: `max(5, 50 - nodes/125)` percent, and at least 100 nodes.
const PERCENTAGES: [u32; 5] = [0, 20, 50, 75, 100];

/// Rows without a target, for the table of docs/performance.md.
pub(super) fn measure(bench: &Bench, extent: &Extent, report: &mut Report) {
    for nodes in &extent.nodes {
        let mut seen: Vec<(u32, [Vec<f64>; 5])> =
            PERCENTAGES.map(|percentage| (percentage, Default::default())).into();
        for round in 1..=extent.rounds {
            for (percentage, figures) in &mut seen {
                let setting = Setting {
                    percentage: *percentage,
                    candidates: true,
                    ..Setting::new(*nodes, extent.pods, "netmarks")
                };
                let place = format!("{nodes}-nodes-{round}-{percentage}-percent");
                let outcome = bench.measure(&place, &setting);
                let names = ["pods_per_second", "candidates", "best_among", "local", "best_local"];
                for (figures, name) in figures.iter_mut().zip(names) {
                    figures.extend(outcome.as_ref().map(|outcome| outcome.figure(name)));
                }
                report.runs.push(json!({
                    "percentage": percentage, "nodes": nodes, "pods": extent.pods, "round": round,
                    "outcome": outcome.as_ref().map(|outcome| outcome.value()),
                }));
            }
            seen.reverse();
        }
        seen.sort_by_key(|(percentage, _)| *percentage);
        report.rows.extend(seen.into_iter().map(|(percentage, figures)| row(*nodes, percentage, figures)));
    }
}

fn row(nodes: u32, percentage: u32, figures: [Vec<f64>; 5]) -> Row {
    let percentage = if percentage == 0 { "default".to_owned() } else { format!("{percentage}%") };
    let what = format!("{nodes} nodes, percentageOfNodesToScore {percentage}: throughput");
    let (value, detail) = match figures.map(Spread::of) {
        [Some(rate), Some(candidates), Some(among), Some(local), Some(best)] => (
            Some(rate.median),
            format!(
                "{} pods/s; {:.0} candidates, the best node among them for {:.0}% of the pods; {:.2}% of their bytes \
                 stay on the node, {:.2}% would on the best",
                rate.text(0),
                candidates.median,
                among.median * 100.0,
                local.median * 100.0,
                best.median * 100.0
            ),
        ),
        _ => (None, "not measured".to_owned()),
    };
    Row { number: 4, what, value, unit: "/s", target: None, rounds_agree: true, detail }
}
