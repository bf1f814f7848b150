//! Pods and nodes from the Kubernetes API, as a stream of changes folded into the index.
//!
//! [`trimmed`] decodes only what is needed, [`quantity`] reads amounts, [`fold`] turns events into changes of the
//! index (no I/O), and [`watch`] drives it all.

pub mod fold;
pub mod quantity;
pub mod trimmed;
pub mod watch;

pub use watch::run;
