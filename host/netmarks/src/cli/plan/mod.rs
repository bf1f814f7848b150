//! `netmarks plan`: makes a plan or reads one, prints it, and carries it out where that is asked for.

mod amounts;
mod applied;
mod apply;
mod ask;
mod guard;
mod limits;
mod make;
mod progress;
mod routing;
mod seconds;
mod table;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{ArgGroup, ValueEnum};
use netmarks_planner::{Plan, patches};
use netmarks_snapshots::collect::kinds::cluster_role;

use super::client;
use super::exit::Ended;
use super::snapshot::cluster;
use super::terminal::{say, say_json, width};

const EXAMPLES: &str = "Without --apply nothing is moved: the plan says what moving would bring.
With it, pods are evicted one after the other, each when the replacement of the
one before is ready. Disruption budgets are kept, and nothing is forced or taken
back. docs/rebalance.md has more.

Exits with 5 if it was stopped before the end, and with 3 for a snapshot, a plan,
limits or a journal that cannot be used.

Examples:
  netmarks plan --snapshot cluster.json
  netmarks plan --kubeconfig ~/.kube/config --metrics-url http://127.0.0.1:9090 --moves 20
  netmarks plan --kubeconfig ~/.kube/config --server http://127.0.0.1:9820
  netmarks plan --snapshot cluster.json --stop-at 0.8 --frozen-namespace payments --file plan.json
  netmarks plan --snapshot cluster.json -o yaml      the settings of Services that it advises
  netmarks plan --from plan.json --apply --dry-run server --kubeconfig ~/.kube/config
  netmarks plan --from plan.json --apply --kubeconfig ~/.kube/config
  netmarks plan --print-role | kubectl apply -f -";

/// Flags of `netmarks plan`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("kept").args(["from", "file", "dry_run"]).multiple(true),
    group = ArgGroup::new("source")
        .args(["snapshot", "from", "kubeconfig", "in_cluster", "print_role"])
        .required(true)
        .multiple(true)
)]
pub(super) struct Args {
    /// A snapshot file, as `netmarks snapshot --kubeconfig` writes it
    #[arg(long, value_name = "FILE", conflicts_with_all = [cluster::WAY, "from", "server"])]
    snapshot: Option<PathBuf>,
    /// Make no plan, and read this one; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = limits::NAMES, conflicts_with_all = make::NAMES)]
    from: Option<PathBuf>,
    /// Base URL of a running extender, whose flows are taken; pods and nodes are the cluster's
    #[arg(long, value_name = "URL", value_parser = client::base_url, requires = cluster::WAY, conflicts_with = "from")]
    server: Option<String>,
    #[command(flatten)]
    tls: client::ClientTls,
    #[command(flatten)]
    cluster: cluster::Args,
    #[command(flatten)]
    making: make::Flags,
    #[command(flatten)]
    limits: limits::LimitFlags,
    #[command(flatten)]
    applying: apply::Flags,
    /// Also write the plan to this file, which is replaced whole or not at all
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    file: Option<PathBuf>,
    /// Print the smallest roles that --kubeconfig and --apply need, and do nothing else
    #[arg(long, exclusive = true)]
    print_role: bool,
    /// How to print the plan, or with --apply what became of it: for people, for programs, or the settings that it advises
    #[arg(long, short, value_enum, default_value_t)]
    output: PlanFormat,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people
    #[default]
    Table,
    /// The plan file, or the report
    Json,
    /// The settings of Services that it advises
    Yaml,
}

pub(super) fn run(args: Args) -> Result<()> {
    // Taken apart without `..`: a flag that nobody handles does not compile.
    let Args { snapshot, from, server, tls, cluster, making, limits, applying, file, print_role, output } =
        args;
    if print_role {
        return say(&format!(
            "{}\n---\n{}",
            cluster_role().trim_end(),
            netmarks_evictions::role::CLUSTER_ROLE.trim_end()
        ));
    }
    if applying.apply && output == PlanFormat::Yaml {
        bail!(Ended::refused(
            "--apply changes no settings of Services, so it has none for -o yaml; leave --apply out"
        ));
    }
    let kept = from.as_deref().or(file.as_deref());
    let journal = applying.journal(from.as_deref(), file.as_deref())?;
    let source = make::Source { snapshot, server, tls: &tls, cluster: &cluster };
    let (plan, stopped) = match &from {
        Some(file) => (read(file)?, None),
        None => making.make(&source, limits)?,
    };
    if let Some(file) = &file {
        plan.write(file)?;
    }
    if applying.apply {
        if let Some(stopped) = stopped {
            return Err(stopped.into());
        }
        return applying.run(&plan, kept, journal, &cluster, output == PlanFormat::Json);
    }
    match output {
        PlanFormat::Table => say(&table::plan(&plan, width()))?,
        PlanFormat::Json => say_json(&plan)?,
        PlanFormat::Yaml => say(patches(&plan).trim_end())?,
    }
    stopped.map_or(Ok(()), |stopped| Err(stopped.into()))
}

fn read(file: &std::path::Path) -> Result<Plan> {
    if file.as_os_str() != "-" {
        return Ok(Plan::read(file)?);
    }
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut text)?;
    Ok(Plan::from_json(&text)?)
}
