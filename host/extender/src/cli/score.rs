//! `netmarks score`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use netmarks_core::request::PendingPod;
use netmarks_core::why::NodeScore;
use netmarks_engine::{Engine, EngineSettings, Policy};
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_sources::state::ClusterState;

use super::output::{Output, score_table};
use super::say;
use crate::config::{Config, PolicyConfig};
use crate::metrics::Metrics;
use crate::policies;
use crate::scoring::{Live, Scorer};

const EXAMPLES: &str = "Examples:
  netmarks score --snapshot cluster.json --pod shop/cart-0
  netmarks score --snapshot cluster.json --pod shop/cart-0 -o json | jq '.[0].node'
  netmarks score --snapshot cluster.json --pod shop/cart-0 --policy mine.wasm";

/// Flags of `netmarks score`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A snapshot file, as `netmarks snapshot` writes it
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// The pod to place; one that runs already is scored as if it did not
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pod: String,
    /// A policy instead of the built-in one
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Show so many nodes
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// How to print the ranking
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let snapshot = SnapshotFile::read(&args.snapshot)?;
    let engine = Engine::new(EngineSettings::default())?;
    let config = PolicyConfig { file: args.policy.clone(), ..PolicyConfig::default() };
    let policy = policies::load(&engine, &config)?;
    let ranking = rank(&snapshot, &args.pod, policy, args.limit)
        .with_context(|| format!("failed to score `{}` on {}", args.pod, args.snapshot.display()))?;
    match args.output {
        Output::Table => say(&score_table(&ranking)),
        Output::Json => say(&serde_json::to_string_pretty(&ranking)?),
    }
}

/// Ranks all nodes of a snapshot for one of its pods, best first.
///
/// # Errors
/// If the snapshot does not have the pod, or the policy fails.
pub(super) fn rank(
    snapshot: &SnapshotFile,
    pod: &str,
    policy: Policy,
    limit: Option<usize>,
) -> Result<Vec<NodeScore>> {
    let mut index = snapshot.to_index();
    let pending = pending_pod(snapshot, pod)?;
    // What a pod sends to its own other replicas counts, but it is no peer of itself.
    index.delete_pod(pod);
    let names: Vec<String> = index.nodes().map(|node| node.name).collect();
    if names.is_empty() {
        bail!("the snapshot has no nodes");
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let live =
        Live { generation: 1, policy: Arc::new(policy), settings: Config::default().scoring_settings() };
    let scorer = Scorer::new(Arc::new(ClusterState::fixed(index)), live, 0, Arc::new(Metrics::new()));
    let outcome = scorer.decide(&pending, &names);
    Ok(outcome.ranking(&names, limit.unwrap_or(names.len()))?)
}

/// The pod as kube-scheduler would send it.
pub(super) fn pending_pod(snapshot: &SnapshotFile, pod: &str) -> Result<PendingPod> {
    match snapshot.pods.iter().find(|candidate| candidate.name == pod) {
        Some(found) => Ok(found.pending()),
        None => {
            let pending: Vec<String> = snapshot
                .pods
                .iter()
                .filter(|pod| pod.node.is_none())
                .take(3)
                .map(|pod| pod.name.clone())
                .collect();
            let hint = if pending.is_empty() {
                "name a running pod to score it anew".to_owned()
            } else {
                format!("pending there: {}", pending.join(", "))
            };
            bail!("the snapshot has no pod `{pod}`; {hint}")
        }
    }
}
