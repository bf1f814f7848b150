//! Turns Kubernetes, Prometheus and snapshot files into the core's types.
//!
//! Arrows point inwards: this crate knows `netmarks-core` and feeds its index; nothing here knows of policies,
//! HTTP endpoints or the command line. [`state::ClusterState`] is the one thing that sources write and the
//! extender reads.

pub mod health;
pub mod kubernetes;
pub mod prometheus;
pub mod snapshot_file;
pub mod state;

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in seconds since the Unix epoch: the unit of every instant in flows, health and snapshot files.
#[must_use]
pub fn unix_now() -> f64 {
    // A clock before 1970 is as good as unknown: everything measured then is simply old.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
