//! Carries out moves of pods: one eviction at a time, through the API server, which minds disruption budgets.
//!
//! [`run`] decides, with no I/O and no clock; [`mod@apply`] does what it says. [`event`] is what can happen to a move, [`journal`] what is
//! kept of it, [`seen`] what is known of pods and nodes, [`health`] whether the mesh serves worse than before; [`mod@dry_run`] asks and does
//! nothing. Nothing here knows how moves are found.
//!
//! A move is: the pod is evicted, its controller makes another, kube-scheduler places that, and it becomes ready. Where it went is compared
//! with the plan, and nothing forces it there.

#![forbid(unsafe_code)]

pub mod apply;
mod cluster;
mod controller;
pub mod dry_run;
pub mod event;
pub mod health;
pub mod journal;
pub mod moves;
pub mod progress;
pub mod report;
pub mod role;
pub mod run;
pub mod seen;
pub mod shutdown;
pub mod stop;

pub use apply::{ApplyError, Applying, Guard, apply};
pub use dry_run::{Check, Checked, dry_run};
pub use moves::Move;
pub use report::Report;
pub use shutdown::Shutdown;
