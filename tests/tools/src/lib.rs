//! The programs that tests start: built once from their sources, by version, and kept in the user's cache folder.
//!
//! - [`cached`]: anything that takes minutes to build.
//! - [`Binaries`], [`MetricsStores`], [`ThroughputPrograms`], [`kubeadm`], [`cert_manager`]: Go programs, from the Go module proxy.
//! - [`definitions`]: definitions of others that the chart makes objects of.
//! - [`repository`](mod@repository): what tests read of this repository.
//! - [`markdown`], [`command_lines`](mod@command_lines): what documents name, for the checks of documents.
#![forbid(unsafe_code)]

mod binaries;
mod cache;
pub mod command_lines;
mod definitions;
pub mod markdown;
pub mod repository;

pub use binaries::{Binaries, MetricsStores, ThroughputPrograms, cert_manager, kubeadm};
pub use cache::{cache_folder, cached, claim_path};
pub use definitions::definitions;
pub use repository::repository;
