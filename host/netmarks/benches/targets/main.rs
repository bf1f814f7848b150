//! Measures the product against its performance targets: `cargo xtask bench`.
//!
//! Each figure is a ratio of two things measured in turn within one run wherever that is possible. Timings on a shared machine swing;
//! ratios and medians much less. `cargo xtask bench` runs this several times and holds what comes of it against the targets.
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
mod connection;
mod feed;
mod flat;
mod http;
mod load;
mod memory;
mod overload;
mod policy_call;
mod refresh;
mod report;
mod request;
mod served;
mod start;
mod synthetic;
mod under_change;
mod watch;

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use report::Figure;
use synthetic::{LARGE, SMALL};

/// What is measured unless told otherwise.
const ROWS: [&str; 10] = ["1", "2", "3", "6", "7", "8", "9", "10", "11", "13"];

#[derive(Debug, Parser)]
struct Args {
    /// Only these rows of the targets; or `flat`, which is not a row of them: what grows with the cluster
    #[arg(long, value_delimiter = ',', default_values = ROWS)]
    rows: Vec<String>,
    /// Write the figures here, too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fewer repetitions and a tenth of the cluster: shows that it runs, not what it measures
    #[arg(long)]
    quick: bool,
    /// Used by `flat`, which needs a process for each size: nodes, pods, flows
    #[arg(long, hide = true, value_delimiter = ',')]
    flat_point: Vec<u32>,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let [nodes, pods, flows] = *args.flat_point {
        flat::measure(nodes, pods, flows, args.quick);
        return ExitCode::SUCCESS;
    }
    let (repetitions, size, seconds) = if args.quick { (50, SMALL, 2) } else { (4_000, LARGE, 20) };
    let length = Duration::from_secs(seconds);
    let mut figures: Vec<Figure> = Vec::new();
    let mut exit = ExitCode::SUCCESS;
    for row in &args.rows {
        // The others are measured all the same.
        let measured = catch_unwind(|| match row.as_str() {
            "1" => http::figures(size, repetitions),
            "2" => policy_call::figures(size, repetitions),
            "3" => request::figures(size, repetitions),
            "6" => memory::figures(size),
            "7" => watch::figures(size, repetitions),
            "8" => refresh::figures(size, length),
            "9" => under_change::figures(size, args.quick),
            "10" => overload::figures(size, length),
            "11" => start::figures(size),
            "13" => admission::figures(size, repetitions / 4),
            "flat" => flat::figures(args.quick),
            other => panic!("row {other} is not measured here; there are {} and flat", ROWS.join(", ")),
        });
        let Ok(measured) = measured else {
            println!("{row:>4}  not measured");
            exit = ExitCode::FAILURE;
            continue;
        };
        for figure in measured {
            println!("{figure}");
            figures.push(figure);
        }
    }
    if let Some(file) = args.json {
        std::fs::write(file, serde_json::to_string_pretty(&figures).unwrap()).unwrap();
    }
    exit
}
