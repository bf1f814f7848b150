//! A plan is made: where the snapshot comes from, what is assumed, and how far the search is.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, bail};
use netmarks_placement::{Assumptions, Effort, Prices};
use netmarks_planner::{Plan, PlanOptions, Subject, make_plan};
use netmarks_scheduler_model::SchedulerOptions;
use netmarks_sources::snapshot_file::SnapshotFile;

use super::super::client::ClientTls;
use super::super::exit::Ended;
use super::super::interrupt::interrupted;
use super::super::simulate::arms::{self, ArmName, OptimalEffort};
use super::super::simulate::door::{DoorConfig, DoorName};
use super::super::snapshot::{cluster, extender};
use super::limits::LimitFlags;
use super::progress;
use super::routing::{MeshName, RoutingName};
use crate::config::Config;

/// How a plan is made.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// What kube-scheduler has as its extender when the pods are moved: `default` for none, or policies as for `simulate --arm`
    #[arg(long, value_name = "ARM", default_value = "netmarks")]
    policy: ArmName,
    /// How the policies are asked when the pods are moved
    #[arg(long, value_name = "DOOR", value_enum, default_value_t)]
    door: DoorName,
    #[command(flatten)]
    config: DoorConfig,
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
    /// kube-scheduler's `percentageOfNodesToScore`; 0 adapts to the cluster's size as kube-scheduler does
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    percentage_of_nodes_to_score: u32,
    /// Choose another random search
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Steps of the search; by default as many as its size asks for
    #[arg(long, value_name = "NUMBER")]
    steps: Option<u64>,
}

/// The flags of [`Flags`]: a plan that is read has no use for them.
pub(super) const NAMES: [&str; 10] = [
    "policy",
    "door",
    "admission_config",
    "routing",
    "mesh",
    "price_across_zones",
    "extender_weight",
    "percentage_of_nodes_to_score",
    "seed",
    "steps",
];

/// How many times the mean of its application a pod may get by a setting that is advised.
const MOST_LOAD: f64 = 2.0;

/// Where the snapshot comes from.
pub(super) struct Source<'a> {
    pub(super) snapshot: Option<PathBuf>,
    pub(super) server: Option<String>,
    pub(super) tls: &'a ClientTls,
    pub(super) cluster: &'a cluster::Args,
}

impl Source<'_> {
    /// The snapshot, and what it is of.
    fn take(&self) -> Result<(SnapshotFile, String)> {
        Ok(match (&self.snapshot, &self.server) {
            (Some(file), _) => (SnapshotFile::read(file)?, file.display().to_string()),
            (None, Some(server)) => {
                let measured = extender::fetch(server, self.tls)?;
                (self.cluster.take_with_flows_of(measured)?, self.cluster.name())
            }
            (None, None) => (self.cluster.take()?.snapshot, self.cluster.name()),
        })
    }

    /// How the program is configured that answers kube-scheduler in the cluster; a file knows nothing of it.
    fn configured(&self) -> Result<Config> {
        if self.cluster.is_wanted() { self.cluster.config() } else { Ok(Config::default()) }
    }
}

impl Flags {
    /// The plan; and the reason why it has only the moves until then, if it was stopped.
    ///
    /// # Errors
    /// For a snapshot, a policy or limits that cannot be used.
    pub(super) fn make(self, source: &Source<'_>, limits: LimitFlags) -> Result<(Plan, Option<Ended>)> {
        let Self {
            policy,
            door,
            config,
            routing,
            mesh,
            price_across_zones,
            extender_weight,
            percentage_of_nodes_to_score,
            seed,
            steps,
        } = self;
        if !(price_across_zones >= 0.0 && price_across_zones.is_finite()) {
            bail!("--price-across-zones is {price_across_zones}; give a number from 0");
        }
        let (snapshot, from) = source.take()?;
        let failed = || format!("failed to plan for {from}");
        let limits = limits.of(&snapshot).with_context(failed)?;
        let Config { scoring, target, policy: configured, .. } = source.configured()?;
        let subject = Subject::new(snapshot).with_context(failed)?;
        let subject = subject.with_world(|world| world.with_target(target));
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let steps = steps.unwrap_or_else(|| arms::optimal_steps(subject.world().inventory().pods.len()));
        let arms = runtime.block_on(arms::open(
            &[policy],
            &scoring,
            Some(&configured),
            threads,
            OptimalEffort { steps, time: None },
            &[config.door(door)?],
        ))?;
        let arm = arms.first().context("no policy was opened")?;
        let prices = Prices { across_zones_per_gb: price_across_zones, ..Prices::default() };
        let options = PlanOptions {
            limits,
            routing: routing.into(),
            mesh: mesh.into(),
            most_load: MOST_LOAD,
            scheduler: SchedulerOptions {
                percentage_of_nodes_to_score: Some(percentage_of_nodes_to_score)
                    .filter(|percent| *percent > 0),
                extender_weight: i64::from(extender_weight),
                ..SchedulerOptions::default()
            },
            assumptions: Assumptions { prices, ..Assumptions::default() },
            effort: Effort { steps, time: None, seed, threads },
        };
        let cancelled = interrupted(&runtime);
        let made = make_plan(&subject, arm, &options, &cancelled, &progress::show);
        progress::clear();
        let stopped = cancelled.load(Ordering::Relaxed);
        let stopped =
            stopped.then(|| Ended::partly("stopped: the plan has the moves that were found until then"));
        Ok((made.with_context(failed)?, stopped))
    }
}
