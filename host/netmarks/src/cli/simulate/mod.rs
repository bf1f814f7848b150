//! `netmarks simulate`.

pub(super) mod arms;
pub(super) mod door;
mod input;
mod progress;
mod table;
mod target;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, bail};
use netmarks_core::compose::ScoreMap;
use netmarks_files::{AtomicWrite, Readers, Stamp, not_regular};
use netmarks_placement::{Assumptions, Latencies, Prices};
use netmarks_scheduler_model::SchedulerOptions;
use netmarks_scoring::ScoringConfig;
use netmarks_simulator::{PolicyDoor, SimulationOptions, World, page, simulate};

use self::arms::{ArmName, OptimalEffort};
use self::door::{DoorConfig, DoorName};
use self::input::OrderName;
use self::progress::ProgressLine;
use self::target::TargetRoutingName;
use super::exit::Ended;
use super::interrupt::interrupted;
use super::output::OutputFormat;
use super::snapshot::cluster;
use super::terminal::{say, say_json, width};

const EXAMPLES: &str = "Exits with 5 if it was stopped before the end.

Arms:
  default          kube-scheduler alone
  netmarks         kube-scheduler with the built-in NetMARKS score; also spread, zone-cost, load-blend, replica-aware
  recommended      kube-scheduler with the built-in policy look-ahead, which follows a target placement
  FILE.wasm        kube-scheduler with a policy of your own
  netmarks=2,spread=1
                   several policies with their weights
  mine.wasm=1:zone-weight=0.5
                   a policy with its parameters, after the weight
  declared         counts the peers on a node, however much they talk
  random           any node that the filters leave
  optimal          a packing that knows all pods at once: what no scheduler can be expected to reach

Examples:
  netmarks simulate                     the built-in sample
  netmarks simulate --kubeconfig ~/.kube/config --metrics-url http://127.0.0.1:9090
  netmarks simulate --snapshot cluster.json
  netmarks simulate --snapshot cluster.json --order rollout --arm default --arm mine.wasm
  netmarks simulate --snapshot cluster.json --order drain=worker-3 -o json
  netmarks simulate --snapshot cluster.json --door extender --door admission
  netmarks simulate --snapshot cluster.json --price-across-zones 0.02 --html report.html";

/// Flags of `netmarks simulate`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A snapshot file, as `netmarks snapshot` writes it; without one, the built-in sample
    #[arg(long, value_name = "FILE", conflicts_with = cluster::WAY)]
    snapshot: Option<PathBuf>,
    #[command(flatten)]
    cluster: cluster::Args,
    /// Who decides; the first is what the others are compared with. May be given more than once
    #[arg(long = "arm", value_name = "ARM", default_values = ["default", "netmarks"])]
    arms: Vec<ArmName>,
    /// How policies are asked; with both, each policy makes two arms
    #[arg(long = "door", value_name = "DOOR", value_enum, default_values_t = [DoorName::Extender])]
    doors: Vec<DoorName>,
    #[command(flatten)]
    config: DoorConfig,
    /// Pods that wait for a node come so many at once, as in a rollout: `--door admission` decides for all of them before the
    /// first one is on a node
    #[arg(long, value_name = "PODS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    created_at_once: u32,
    /// Which pods are placed again: `creation`, `random` or `applications` take all off their nodes and place them in that order;
    /// `rollout` or `rollout=ROUNDS` replaces them one by one; `drain=NODE` empties one node
    #[arg(long, value_name = "ORDER", default_value = "random")]
    order: OrderName,
    /// Place again just the pods of these decisions, in their order: a file with what `/v1/decisions` answers
    #[arg(long, value_name = "FILE", conflicts_with = "order")]
    replay: Option<PathBuf>,
    /// How often each arm runs, with other seeds
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    repetitions: u32,
    /// Choose other random orders and ties
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// What kube-scheduler's configuration gives the extender
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    extender_weight: u32,
    /// How a policy's score becomes 0 to 10: `linear`, `square-root`, `logarithmic`, `rank`
    #[arg(long, value_name = "MAP", default_value = "linear", value_parser = arms::score_map)]
    score_map: ScoreMap,
    /// Most hosts that an answer names, as `scoring.most_hosts`
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    most_hosts: u32,
    /// kube-scheduler's `percentageOfNodesToScore`; 0 adapts to the cluster's size as kube-scheduler does
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    percentage_of_nodes_to_score: u32,
    /// Policies learn of an application's replicas as they are placed, as where Deployments cannot be listed
    #[arg(long)]
    unknown_replicas: bool,
    /// Policies that ask for a target placement get none, as with `target.enabled: false`
    #[arg(long)]
    without_target: bool,
    /// How calls are taken to be routed where a target placement is computed, as `target.routing`
    #[arg(long, value_name = "ROUTING", value_enum, default_value_t, conflicts_with = "without_target")]
    target_routing: TargetRoutingName,
    /// Steps of the arm `optimal`; by default as many as its size asks for
    #[arg(long, value_name = "NUMBER", conflicts_with = "optimal_seconds")]
    optimal_steps: Option<u64>,
    /// Time that each search of the arm `optimal` has, instead of steps; what it finds then depends on the machine
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    optimal_seconds: Option<u64>,
    #[command(flatten)]
    prices: PriceFlags,
    #[command(flatten)]
    latencies: LatencyFlags,
    /// Also write one HTML page with the figures, plots and a map of two placements; it opens without a network. The file is
    /// replaced whole or not at all
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print the report
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

