//! Pods and nodes from the Kubernetes API, as a stream of changes folded into the index.
//!
//! [`trimmed`] decodes only what is needed, [`fold`] turns events into changes of the
//! index (no I/O), and [`watch`] drives it all. [`client()`] finds the cluster.

mod client;
pub mod fold;
pub mod trimmed;
pub mod watch;

pub use client::{ClientError, ClusterConfig, client};
pub use watch::run;
