//! Turns Kubernetes, Prometheus and snapshot files into the core's types.
//!
//! Arrows point inwards: this crate feeds the index of `netmarks_state::ClusterState`; nothing here knows of policies, doors
//! or the command line.

#![forbid(unsafe_code)]

pub mod kubernetes;
pub mod prometheus;
pub mod snapshot_file;
