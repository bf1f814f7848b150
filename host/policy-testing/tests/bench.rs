//! That what is measured is plausible; how fast it is depends on the machine.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use crate::support::{built, committed};

#[test]
fn every_size_is_measured_and_slow_calls_are_marked() {
    let bench = committed("netmarks").unwrap().bench().unwrap();
    let nodes: Vec<usize> = bench.rows.iter().map(|row| row.nodes).collect();
    assert_eq!(nodes, [100, 500, 5_000]);
    for row in &bench.rows {
        assert!(
            row.calls >= 20 && 0.0 < row.p50_microseconds && row.p50_microseconds <= row.p99_microseconds
        );
        // 1,000 placements, 5,000 scores and Rust's stack of 1 MiB.
        assert!((1 << 20..2 << 20).contains(&row.memory_bytes), "{row:?}");
    }
    assert!(bench.rows.is_sorted_by_key(|row| row.memory_bytes));
    let shown = bench.to_string();
    assert!(shown.starts_with("NODES         P50         P99      MEMORY  CALLS\n  100 "), "{shown}");
    assert!(!shown.contains("deadline"), "{shown}");
}

#[test]
fn a_policy_that_fails_is_not_measured() {
    let policy = built("unfair").unwrap().parameter("fault", "at-limit").parameter("strength", 10.0);
    let error = policy.bench().unwrap_err();
    assert_eq!((error.stage.as_str(), error.cause.kind()), ("trial", "said"));
}
