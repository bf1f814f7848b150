//! Pods, nodes and what is said of applications from the Kubernetes API, as a stream of changes folded into the index.
//!
//! [`trimmed`] and [`workloads`] decode only what is needed, [`fold`] and [`applications`] turn events into changes of the
//! index (no I/O), and [`watch`] drives it all. `pages` reads lists a page ahead, and `managed_fields` leaves out of them what nobody reads.
//! [`model`] follows pods and nodes as a whole, where the scheduler's model is asked. [`client()`] finds the cluster.

pub mod applications;
mod client;
pub mod fold;
mod managed_fields;
pub mod model;
mod pages;
pub mod trimmed;
pub mod watch;
pub mod workloads;

pub use client::{ClientError, ClusterConfig, brief, client, client_that_asks_once};
pub use watch::run;