/// What traffic costs.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Prices, per GB in any currency")]
struct PriceFlags {
    /// Between nodes of one zone
    #[arg(long, value_name = "PRICE", default_value_t = 0.0)]
    price_across_nodes: f64,
    /// Between zones
    #[arg(long, value_name = "PRICE", default_value_t = 0.0)]
    price_across_zones: f64,
    /// Between regions
    #[arg(long, value_name = "PRICE", default_value_t = 0.0)]
    price_across_regions: f64,
}

/// The model of response times.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Response-time model, in milliseconds")]
struct LatencyFlags {
    /// Round trip within a node
    #[arg(long, value_name = "MS", default_value_t = Latencies::default().same_node_ms)]
    same_node_ms: f64,
    /// Round trip between nodes of a zone
    #[arg(long, value_name = "MS", default_value_t = Latencies::default().same_zone_ms)]
    same_zone_ms: f64,
    /// Round trip between zones
    #[arg(long, value_name = "MS", default_value_t = Latencies::default().across_zones_ms)]
    across_zones_ms: f64,
    /// Round trip between regions
    #[arg(long, value_name = "MS", default_value_t = Latencies::default().across_regions_ms)]
    across_regions_ms: f64,
    /// Time in the callee on an idle node
    #[arg(long, value_name = "MS", default_value_t = Latencies::default().service_ms)]
    service_ms: f64,
}

pub(super) fn run(mut args: Args) -> Result<()> {
    if let Some(file) = &args.html {
        replaceable(file)?;
    }
    let cluster = std::mem::take(&mut args.cluster);
    let world = if cluster.is_wanted() {
        World::new(cluster.take()?.snapshot)?
    } else {
        input::world(args.snapshot.as_deref())?
    };
    let args = &args;
    let world = if args.unknown_replicas { world.without_replicas() } else { world };
    let world = if args.without_target { world.without_target() } else { world };
    let world = world.with_target_routing(args.target_routing.into());
    let order = match &args.replay {
        Some(file) => input::replay(file, &world)?,
        None => args.order.resolve(&world)?,
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let optimal = match args.optimal_seconds {
        Some(seconds) => OptimalEffort { steps: u64::MAX, time: Some(Duration::from_secs(seconds)) },
        None => {
            let usual = || arms::optimal_steps(world.inventory().pods.len());
            OptimalEffort { steps: args.optimal_steps.unwrap_or_else(usual), time: None }
        }
    };
    let doors: Vec<PolicyDoor> =
        args.doors.iter().map(|door| args.config.door(*door)).collect::<Result<_>>()?;
    let scoring = ScoringConfig {
        map: args.score_map,
        most_hosts: args.most_hosts as usize,
        ..ScoringConfig::default()
    };
    let arms = runtime.block_on(arms::open(&args.arms, &scoring, None, threads, optimal, &doors))?;
    let options = SimulationOptions {
        order,
        repetitions: args.repetitions as usize,
        seed: args.seed,
        threads,
        scheduler: SchedulerOptions {
            percentage_of_nodes_to_score: Some(args.percentage_of_nodes_to_score)
                .filter(|percent| *percent > 0),
            extender_weight: i64::from(args.extender_weight),
            ..SchedulerOptions::default()
        },
        created_at_once: args.created_at_once as usize,
        assumptions: assumptions(args)?,
    };
    let cancelled = interrupted(&runtime);
    let line = ProgressLine::default();
    let report = simulate(&world, &arms, &options, &cancelled, &|progress| line.show(progress));
    line.clear();
    match args.output {
        OutputFormat::Table => say(&table::report(&report, width()))?,
        OutputFormat::Json => say_json(&report)?,
    }
    if let Some(file) = &args.html {
        let page = page::page(&report, world.inventory());
        AtomicWrite::to(file).readers(Readers::Umask).write(page.as_bytes())?;
    }
    if cancelled.load(Ordering::Relaxed) {
        bail!(Ended::partly("stopped: the report is of what was done until then"));
    }
    Ok(())
}

/// Whether a file may be written there, before time is spent on its content: a device or a pipe would be replaced by a file.
fn replaceable(file: &Path) -> Result<()> {
    match Stamp::of(file) {
        Err(error) if not_regular(&error) => bail!("--html {} is not a regular file", file.display()),
        // What else is wrong, writing will say.
        _ => Ok(()),
    }
}

fn assumptions(args: &Args) -> Result<Assumptions> {
    let PriceFlags { price_across_nodes, price_across_zones, price_across_regions } = args.prices;
    let LatencyFlags { same_node_ms, same_zone_ms, across_zones_ms, across_regions_ms, service_ms } =
        args.latencies;
    let numbers = [
        ("--price-across-nodes", price_across_nodes),
        ("--price-across-zones", price_across_zones),
        ("--price-across-regions", price_across_regions),
        ("--same-node-ms", same_node_ms),
        ("--same-zone-ms", same_zone_ms),
        ("--across-zones-ms", across_zones_ms),
        ("--across-regions-ms", across_regions_ms),
        ("--service-ms", service_ms),
    ];
    if let Some((flag, number)) = numbers.iter().find(|(_, number)| !number.is_finite() || *number < 0.0) {
        bail!("{flag} {number} is not a number of 0 or more");
    }
    Ok(Assumptions {
        prices: Prices {
            across_nodes_per_gb: price_across_nodes,
            across_zones_per_gb: price_across_zones,
            across_regions_per_gb: price_across_regions,
        },
        latencies: Latencies { same_node_ms, same_zone_ms, across_zones_ms, across_regions_ms, service_ms },
    })
}
