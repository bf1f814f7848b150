//! Scoring: one pod and its candidate nodes to a decision, by the policies that are live now.
//!
//! [`Scorer`] is what every door calls. [`Decisions`] remembers what was answered, [`ScoringMetrics`] counts it. This crate knows no
//! door: nothing here speaks HTTP or reads a command line, and it never waits for a source.
#![forbid(unsafe_code)]

mod answer;
pub mod bounds;
mod config;
mod decision;
mod decision_filter;
mod decisions;
mod empty;
mod metrics;
mod scorer;

pub use answer::Answer;
pub use config::ScoringConfig;
pub use decision::{Decision, Door, Origin, PolicyDecision};
pub use decision_filter::{Agreement, DecisionFilter};
pub use decisions::{Change, Decisions, NODES, Remembered};
pub use empty::Empty;
pub use metrics::{ScoringMetrics, latencies};
pub use scorer::{Scorer, UnrecordedAnswer};
