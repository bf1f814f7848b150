//! What one request costs an extender, without a scheduler: rows 1 and 1b.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::Extent;
use super::report::{Report, Row, Target};
use super::run::{Bench, Load, Setting};

/// Requests that are recorded and then sent again and again.
const RECORDED: u32 = 64;

/// Records what a scheduler asks, and asks each extender the same.
pub(super) fn measure(bench: &Bench, extent: &Extent, report: &mut Report) -> Result<()> {
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
        rows(names, connections, outcome.as_ref().map(|outcome| outcome.value()), report);
    }
    Ok(())
}

fn rows(names: usize, connections: u32, outcome: Option<&Value>, report: &mut Report) {
    let all = outcome.and_then(|outcome| outcome.get("load"));
    let figures = |extender: &str, name: &str| -> Vec<f64> {
        let rounds = all.and_then(|load| load.get(extender)).and_then(Value::as_array);
        rounds.into_iter().flatten().filter_map(|round| round.get(name)?.as_f64()).collect()
    };
    let target = |at_500: f64, at_5_000: f64| match names {
        500 => Some(Target::AtMost(at_500)),
        5_000 => Some(Target::AtMost(at_5_000)),
        _ => None,
    };
    let measured = [
        ("cpu_us", "CPU of a request", target(1.1, 1.4)),
        ("p50_us", "1b: latency p50", target(1.2, 1.5)),
        ("p99_us", "1b: latency p99", target(1.2, 1.5)),
    ];
    for (figure, what, target) in measured {
        let what = format!("{names} names: {what}, against answering `[]`");
        let (of, against) = (figures("netmarks", figure), figures("blind", figure));
        report.rows.push(Row::ratio(1, what, target, "us", &of, &against));
    }
    let what = format!("{names} names: CPU of a request, against answering 0 for all");
    report.rows.push(Row::ratio(
        1,
        what,
        None,
        "us",
        &figures("netmarks", "cpu_us"),
        &figures("dense", "cpu_us"),
    ));
    report.runs.push(json!({"names": names, "connections": connections, "load": all}));
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
