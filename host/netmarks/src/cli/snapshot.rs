//! `netmarks snapshot`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use netmarks_sources::snapshot_file::SnapshotFile;

use super::client;
use super::terminal::{say, say_json};

const EXAMPLES: &str = "Examples:
  netmarks snapshot --file cluster.json
  netmarks snapshot --server http://10.0.0.7:9820 --file cluster.json
  netmarks snapshot --file - | jq '.flows | length'";

/// Flags of `netmarks snapshot`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Base URL of a running extender
    #[arg(long, default_value = "http://127.0.0.1:9820", value_name = "URL", value_parser = client::base_url)]
    server: String,
    #[command(flatten)]
    tls: client::ClientTls,
    /// Where to write it; `-` is stdout
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let text = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fetch(args))?;
    let snapshot = SnapshotFile::from_json(text.as_bytes())
        .context("the extender sent something else than a snapshot")?;
    if args.file.as_os_str() == "-" {
        return say_json(&snapshot);
    }
    snapshot.write(&args.file)?;
    say(&format!(
        "wrote {}: {} nodes, {} pods, {} flows",
        args.file.display(),
        snapshot.nodes.len(),
        snapshot.pods.len(),
        snapshot.flows.len()
    ))
}

async fn fetch(args: &Args) -> Result<String> {
    let url = format!("{}/v1/snapshot", args.server);
    let hint = "is `netmarks serve` running there? (--server)";
    let response = args.tls.client()?.build()?.get(&url).send().await;
    let response = response.map_err(|error| client::unreachable(&url, error, hint))?;
    let status = response.status();
    let text = response.text().await.with_context(|| format!("{url} ended its answer early"))?;
    if !status.is_success() {
        bail!("{url} answered {status}: {}", text.lines().next().unwrap_or_default());
    }
    Ok(text)
}
