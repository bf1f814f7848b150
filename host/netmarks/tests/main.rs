//! The integration tests of this crate, one module a subject: one binary, so that what they share is linked once.

mod check;
mod cli;
mod compiling;
mod config_files;
mod config_mistakes;
mod doctor_cli;
mod draining;
mod exit_codes;
mod faults;
mod health;
mod hostile;
mod hot_swap;
mod killed;
mod meshes_doc;
mod metrics_tls;
mod policies;
mod policy_access;
mod policy_cli;
mod policy_folder;
mod prioritize;
mod reload;
mod rolling;
mod secrets;
mod support;
mod tls;
mod write_a_policy;
