//! `netmarks console`: the page over a snapshot file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::ClusterState;

use super::exit::Ended;
use super::terminal::say;
use crate::config::Config;
use crate::model::model_of;
use crate::tasks::Tasks;
use crate::{policies, runtime, telemetry, wiring};

const EXAMPLES: &str = "Examples:
  netmarks console --snapshot cluster.json
  netmarks console --snapshot cluster.json --listen 127.0.0.1:0";

/// Flags of `netmarks console`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The snapshot file, as `netmarks snapshot` writes it
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// Address of the page, on loopback; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9822))]
    listen: SocketAddr,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Args { snapshot, listen } = args;
    if !listen.ip().is_loopback() {
        bail!(Ended::refused(format!("{listen} is not on loopback, and the page asks nobody who they are")));
    }
    let file = SnapshotFile::read(snapshot)?;
    let mut config = Config { identity: file.identity, ..Config::default() };
    config.admin.listen = Some(*listen);
    config.cluster.snapshot_file = Some(snapshot.clone());
    config.log.filter = "warn".to_owned();
    let state = Arc::new(ClusterState::fixed(file.to_index()));
    let model = model_of(&file);
    telemetry::start(&config.log)?;
    runtime::run(&config, async {
        let stop = runtime::stop_signal()?;
        let mut tasks = Tasks::default();
        let (engine, compiling) = (wiring::engine(&config)?, policies::compiler(&config.policies));
        let scoring = wiring::scoring(engine, &config, state, compiling, &mut tasks).await?;
        scoring.model.get_or_init(|| model);
        let address = wiring::policy_sources(&config, &scoring, &mut tasks).await?;
        say(&format!("Look at it: http://{}/\n\nCtrl-C stops.", address.unwrap_or(*listen)))?;
        tasks.run(stop, config.server.shutdown_delay()).await
    })
}
