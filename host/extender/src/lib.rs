//! The door for kube-scheduler: the extender protocol, its routes, and its limits.
//!
//! A door knows its protocol and nothing about scores: what it decodes goes to `netmarks_scoring::Scorer`.
#![forbid(unsafe_code)]

mod config;
mod metrics;
mod node_names;
mod pace;
pub mod protocol;
mod recent;
mod routes;

pub use config::ServerConfig;
pub use metrics::ExtenderMetrics;
pub use pace::Pace;
pub use recent::Recent;
pub use routes::Extender;
