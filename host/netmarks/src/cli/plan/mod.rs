//! `netmarks plan`.

mod table;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use netmarks_core::compose::ScoreMap;
use netmarks_placement::{Assumptions, Effort, Prices};
use netmarks_planner::{AssumedRouting, Limits, Mesh, PlanError, PlanOptions, Subject, make_plan, patches};
use netmarks_scheduler_model::SchedulerOptions;
use netmarks_sources::snapshot_file::SnapshotFile;

use super::exit::Ended;
use super::interrupt::interrupted;
use super::simulate::arms::{self, ArmName};
use super::snapshot::cluster;
use super::terminal::{say, say_json, width};

const EXAMPLES: &str =
    "Nothing is moved: the plan says what moving would bring. Exits with 5 if it was stopped before the end.

Examples:
  netmarks plan --snapshot cluster.json
  netmarks plan --kubeconfig ~/.kube/config --metrics-url http://127.0.0.1:9090 --moves 20
  netmarks plan --snapshot cluster.json --stop-at 0.8 --frozen-namespace payments --file plan.json
  netmarks plan --snapshot cluster.json -o yaml      the settings of Services that it advises";

/// Flags of `netmarks plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A snapshot file, as `netmarks snapshot --kubeconfig` writes it
    #[arg(long, value_name = "FILE", conflicts_with = "kubeconfig", required_unless_present = "kubeconfig")]
    snapshot: Option<PathBuf>,
    #[command(flatten)]
    cluster: cluster::Args,
    /// What kube-scheduler has as its extender when the pods are moved: `default` for none, or policies as for `simulate --arm`
    #[arg(long, value_name = "ARM", default_value = "netmarks")]
    policy: ArmName,
    #[command(flatten)]
    limits: LimitFlags,
    /// How calls are taken to be routed
    #[arg(long, value_enum, default_value_t)]
    routing: RoutingName,
    /// Who routes calls, and so which settings there are
    #[arg(long, value_enum, default_value_t)]
    mesh: MeshName,
    /// Price of a GB between zones, in any currency
    #[arg(long, value_name = "PRICE", default_value_t = 0.0)]
    price_across_zones: f64,
    /// What kube-scheduler's configuration gives the extender
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    extender_weight: u32,
    /// Choose another random search
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Steps of the search; by default as many as its size asks for
    #[arg(long, value_name = "NUMBER")]
    steps: Option<u64>,
    /// Also write the plan to this file, which is replaced whole or not at all
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to print the plan: for people, the plan file, or the settings that it advises
    #[arg(long, short, value_enum, default_value_t)]
    output: PlanFormat,
}

/// What the plan may do. Shares are of 1.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitFlags {
    /// Most pods that move
    #[arg(long, value_name = "NUMBER")]
    moves: Option<usize>,
    /// Most of all pods that move
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().share_of_pods)]
    share_of_pods: f64,
    /// Most pods of one application that move
    #[arg(long, value_name = "NUMBER")]
    per_application: Option<usize>,
    /// Most pods that leave one node, and most that come to one
    #[arg(long, value_name = "NUMBER")]
    per_node: Option<usize>,
    /// End where the plan has this much of what all moves would gain
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().stop_at)]
    stop_at: f64,
    /// Bytes per second that a move must gain; by default a hundredth of what a pod exchanges on average
    #[arg(long, value_name = "NUMBER")]
    least_gain: Option<f64>,
    /// Most of an application's pods that a node gets
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().most_on_node)]
    most_on_node: f64,
    /// Most of an application's pods that a zone gets
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().most_in_zone)]
    most_in_zone: f64,
    /// What stays free of a node's CPU and memory when a pod comes to it
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().headroom)]
    headroom: f64,
    /// Keep every application on as many nodes and in as many zones as it is
    #[arg(long)]
    keep_spread: bool,
    /// Move pods of StatefulSets, too
    #[arg(long)]
    stateful: bool,
    /// Move an application's only pod, too
    #[arg(long)]
    singletons: bool,
    /// Move no pod of this namespace. May be given more than once
    #[arg(long = "frozen-namespace", value_name = "NAME")]
    frozen_namespaces: Vec<String>,
    /// Let nothing leave this node and nothing come to it. May be given more than once
    #[arg(long = "frozen-node", value_name = "NAME")]
    frozen_nodes: Vec<String>,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people
    #[default]
    Table,
    /// The plan file
    Json,
    /// The settings of Services that it advises
    Yaml,
}

