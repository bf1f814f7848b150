//! `percentageOfNodesToScore`: what looking at more nodes costs the scheduler, and what it finds.

use super::Extent;
use super::report::plain;
use super::run::{Bench, Setting};
use crate::bench::record::Run;

/// 0 is the scheduler's own choice: `max(5, 50 - nodes/125)` percent, and at least 100 nodes.
const PERCENTAGES: [u32; 5] = [0, 20, 50, 75, 100];

/// Figures without a target, for the table of docs/performance.md.
pub(super) fn measure(bench: &Bench, extent: &Extent, run: &mut Run) {
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
            }
            seen.reverse();
        }
        seen.sort_by_key(|(percentage, _)| *percentage);
        for (percentage, figures) in seen {
            let percentage = if percentage == 0 { "default".to_owned() } else { format!("{percentage}%") };
            for ((what, unit, times), samples) in FIGURES.iter().zip(figures) {
                let name = format!("{nodes} nodes, percentageOfNodesToScore {percentage}: {what}");
                let samples = samples.into_iter().map(|sample| sample * times).collect();
                run.add(plain("4", name, unit, samples));
            }
        }
    }
}

/// What each is called, its unit, and how many of these one of the benchmark's is.
const FIGURES: [(&str, &str, f64); 5] = [
    ("throughput", "pods/s", 1.0),
    ("candidates", "nodes", 1.0),
    ("the best node among them", "% of pods", 100.0),
    ("bytes that stay on the node", "%", 100.0),
    ("bytes that would on the best node", "%", 100.0),
];
