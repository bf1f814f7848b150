//! The extender: HTTP, configuration, command line and wiring.
//!
//! A library beside its binary so that end-to-end tests and benchmarks can run parts of it in their own process.

pub mod admin;
pub mod cli;
pub mod config;
pub mod decisions;
pub mod doctor;
pub mod http;
pub mod metrics;
pub mod node_names;
pub mod policies;
pub mod policy_folder;
pub mod policy_sources;
pub mod protocol;
pub mod recent;
pub mod scoring;
pub mod service;
pub mod telemetry;
