//! What one request costs an extender, without a scheduler: rows 1 and 1b.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Extent;
use super::report::ratio;
use super::run::{Bench, Load, Setting};
use crate::bench::record::Run;

/// Requests that are recorded and then sent again and again.
const RECORDED: u32 = 64;

/// Records what a scheduler asks, and asks each extender the same.
pub(super) fn measure(bench: &Bench, extent: &Extent, run: &mut Run) -> Result<()> {
    let (nodes, percentages) = &extent.load;
    for percentage in percentages {
        let bodies = bench.scratch("recorded")?;
        let recording = Setting {
            percentage: *percentage,
            record: Some(bodies.clone()),
            ..Setting::new(*nodes, RECORDED, "blind")
        };
        bench.measure(&format!("record-{percentage}-percent"), &recording);
        let names = names(&bodies)?;
        let Extent { requests, rounds, connections, .. } = *extent;
        let load = Load { bodies, requests, rounds, connections };
        // scheduler_perf wants to schedule something.
        let loading = Setting { load: Some(load), ..Setting::new(*nodes, 1, "none") };
        let outcome = bench.measure(&format!("load-{names}-names"), &loading);
        figures(names, outcome.as_ref().map(|outcome| outcome.value()), run);
    }
    Ok(())
}

fn figures(names: usize, outcome: Option<&Value>, run: &mut Run) {
    let all = outcome.and_then(|outcome| outcome.get("load"));
    let rounds = |extender: &str, name: &str| -> Vec<f64> {
        let rounds = all.and_then(|load| load.get(extender)).and_then(Value::as_array);
        rounds.into_iter().flatten().filter_map(|round| round.get(name)?.as_f64()).collect()
    };
    for (row, name, what, other, against) in [
        ("1", "cpu_us", "CPU of a request", "blind", "answering `[]`"),
        ("1b", "p50_us", "latency p50", "blind", "answering `[]`"),
        ("1b", "p99_us", "latency p99", "blind", "answering `[]`"),
        ("1", "cpu_us", "CPU of a request", "dense", "answering 0 for all"),
    ] {
        let what = format!("{names} names: {what}, against {against}");
        run.add(ratio(row, what, "us", &rounds("netmarks", name), &rounds(other, name)));
    }
}

/// How many nodes the recorded requests name.
fn names(folder: &Path) -> Result<usize> {
    let entry = fs::read_dir(folder).and_then(|mut entries| entries.next().transpose());
    let entry = entry.with_context(|| format!("failed to list {}", folder.display()))?;
    let file = entry.context("no request was recorded")?.path();
    let body = fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
    let body: Value = serde_json::from_str(&body).context("what was recorded is not JSON")?;
    let names = body.get("NodeNames").and_then(Value::as_array);
    Ok(names.context("what was recorded names no nodes")?.len())
}
