//! The snapshot of a cluster and its metrics store, with nothing installed.

use std::path::PathBuf;

use anyhow::Result;
use netmarks_snapshots::collect::{Step, Wanted, collect};
use netmarks_sources::kubernetes;
use netmarks_sources::snapshot_file::SnapshotFile;

use super::super::terminal::{print_passing, print_remark, print_warning};
use crate::config::load::{Flag, Flags, environment, load};

/// Below this share of the bytes, flows and pods are hardly of one cluster, or named by different labels.
const ENOUGH: f64 = 0.5;

/// Flags for the cluster. Each stands for a key of the configuration.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "From a cluster, with nothing installed")]
#[group(skip)]
pub(in super::super) struct Args {
    /// A kubeconfig that may list what --print-role prints [key: cluster.kubeconfig]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of it other than the current one [key: cluster.context]
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
    /// Base URL of a Prometheus-compatible API, as it is reached from here [key: metrics.url]
    #[arg(long, value_name = "URL", requires = "kubeconfig")]
    metrics_url: Option<String>,
    /// Which mesh made the metrics [key: metrics.preset]
    #[arg(long, visible_alias = "preset", value_name = "NAME", requires = "kubeconfig")]
    metrics_preset: Option<String>,
    /// A file with a bearer token for the store [key: metrics.auth.bearer_token_file]
    #[arg(long, value_name = "FILE", requires = "kubeconfig")]
    metrics_token_file: Option<PathBuf>,
    /// What names an application: app, canonical-service, workload [key: identity]
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    identity: Option<String>,
    /// A configuration file, for any other key of `metrics`
    #[arg(long, short, value_name = "FILE", requires = "kubeconfig")]
    config: Option<PathBuf>,
}

/// A snapshot, and what it lacks although it was asked for.
pub(in super::super) struct Taken {
    pub(in super::super) snapshot: SnapshotFile,
    pub(in super::super) lost: Vec<String>,
}

impl Args {
    pub(in super::super) fn is_wanted(&self) -> bool {
        self.kubeconfig.is_some()
    }

    pub(in super::super) fn take(self) -> Result<Taken> {
        // Taken apart without `..`: a flag that nobody handles does not compile.
        let Self { kubeconfig, context, metrics_url, metrics_preset, metrics_token_file, identity, config } =
            self;
        let text = |path: Option<PathBuf>| path.map(|path| path.to_string_lossy().into_owned());
        let flags = [
            ("--kubeconfig", "cluster.kubeconfig", text(kubeconfig)),
            ("--context", "cluster.context", context),
            ("--metrics-url", "metrics.url", metrics_url),
            ("--metrics-preset", "metrics.preset", metrics_preset),
            ("--metrics-token-file", "metrics.auth.bearer_token_file", text(metrics_token_file)),
            ("--identity", "identity", identity),
        ];
        let flags = flags.into_iter();
        let flags: Flags =
            flags.filter_map(|(name, key, value)| Some(Flag { name, key, value: value?.into() })).collect();
        let config = load(config.as_deref(), &environment(), &flags)?.config;
        let wanted = Wanted {
            naming: config.naming(),
            metrics: config.metrics.is_configured().then(|| config.metrics.clone()),
        };
        let asked_for_flows = wanted.metrics.is_some();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let snapshot = runtime.block_on(Box::pin(async {
            let client = kubernetes::client(&config.cluster).await?;
            anyhow::Ok(collect(&client, wanted, &show).await?)
        }))?;
        compare(&snapshot);
        let mut lost: Vec<String> = snapshot.missing.iter().map(|missing| missing.what.clone()).collect();
        lost.retain(|what| asked_for_flows || what != "flows");
        // Flows that are there, and were remarked on, are not lost.
        lost.retain(|what| what != "flows" || snapshot.flows.is_empty());
        Ok(Taken { snapshot, lost })
    }
}

fn show(step: Step<'_>) {
    match step {
        Step::Listing { resource, objects, remaining: Some(remaining) } => {
            print_passing(&format!("{resource}: {objects}, about {remaining} to go"));
        }
        Step::Listing { resource, objects, remaining: None } => {
            print_passing(&format!("{resource}: {objects}"));
        }
        Step::Listed { resource, objects } => print_remark(&format!("{resource}: {objects}")),
        Step::NotListed { resource } => print_remark(&format!("{resource}: not listed")),
        Step::Asking { address, minutes_ago: 0 } => print_passing(&format!("flows: asking {address}")),
        Step::Asking { address, minutes_ago } => {
            print_passing(&format!("flows: asking {address} about {minutes_ago} min ago"));
        }
        Step::NotAnswered => print_remark("flows: no answer"),
        Step::Answered { flows } => print_remark(&format!("flows: {flows}")),
    }
}

/// Says how much of the traffic is of applications that have pods.
fn compare(snapshot: &SnapshotFile) {
    let applications: std::collections::HashSet<_> =
        snapshot.pods.iter().filter_map(|pod| pod.application.as_ref()).collect();
    let known = |flow: &&netmarks_sources::snapshot_file::FileFlow| {
        applications.contains(&flow.source) && applications.contains(&flow.destination)
    };
    let total: f64 = snapshot.flows.iter().map(|flow| flow.bytes_per_second).sum();
    let between: f64 = snapshot.flows.iter().filter(known).map(|flow| flow.bytes_per_second).sum();
    if total > 0.0 && between < total * ENOUGH {
        print_warning(&format!(
            "{:.0}% of the bytes are between applications that have pods; see that --identity names pods as the metrics do, and that the \
             store is this cluster's",
            between / total * 100.0
        ));
    }
}
