//! Measures the product against its performance targets: `cargo xtask bench`.
//!
//! One row per target, each a ratio of two things measured in turn within one run wherever that is possible, printed
//! beside its target and written as JSON. Timings on a shared machine swing; ratios and medians much less.
#![allow(unreachable_pub, reason = "a benchmark has no users of its items")]
#![allow(clippy::print_stdout, reason = "prints its results")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails as a test does"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "microseconds"
)]

mod admission;
mod http;
mod memory;
mod policy_call;
mod report;
mod request;
mod synthetic;
mod under_change;
mod watch;

use std::path::PathBuf;

use clap::Parser;
use report::Row;

#[derive(Debug, Parser)]
struct Args {
    /// Only these rows of the targets
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 3, 6, 7, 9, 12])]
    rows: Vec<u32>,
    /// Write the results here, too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fewer repetitions: shows that it runs, not what it measures
    #[arg(long)]
    quick: bool,
    /// Used by row 6, which needs a process of its own
    #[arg(long, hide = true)]
    measure_memory: bool,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    if args.measure_memory {
        memory::measure();
        return;
    }
    let repetitions = if args.quick { 50 } else { 4_000 };
    let mut rows: Vec<Row> = Vec::new();
    for row in &args.rows {
        let measured = match row {
            1 => http::rows(repetitions),
            2 => policy_call::rows(repetitions),
            3 => request::rows(repetitions),
            6 => memory::rows(),
            7 => watch::rows(repetitions),
            9 => under_change::rows(args.quick),
            12 => admission::rows(repetitions),
            other => panic!("row {other} is not measured here; there are 1, 2, 3, 6, 7, 9 and 12"),
        };
        for row in measured {
            println!("{row}");
            rows.push(row);
        }
    }
    let report = report::Report::new(rows);
    println!("\n{}", report.machine);
    if let Some(file) = args.json {
        std::fs::write(&file, serde_json::to_string_pretty(&report).unwrap()).unwrap();
        println!("written to {}", file.display());
    }
}
