//! `netmarks snapshot`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use netmarks_sources::snapshot_file::SnapshotFile;

use super::say;

const EXAMPLES: &str = "Examples:
  netmarks snapshot --file cluster.json
  netmarks snapshot --server http://10.0.0.7:9820 --file cluster.json
  netmarks snapshot --file - | jq '.flows | length'";

/// Flags of `netmarks snapshot`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Base URL of a running extender
    #[arg(long, default_value = "http://127.0.0.1:9820", value_name = "URL")]
    server: String,
    /// A CA certificate (PEM) to trust, for an extender that serves HTTPS
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A client certificate with its private key (PEM, one file), for an extender that asks for one
    #[arg(long, value_name = "FILE")]
    client_identity: Option<PathBuf>,
    /// Where to write it; `-` is stdout
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let text = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fetch(args))?;
    if args.file.as_os_str() == "-" {
        return say(&text);
    }
    let snapshot = SnapshotFile::from_json(text.as_bytes())
        .context("the extender sent something else than a snapshot")?;
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
    let mut client = reqwest::Client::builder();
    if let Some(file) = &args.ca_file {
        let pem = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
        client = client.add_root_certificate(
            reqwest::Certificate::from_pem(&pem)
                .with_context(|| format!("{} is not a certificate", file.display()))?,
        );
    }
    if let Some(file) = &args.client_identity {
        let pem = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
        client = client.identity(
            reqwest::Identity::from_pem(&pem)
                .with_context(|| format!("{} does not hold a certificate and a key", file.display()))?,
        );
    }
    let url = format!("{}/v1/snapshot", args.server.trim_end_matches('/'));
    let response =
        client.build()?.get(&url).send().await.with_context(|| {
            format!("failed to reach {url}; is `netmarks serve` running there? (--server)")
        })?;
    let status = response.status();
    let text = response.text().await.with_context(|| format!("{url} broke off its answer"))?;
    if !status.is_success() {
        bail!("{url} answered {status}: {}", text.lines().next().unwrap_or_default());
    }
    Ok(text)
}
