//! How good placements and plans are that see all pods, by the time that is spent on them.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::company::generated;
use super::markdown::table;
use super::simulation::{Settings, Simulator};
use crate::machine::Machine;

/// Clusters, by their seed.
const CLUSTERS: std::ops::RangeInclusive<u64> = 1..=3;

/// Runs of which the best stands for the best there is, and seconds of each.
const LONG: (u64, u64) = (3, 60);

/// Plans as if nothing but room limited them, and every call stayed on its node where it can.
const FREE: [&str; 10] = [
    "--routing",
    "same-node",
    "--most-on-node",
    "1",
    "--most-in-zone",
    "1",
    "--stateful",
    "--singletons",
    "--stop-at",
    "1",
];

pub(super) fn report(simulator: &Simulator) -> Result<String> {
    let mut text = "# Placements that see all pods\n\n\
                    This page is written by `cargo xtask evaluation placement`. What is found in a time depends on the machine.\n"
        .to_owned();
    let _ = write!(
        text,
        "\nClusters of a [large company's shape](company.md). Shares are gained affinity: of all traffic, what stays within nodes if calls prefer\n\
         their node. Machine: {}.\n\n## By time\n",
        Machine::this()?.processors()
    );
    let mut rows = Vec::new();
    for cluster in CLUSTERS {
        let file = generated(simulator, cluster, 1)?;
        let long = (1..=LONG.0)
            .map(|seed| searched(simulator, &file, LONG.1, seed))
            .collect::<Result<Vec<f64>>>()?;
        let (first, best) = (long.first().copied().unwrap_or(0.0), long.iter().copied().fold(0.0, f64::max));
        let plan =
            simulator.plan(&file, &[FREE.as_slice(), &["--steps", "1000", "--moves", "1"]].concat())?;
        let mut row = vec![cluster.to_string()];
        for seconds in [1, 10] {
            row.push(percent(searched(simulator, &file, seconds, 1)?));
        }
        row.extend([percent(first), percent(best), percent(share(&plan, "/report/bound")?)]);
        rows.push(row);
    }
    let long = format!("best of {} runs of {} s", LONG.0, LONG.1);
    text.push_str(&table(&["cluster", "1 s", "10 s", "60 s", &long, "no placement exceeds"], &rows));
    let large = generated(simulator, 1, 10)?;
    let _ = write!(
        text,
        "\nThe bound looks at each pair of applications by itself: pods are whole, and nodes finite. Ten times as large, 960 machines and 34,850 pods,\n\
         60 s find {}.\n\n## By the largest share of an application on one node\n",
        percent(searched(simulator, &large, 60, 1)?)
    );
    let mut rows = Vec::new();
    for cluster in CLUSTERS {
        let file = generated(simulator, cluster, 1)?;
        let mut row = vec![cluster.to_string()];
        for most in ["1", "0.5", "0.34", "0.25", "0.1"] {
            let mut flags = FREE;
            if let Some(flag) = flags.get_mut(3) {
                *flag = most;
            }
            let plan = simulator.plan(&file, &[flags.as_slice(), &["--moves", "1"]].concat())?;
            row.push(format!(
                "{} of {}",
                percent(share(&plan, "/report/found")?),
                percent(share(&plan, "/report/bound")?)
            ));
        }
        rows.push(row);
    }
    text.push_str(&table(&["cluster", "no limit", "50%", "34%", "25%", "10%"], &rows));
    text.push_str(
        "\nWhat a search finds, of what no placement exceeds.\n\n## Plans\n\n\
         What stays within nodes after the first moves of one plan. Each move is rehearsed: the pod goes where kube-scheduler, with the policy as\n\
         its extender, puts it.\n",
    );
    for policy in ["netmarks", "recommended"] {
        let mut rows = Vec::new();
        for cluster in CLUSTERS {
            let file = generated(simulator, cluster, 1)?;
            rows.push(plan_row(simulator, &file, cluster, policy)?);
        }
        let _ = write!(text, "\nPolicy `{policy}`:\n");
        text.push_str(&table(&["cluster", "now", "1% of the pods", "5%", "10%", "25%", "all moves"], &rows));
    }
    Ok(text)
}

fn plan_row(simulator: &Simulator, file: &Path, cluster: u64, policy: &str) -> Result<Vec<String>> {
    let flags = [FREE.as_slice(), &["--policy", policy]].concat();
    let plan = simulator.plan(file, &flags)?;
    let traffic = number(&plan, "/report/bytes_per_second")?;
    let pods = number(&plan, "/report/pods")?;
    let gains = plan.pointer("/moves").and_then(Value::as_array).context("the plan has no moves")?;
    let gains: Vec<f64> = gains
        .iter()
        .filter_map(|step| step.pointer("/gain/within_nodes_bytes_per_second")?.as_f64())
        .collect();
    let now = share(&plan, "/report/before/within_nodes")?;
    let mut row = vec![cluster.to_string(), percent(now)];
    for part in [0.01, 0.05, 0.1, 0.25] {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of some thousand pods"
        )]
        let moves = (pods * part).round() as usize;
        if moves > gains.len() {
            row.push("-".to_owned());
            continue;
        }
        let first: f64 = gains.iter().take(moves).sum();
        row.push(percent(now + first / traffic));
    }
    row.push(format!("{} ({} moves)", percent(now + gains.iter().sum::<f64>() / traffic), gains.len()));
    Ok(row)
}

/// What the arm `optimal` keeps when it has so many seconds.
fn searched(simulator: &Simulator, file: &Path, seconds: u64, seed: u64) -> Result<f64> {
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    let settings = Settings {
        arms: &["optimal"],
        order: "random",
        repetitions: 1,
        extender_weight: 2,
        score_map: "linear",
        optimal_steps: None,
        flags: &["--optimal-seconds", &seconds, "--seed", &seed],
    };
    let outcome = simulator.run_file(file, &settings)?;
    Ok(outcome.figure(0, "gained_affinity").context("the report has no gained affinity")?.mean)
}

/// A figure of a plan in bytes per second, as a share of its traffic.
fn share(plan: &Value, pointer: &str) -> Result<f64> {
    Ok(number(plan, pointer)? / number(plan, "/report/bytes_per_second")?)
}

fn number(plan: &Value, pointer: &str) -> Result<f64> {
    plan.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("the plan has no {pointer}"))
}

fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}
