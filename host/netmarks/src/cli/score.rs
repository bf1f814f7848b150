//! `netmarks score`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use netmarks_core::request::PendingPod;
use netmarks_core::why::NodeScore;
use netmarks_engine::Description;
use netmarks_sources::snapshot_file::SnapshotFile;

use super::exit::Ended;
use super::output::{OutputFormat, parts_table, score_table};
use super::terminal::{say, say_json, width};
use crate::config::Config;
use crate::wiring;

const EXAMPLES: &str = "Examples:
  netmarks score --snapshot cluster.json --pod shop/cart-0
  netmarks score --snapshot cluster.json --pod shop/cart-0 -o json | jq '.[0].node'
  netmarks score --snapshot cluster.json --pod shop/cart-0 --policy mine.wasm --explain";

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
    /// Also say what each score is made of, in the policy's own words
    #[arg(long)]
    explain: bool,
    /// How to print the ranking
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let snapshot = SnapshotFile::read(&args.snapshot)?;
    let mut config = Config::default();
    config.policy.file = args.policy.clone();
    let Ranking { policy: _, nodes: ranking } = rank(&snapshot, &args.pod, &config, args.limit, args.explain)
        .with_context(|| format!("failed to score `{}` on {}", args.pod, args.snapshot.display()))?;
    match args.output {
        OutputFormat::Table if args.explain => say(&parts_table(&ranking, width())),
        OutputFormat::Table => say(&score_table(&ranking, width())),
        OutputFormat::Json => say_json(&ranking),
    }
}

/// Nodes, best first, and who says so.
pub(super) struct Ranking {
    /// Name, version and sentence of the policy.
    pub(super) policy: String,
    /// The nodes.
    pub(super) nodes: Vec<NodeScore>,
}

/// Ranks all nodes of a snapshot for one of its pods, best first, by the configured policy.
///
/// # Errors
/// If the snapshot does not have the pod, or the policy is refused or fails.
pub(super) fn rank(
    snapshot: &SnapshotFile,
    pod: &str,
    config: &Config,
    limit: Option<usize>,
    explained: bool,
) -> Result<Ranking> {
    let mut index = snapshot.to_index();
    let pending = pending_pod(snapshot, pod)?;
    // What a pod sends to its own other replicas counts, but it is not a peer of itself.
    index.delete_pod(pod);
    let names: Vec<String> = index.nodes().map(|node| node.name).collect();
    if names.is_empty() {
        bail!("the snapshot has no nodes");
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let scoring = wiring::fixed_scoring(config, index)?;
    let answer = scoring.scorer.decide(&pending, &names);
    let policy = scoring.registry.current().active.first().map(|member| {
        let Description { name, version, summary, .. } = member.policy.description();
        format!("{name} {version}: {}", summary.trim_end_matches('.'))
    });
    let nodes = answer.ranking(&names, limit.unwrap_or(names.len()), explained)?;
    Ok(Ranking { policy: policy.unwrap_or_default(), nodes })
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
                "name a running pod to score it again".to_owned()
            } else {
                format!("pending there: {}", pending.join(", "))
            };
            bail!(Ended::not_found(format!("the snapshot has no pod `{pod}`; {hint}")))
        }
    }
}
