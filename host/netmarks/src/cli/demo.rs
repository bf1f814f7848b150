//! `netmarks demo`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use netmarks_core::units::bytes_per_second;
use netmarks_extender::ServerConfig;
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::ClusterState;

use super::output::score_table;
use super::rollout::Rollout;
use super::score;
use super::table::paragraph;
use super::terminal::{say, width};
use crate::config::Config;
use crate::tasks::Tasks;
use crate::{policies, runtime, telemetry, wiring};

/// Online Boutique on six nodes with its measured traffic, and one pod that waits for a node.
const SAMPLE: &str = include_str!("../../sample/online-boutique.json");

/// Where `netmarks policy` looks unless told otherwise.
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9822);

const EXAMPLES: &str = "Examples:
  netmarks demo                           rank, then serve until Ctrl-C
  netmarks demo --once                    rank and exit
  netmarks demo --listen 127.0.0.1:0      on any free port
  netmarks demo --trusted-key policy.pub  accept only policies that this key signed";

/// Flags of `netmarks demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Exit after printing the ranking
    #[arg(long)]
    once: bool,
    /// Address of the admin listener, for `netmarks policy`; port 0 takes any free one
    #[arg(long, default_value_t = ADMIN, value_name = "ADDRESS")]
    admin_listen: SocketAddr,
    /// Address to serve at
    #[arg(long, default_value_t = ServerConfig::default().listen, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Accept only policies that this public key (PEM, ECDSA P-256) signed, as `policies.trusted_keys` does; may be given more than
    /// once
    #[arg(long = "trusted-key", value_name = "FILE")]
    trusted_keys: Vec<PathBuf>,
}

/// The built-in sample.
///
/// # Errors
/// If it is broken, which a test excludes.
pub(super) fn sample() -> Result<SnapshotFile> {
    SnapshotFile::from_json(SAMPLE.as_bytes()).context("the built-in sample is broken")
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Args { once, listen, admin_listen, ref trusted_keys } = *args;
    let snapshot = sample()?;
    let pod = snapshot
        .pods
        .iter()
        .find(|pod| pod.node.is_none())
        .map(|pod| pod.name.clone())
        .context("the built-in sample has no pending pod")?;

    let mut config = Config::default();
    config.server.listen = listen;
    config.admin.listen = Some(admin_listen);
    config.policies.trusted_keys.clone_from(trusted_keys);
    config.log.filter = "warn".to_owned();
    let state = Arc::new(ClusterState::demo(snapshot.to_index()));
    let total: f64 = snapshot.flows.iter().map(|flow| flow.bytes_per_second).sum();
    let ranking = score::rank(&snapshot, &pod, &config, None, false)?;
    let (nodes, pods, flows) = (snapshot.nodes.len(), snapshot.pods.len(), snapshot.flows.len());
    let what = format!(
        "Online Boutique: {nodes} nodes, {pods} pods, {flows} flows carrying {}.",
        bytes_per_second(total)
    );
    let question = format!("Where should `{pod}` go? Policy {}.", ranking.policy);
    let table = score_table(&ranking.nodes, width());
    let ranked =
        format!("{}\n\n{}\n\n{table}", paragraph("", &what, width()), paragraph("", &question, width()));
    if once {
        return say(&ranked);
    }

    telemetry::start(&config.log)?;
    runtime::run(&config, async {
        let stop = runtime::stop_signal()?;
        let mut tasks = Tasks::default();
        let (engine, compiling) = (wiring::engine(&config)?, policies::compiler(&config.policies));
        let scoring = wiring::scoring(engine, &config, state, compiling, &mut tasks).await?;
        let address = wiring::listeners(&config, &scoring, &mut tasks).await?;
        let admin = wiring::policy_sources(&config, &scoring, &mut tasks).await?;
        let admin = admin.unwrap_or(admin_listen);
        say(&format!("Look at it: http://{admin}/\n\n{ranked}"))?;
        say(&next_steps(address, admin, &snapshot, &pod)?)?;
        let rollout = Rollout::new(&snapshot, scoring.state.clone(), address)?;
        tasks.follow("rollout", |shutdown| rollout.run(shutdown));
        tasks.run(stop, config.server.shutdown_delay()).await
    })
}

/// What to try: the request that kube-scheduler would send, and why it was answered so.
fn next_steps(address: SocketAddr, admin: SocketAddr, snapshot: &SnapshotFile, pod: &str) -> Result<String> {
    let pending = score::pending_pod(snapshot, pod)?;
    let (namespace, name) = pod.split_once('/').unwrap_or(("default", pod));
    let labels: serde_json::Map<String, serde_json::Value> =
        pending.labels.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    let names: Vec<&str> = snapshot.nodes.iter().map(|node| node.name.as_str()).collect();
    let body = serde_json::json!({
        "Pod": {"metadata": {"name": name, "namespace": namespace, "labels": labels}},
        "NodeNames": names,
    });
    Ok(format!(
        "\nServing at http://{address}. Ask as kube-scheduler would:\n\n  curl -s http://{address}/prioritize -d '{body}'\n\n\
         then see why:  curl -s http://{address}/v1/decisions\n\
         and what scored it:  netmarks policy list --server http://{admin}\n\
         and as a file:  netmarks snapshot --server http://{address} --file sample.json\n\
         and what it gains there against kube-scheduler alone:  netmarks simulate\n\nCtrl-C stops."
    ))
}
