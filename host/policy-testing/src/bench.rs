//! What a call takes: time and memory, in clusters of the usual sizes.
//!
//! Conformance asks only whether limits are kept.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use netmarks_core::request::{Candidates, gather};
use netmarks_engine::{Limits, PolicyError};
use serde::Serialize;

use crate::policy::Policy;
use crate::scenarios;

/// Nodes of the clusters; each has 20 peers of 50 pods.
const SIZES: [usize; 3] = [100, 500, 5_000];
/// Calls per size, unless they take too long together; then no fewer than the least.
const CALLS: usize = 2_000;
const LEAST_CALLS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(3);
/// Calls before those that count.
const WARM_UP: usize = 10;

/// Time and memory of calls, by the size of the cluster.
#[derive(Clone, Debug, Serialize)]
pub struct Bench {
    /// Model of the CPU and number of cores.
    pub machine: String,
    /// Whether the host was built with optimisation; without, its share of a call is several times as long.
    pub optimised: bool,
    /// Size of the component in bytes.
    pub artefact_bytes: usize,
    /// The deadline that it is going to have, in microseconds.
    pub deadline_microseconds: f64,
    /// By number of nodes.
    pub rows: Vec<BenchRow>,
}

/// What calls take in a cluster of one size.
#[derive(Clone, Debug, Serialize)]
pub struct BenchRow {
    /// Nodes, all of them candidates.
    pub nodes: usize,
    /// Half of the calls take no longer.
    pub p50_microseconds: f64,
    /// 99 of 100 calls take no longer.
    pub p99_microseconds: f64,
    /// The most linear memory that a call had.
    pub memory_bytes: usize,
    /// Calls that were measured.
    pub calls: usize,
}

impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, optimised, artefact_bytes, deadline_microseconds, rows } = self;
        writeln!(f, "{:>5}  {:>10}  {:>10}  {:>10}  {:>5}", "NODES", "P50", "P99", "MEMORY", "CALLS")?;
        for BenchRow { nodes, p50_microseconds, p99_microseconds, memory_bytes, calls } in rows {
            let late =
                if p99_microseconds > deadline_microseconds { "  longer than its deadline" } else { "" };
            writeln!(
                f,
                "{nodes:>5}  {:>10}  {:>10}  {:>10}  {calls:>5}{late}",
                time(*p50_microseconds),
                time(*p99_microseconds),
                format!("{} KiB", memory_bytes / 1024),
            )?;
        }
        write!(f, "{artefact_bytes} bytes; a call with its fresh instance, 20 peers of 50 pods; {machine}")?;
        if *optimised { Ok(()) } else { write!(f, "; a development build, which is slower") }
    }
}

/// Three digits or so: `11.2 us`, `4.10 ms`.
fn time(microseconds: f64) -> String {
    if microseconds < 1_000.0 {
        format!("{microseconds:.1} us")
    } else {
        format!("{:.2} ms", microseconds / 1_000.0)
    }
}

impl Policy {
    /// Measures calls in clusters of the usual sizes.
    ///
    /// # Errors
    /// If the policy is refused or fails.
    pub fn bench(&self) -> Result<Bench, PolicyError> {
        run(self)
    }
}

fn run(policy: &Policy) -> Result<Bench, PolicyError> {
    let limits = policy.settings().limits;
    // A slow policy is to be measured, not stopped.
    let patient = Limits { deadline_ms: Limits::MOST_DEADLINE_MS, ..limits };
    let loaded = policy.load_with(&BTreeMap::new(), patient)?;
    let mut rows = Vec::new();
    for nodes in SIZES {
        rows.push(measure(&loaded, nodes)?);
    }
    Ok(Bench {
        machine: machine(),
        optimised: !cfg!(debug_assertions),
        artefact_bytes: policy.artefact_bytes(),
        deadline_microseconds: limits.deadline().as_secs_f64() * 1e6,
        rows,
    })
}

fn measure(policy: &netmarks_engine::Policy, nodes: usize) -> Result<BenchRow, PolicyError> {
    let scenario = scenarios::large(nodes);
    let names: Vec<&str> = scenario.nodes.iter().map(String::as_str).collect();
    let candidates = Candidates::new(&scenario.snapshot, &names);
    let request = gather(&scenario.snapshot, &scenario.pod, &candidates, policy.needs(), &[]);
    let (mut times, mut memory_bytes) = (Vec::new(), 0);
    let started = Instant::now();
    for call in 0..WARM_UP + CALLS {
        let (_, cost) = policy.measure(&request)?;
        memory_bytes = memory_bytes.max(cost.memory_bytes);
        if call >= WARM_UP {
            times.push(cost.took);
        }
        if times.len() >= LEAST_CALLS && started.elapsed() > PATIENCE {
            break;
        }
    }
    times.sort_unstable();
    let quantile = |hundredths: usize| {
        let at = (times.len().saturating_sub(1) * hundredths).div_ceil(100);
        times.get(at).map_or(0.0, Duration::as_secs_f64) * 1e6
    };
    Ok(BenchRow {
        nodes,
        p50_microseconds: quantile(50),
        p99_microseconds: quantile(99),
        memory_bytes,
        calls: times.len(),
    })
}

/// Model of the CPU and number of cores, as Linux tells them.
#[must_use]
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, model)| model))
        .unwrap_or("unknown CPU");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores")
}