/// [`AssumedRouting`] on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum RoutingName {
    /// As each Service says
    #[default]
    Services,
    /// To all pods alike
    Even,
    /// To pods in the caller's zone
    SameZone,
    /// To pods on the caller's node
    SameNode,
}

/// [`Mesh`] on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum MeshName {
    /// A proxy that follows the Service to the node: kube-proxy, Cilium, Istio's ztunnel
    #[default]
    Service,
    /// Istio's sidecars, which know zones and no nodes
    IstioSidecar,
    /// Linkerd, which follows the Service to the zone
    Linkerd,
}

impl From<RoutingName> for AssumedRouting {
    fn from(name: RoutingName) -> Self {
        match name {
            RoutingName::Services => Self::Services,
            RoutingName::Even => Self::Even,
            RoutingName::SameZone => Self::SameZone,
            RoutingName::SameNode => Self::SameNode,
        }
    }
}

impl From<MeshName> for Mesh {
    fn from(name: MeshName) -> Self {
        match name {
            MeshName::Service => Self::Service,
            MeshName::IstioSidecar => Self::IstioSidecar,
            MeshName::Linkerd => Self::Linkerd,
        }
    }
}

impl From<LimitFlags> for Limits {
    fn from(flags: LimitFlags) -> Self {
        let LimitFlags {
            moves,
            share_of_pods,
            per_application,
            per_node,
            stop_at,
            least_gain,
            most_on_node,
            most_in_zone,
            headroom,
            keep_spread,
            stateful,
            singletons,
            frozen_namespaces,
            frozen_nodes,
        } = flags;
        Self {
            moves,
            share_of_pods,
            per_application,
            per_node,
            stop_at,
            least_gain_bytes_per_second: least_gain,
            most_on_node,
            most_in_zone,
            headroom,
            keep_spread,
            stateful,
            singletons,
            frozen_namespaces,
            frozen_nodes,
        }
    }
}

/// How many times the mean of its application a pod may get by a setting that is advised.
const MOST_LOAD: f64 = 2.0;

pub(super) fn run(args: Args) -> Result<()> {
    if !(args.price_across_zones >= 0.0 && args.price_across_zones.is_finite()) {
        bail!("--price-across-zones is {}; give a number from 0", args.price_across_zones);
    }
    let (snapshot, from) = match &args.snapshot {
        Some(file) => (SnapshotFile::read(file)?, file.display().to_string()),
        None => (args.cluster.take()?.snapshot, "the cluster".to_owned()),
    };
    let subject = Subject::new(snapshot).with_context(|| format!("failed to plan for {from}"))?;
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let steps = args.steps.unwrap_or_else(|| arms::optimal_steps(subject.world().inventory().pods.len()));
    let names = [args.policy];
    let arms = runtime.block_on(arms::open(&names, ScoreMap::Linear, threads, steps))?;
    let arm = arms.first().context("no policy was opened")?;
    let prices = Prices { across_zones_per_gb: args.price_across_zones, ..Prices::default() };
    let options = PlanOptions {
        limits: args.limits.into(),
        routing: args.routing.into(),
        mesh: args.mesh.into(),
        most_load: MOST_LOAD,
        scheduler: SchedulerOptions {
            extender_weight: i64::from(args.extender_weight),
            ..SchedulerOptions::default()
        },
        assumptions: Assumptions { prices, ..Assumptions::default() },
        effort: Effort { steps, seed: args.seed, threads },
    };
    let cancelled = interrupted(&runtime);
    let plan = make_plan(&subject, arm, &options, &cancelled, &|_| {}).map_err(ended)?;
    match args.output {
        PlanFormat::Table => say(&table::plan(&plan, width()))?,
        PlanFormat::Json => say_json(&plan)?,
        PlanFormat::Yaml => say(patches(&plan).trim_end())?,
    }
    if let Some(file) = &args.file {
        plan.write(file)?;
    }
    if cancelled.load(Ordering::Relaxed) {
        bail!(Ended::partly("stopped: the plan has the moves that were found until then"));
    }
    Ok(())
}

fn ended(error: PlanError) -> anyhow::Error {
    if error.is_not_found() { Ended::not_found(error.to_string()).into() } else { error.into() }
}
