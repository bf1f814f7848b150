//! The operators' side of the program: the API of policies and who may use it, decisions and snapshots, health, and the metrics
//! page.
//!
//! [`Admin`] is a listener of its own, so that the right to ask for scores is not the right to change policies.
//! [`HealthRoutes`] and [`ClusterRoutes`] are routes that any listener can carry.
#![forbid(unsafe_code)]

mod access;
mod admit;
mod answers;
mod changes;
mod cluster;
mod collect;
mod config;
mod console;
mod content;
mod error_answer;
mod exposition;
mod health;
mod policies;
mod query;
mod readiness;
mod target;
mod traffic;
mod upload;

pub use access::{Access, Denied};
pub use changes::ChangeCounter;
pub use cluster::ClusterRoutes;
pub use config::{AdminConfig, AdminConfigError};
pub use console::{Console, HISTORY_SECONDS, description, follow_cluster, follow_pods};
pub use health::HealthRoutes;
pub use policies::{Admin, SIGNATURE};
pub use query::{mode, settings};
pub use traffic::TrafficCollector;
