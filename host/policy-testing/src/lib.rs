//! Tests and measures a scoring policy: readable cases, properties every policy must keep, time and memory per call.
//!
//! The policy runs as in the extender, under wasmtime with the same limits, and is told what the extender would tell
//! it: requests are gathered by the same code. In a test:
//!
//! ```no_run
//! # use netmarks_policy_testing::Error;
//! use netmarks_policy_testing::{Cluster, Node, Pod, Policy};
//!
//! # fn main() -> Result<(), Error> {
//! let policy = Policy::from_file("target/wasm32-unknown-unknown/release/mine.wasm")?;
//! policy.cases("cases.yaml")?.conformance()?;
//!
//! let cluster = Cluster::default()
//!     .node("a", Node::default().zone("west"))
//!     .node("b", Node::default().zone("east"))
//!     .pods("shop/cart", &[("b", 2)])
//!     .flow("shop/web", "shop/cart", 1_000.0);
//! let scores = policy.score(&cluster, &Pod::of("shop/web"))?;
//! assert_eq!(scores.order(), [["b"], ["a"]]);
//! # Ok(())
//! # }
//! ```
//!
//! `netmarks policy test` does the same from the command line; `docs/testing-a-policy.md` explains case files.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod application;
mod bench;
mod case_file;
mod case_file_error;
mod cases;
mod cluster;
mod conformance;
mod conformance_report;
mod error;
mod expected;
mod pod;
mod policy;
mod quantity;
mod report;
mod run;
mod scenarios;
mod scores;
mod setting;

pub use bench::{Bench, BenchRow, machine};
pub use case_file_error::CaseFileError;
pub use cases::Cases;
pub use cluster::{Cluster, Node};
pub use conformance::Conformance;
pub use conformance_report::{ConformanceReport, Property, PropertyResult};
pub use error::Error;
pub use expected::ExpectedError;
pub use pod::Pod;
pub use policy::Policy;
pub use report::{CaseResult, CasesReport, Difference, Failed, NodeRow};
pub use scores::Scores;
