//! The program `netmarks`: configuration, wiring, and the command line, one small file a command.
//!
//! A library beside its binary so that end-to-end tests and benchmarks can run parts of it in their own process.
#![forbid(unsafe_code)]

pub mod cli;
pub mod config;
mod identity;
mod model;
pub mod open_files;
pub mod policies;
mod policy_folder;
pub mod runtime;
pub mod tasks;
pub mod telemetry;
pub mod wiring;
