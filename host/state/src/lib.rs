//! The live cluster: [`ClusterState`] is what the sources write and every door reads, with what is ready and how the sources do.
//!
//! A crate between the two, so that scoring knows no source and no source knows scoring.
#![forbid(unsafe_code)]

mod cluster;
mod health;
mod origin;
mod target;

pub use cluster::{ClusterState, ListState, MetricsState, NotReady, Readiness};
pub use health::{Health, MetricsHealth, MetricsReport, Turn, WatchHealth};
pub use origin::ClusterOrigin;
pub use target::{TargetHealth, TargetReport, TargetState};
