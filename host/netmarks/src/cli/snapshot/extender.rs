//! The snapshot of a running extender.

use anyhow::{Context as _, Result};
use netmarks_sources::snapshot_file::SnapshotFile;

use super::super::client;

/// Where an extender runs.
const HERE: &str = "http://127.0.0.1:9820";

/// Flags for the extender.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "From a running extender")]
#[group(skip)]
pub(super) struct Args {
    /// Base URL of a running extender [default: http://127.0.0.1:9820]
    #[arg(long, value_name = "URL", value_parser = client::base_url)]
    server: Option<String>,
    #[command(flatten)]
    tls: client::ClientTls,
}

impl Args {
    pub(super) fn fetch(&self) -> Result<SnapshotFile> {
        fetch(self.server.as_deref().unwrap_or(HERE), &self.tls)
    }
}

/// The snapshot of the extender at this base URL.
///
/// # Errors
/// If it does not answer with a snapshot.
pub(in super::super) fn fetch(server: &str, tls: &client::ClientTls) -> Result<SnapshotFile> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let text = runtime.block_on(client::text(server, "/v1/snapshot", tls))?;
    SnapshotFile::from_json(text.as_bytes()).context("the extender sent something else than a snapshot")
}
