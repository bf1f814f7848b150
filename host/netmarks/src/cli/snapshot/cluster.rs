//! The snapshot of a cluster and its metrics store, with nothing installed.

use std::path::PathBuf;

use anyhow::Result;
use netmarks_core::application::Naming;
use netmarks_snapshots::collect::{Step, Wanted, collect};
use netmarks_sources::kubernetes;
use netmarks_sources::snapshot_file::SnapshotFile;

use super::super::terminal::{print_passing, print_remark, print_warning};
use crate::config::Config;
use crate::config::load::{Flag, Flags, environment, load};

/// Below this share of the bytes, flows and pods are hardly of one cluster, or named by different labels.
const ENOUGH: f64 = 0.5;

/// The flags that say how the cluster is reached.
pub(in super::super) const WAY: &str = "way";

/// Flags for the cluster. Each stands for a key of the configuration.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "From a cluster, with nothing installed")]
#[group(skip)]
pub(in super::super) struct Args {
    /// A kubeconfig that may list what --print-role prints [key: cluster.kubeconfig]
    #[arg(long, value_name = "FILE", group = WAY)]
    kubeconfig: Option<PathBuf>,
    /// The cluster whose pod this runs in, by its service account; outside of one, that of the usual kubeconfig
    #[arg(long, group = WAY)]
    in_cluster: bool,
    /// A context of it other than the current one [key: cluster.context]
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
    /// Base URL of a Prometheus-compatible API, as it is reached from here [key: metrics.url]
    #[arg(long, value_name = "URL", requires = WAY)]
    metrics_url: Option<String>,
    /// Which mesh made the metrics [key: metrics.preset]
    #[arg(long, visible_alias = "preset", value_name = "NAME", requires = WAY)]
    metrics_preset: Option<String>,
    /// A file with a bearer token for the store [key: metrics.auth.bearer_token_file]
    #[arg(long, value_name = "FILE", requires = WAY)]
    metrics_token_file: Option<PathBuf>,
    /// What names an application: app, canonical-service, workload [key: identity]
    #[arg(long, value_name = "NAME", requires = WAY)]
    identity: Option<String>,
    /// A configuration file, for any other key of `metrics`; `plan` also takes `scoring`, `target` and `policy` from it
    #[arg(long, short, value_name = "FILE", requires = WAY)]
    config: Option<PathBuf>,
}

/// A snapshot, and what it lacks although it was asked for.
pub(in super::super) struct Taken {
    pub(in super::super) snapshot: SnapshotFile,
    pub(in super::super) lost: Vec<String>,
}

impl Args {
    pub(in super::super) fn is_wanted(&self) -> bool {
        self.kubeconfig.is_some() || self.in_cluster
    }

    /// Which cluster is meant, in words.
    pub(in super::super) fn name(&self) -> String {
        let file = self.kubeconfig.as_ref().map(|file| format!("the cluster of {}", file.display()));
        let file = file.unwrap_or_else(|| "this cluster".to_owned());
        self.context.as_ref().map_or_else(|| file.clone(), |context| format!("{file}, context {context}"))
    }

    /// The configuration that the flags stand for.
    ///
    /// # Errors
    /// For a mistake in a file, a variable or a flag.
    pub(in super::super) fn config(&self) -> Result<Config> {
        // Taken apart without `..`: a flag that nobody handles does not compile.
        let Self {
            kubeconfig,
            in_cluster: _,
            context,
            metrics_url,
            metrics_preset,
            metrics_token_file,
            identity,
            config,
        } = self;
        let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let flags = [
            ("--kubeconfig", "cluster.kubeconfig", text(kubeconfig)),
            ("--context", "cluster.context", context.clone()),
            ("--metrics-url", "metrics.url", metrics_url.clone()),
            ("--metrics-preset", "metrics.preset", metrics_preset.clone()),
            ("--metrics-token-file", "metrics.auth.bearer_token_file", text(metrics_token_file)),
            ("--identity", "identity", identity.clone()),
        ];
        let flags = flags.into_iter();
        let flags: Flags =
            flags.filter_map(|(name, key, value)| Some(Flag { name, key, value: value?.into() })).collect();
        Ok(load(config.as_deref(), &environment(), &flags)?.config)
    }

    /// Reads the cluster and its metrics store.
    ///
    /// # Errors
    /// For a configuration that cannot be, and a cluster that shows no nodes or pods.
    pub(in super::super) fn take(&self) -> Result<Taken> {
        let config = self.config()?;
        let wanted = Wanted {
            naming: config.naming(),
            metrics: config.metrics.is_configured().then(|| config.metrics.clone()),
        };
        let asked_for_flows = wanted.metrics.is_some();
        let snapshot = collected(&config, wanted)?;
        compare(&snapshot);
        let mut lost: Vec<String> = snapshot.missing.iter().map(|missing| missing.what.clone()).collect();
        lost.retain(|what| asked_for_flows || what != "flows");
        // Flows that are there, and were remarked on, are not lost.
        lost.retain(|what| what != "flows" || snapshot.flows.is_empty());
        Ok(Taken { snapshot, lost })
    }

    /// Reads the cluster; what is exchanged is `measured`'s, which a running extender knows.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(in super::super) fn take_with_flows_of(&self, measured: SnapshotFile) -> Result<SnapshotFile> {
        let config = self.config()?;
        let SnapshotFile { identity, flows, flows_at, .. } = measured;
        // Flows and pods must be named alike.
        let wanted = Wanted { naming: Naming { identity, ..config.naming() }, metrics: None };
        let mut snapshot = collected(&config, wanted)?;
        snapshot.missing.retain(|missing| missing.what != "flows");
        let snapshot = SnapshotFile { flows, flows_at, ..snapshot };
        compare(&snapshot);
        Ok(snapshot)
    }
}

fn collected(config: &Config, wanted: Wanted) -> Result<SnapshotFile> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(Box::pin(async {
        let client = kubernetes::client(&config.cluster).await?;
        anyhow::Ok(collect(&client, wanted, &show).await?)
    }))
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
