//! `netmarks serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use netmarks_files::FileWatch;
use serde_json::Value;

use super::check::{self, Strictness};
use crate::config::LogFormat;
use crate::config::load::{Flag, Flags, environment, load};
use crate::config::reload::{Reloader, watched};
use crate::tasks::Tasks;
use crate::{open_files, policies, runtime, telemetry, wiring};

const EXAMPLES: &str = "Every key of the configuration file is also an environment variable: `scoring.top` is NETMARKS_SCORING_TOP.
Flags win over the environment, the environment over the file.

Examples:
  netmarks serve --metrics-url http://prometheus.monitoring:9090
  netmarks serve --config /etc/netmarks/config.yaml --check --strict
  netmarks serve --snapshot cluster.json --listen 127.0.0.1:0";

/// Flags of `netmarks serve`; each sets the key of the same meaning.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The configuration file, YAML
    #[arg(long, short, env = "NETMARKS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Validate the configuration, its files and its policy, warn of what is suspicious, and exit
    #[arg(long)]
    check: bool,
    /// Exit with 1 if there is a warning
    #[arg(long, requires = "check")]
    strict: bool,
    /// Address to answer kube-scheduler at [key: server.listen]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Base URL of a Prometheus-compatible API [key: metrics.url]
    #[arg(long, value_name = "URL")]
    metrics_url: Option<String>,
    /// Which mesh made the metrics: istio, istio-logical, linkerd, beyla, recorded, custom [key: metrics.preset]
    #[arg(long, value_name = "NAME")]
    metrics_preset: Option<String>,
    /// What names an application: app, canonical-service, workload [key: identity]
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
    /// A policy instead of the built-in one [key: policy.file]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The kubeconfig [key: cluster.kubeconfig]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Serve from a snapshot file instead of a cluster [key: cluster.snapshot_file]
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// How log lines look [key: log.format]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged, for example info,netmarks=debug [key: log.filter]
    #[arg(long, value_name = "FILTER")]
    log_filter: Option<String>,
}

impl Args {
    /// Taken apart without `..`: a flag that nobody handles does not compile.
    fn into_parts(self) -> Result<(Option<PathBuf>, Option<Strictness>, Flags)> {
        let Self {
            config,
            check,
            strict,
            listen,
            metrics_url,
            metrics_preset,
            identity,
            policy,
            kubeconfig,
            snapshot,
            log_format,
            log_filter,
        } = self;
        let path = |path: Option<PathBuf>| path.map(|path| Value::from(path.to_string_lossy().into_owned()));
        let flags = [
            ("--listen", "server.listen", listen.map(|address| Value::from(address.to_string()))),
            ("--metrics-url", "metrics.url", metrics_url.map(Value::from)),
            ("--metrics-preset", "metrics.preset", metrics_preset.map(Value::from)),
            ("--identity", "identity", identity.map(Value::from)),
            ("--policy", "policy.file", path(policy)),
            ("--kubeconfig", "cluster.kubeconfig", path(kubeconfig)),
            ("--snapshot", "cluster.snapshot_file", path(snapshot)),
            ("--log-format", "log.format", log_format.map(serde_json::to_value).transpose()?),
            ("--log-filter", "log.filter", log_filter.map(Value::from)),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(name, key, value)| Some(Flag { name, key, value: value? }))
            .collect();
        let strictness = if strict { Strictness::Strict } else { Strictness::Lenient };
        Ok((config, check.then_some(strictness), flags))
    }
}

pub(super) fn run(args: Args) -> Result<()> {
    let (file, check_only, flags) = args.into_parts()?;
    let environment = environment();
    let mut watch = FileWatch::new(file.iter().cloned().collect());
    let loaded = load(file.as_deref(), &environment, &flags)?;
    if let Some(strictness) = check_only {
        return check::run(&loaded, strictness);
    }
    check::files(&loaded)?;
    let config = loaded.config;
    watch.follow(watched(file.as_deref(), &config));
    let log = telemetry::start(&config.log)?;
    open_files::raise_limit();
    runtime::run(&config, async {
        // First of all: the first process of a container does not get a signal that it has no handler for.
        let stop = runtime::stop_signal()?;
        let mut tasks = Tasks::default();
        let state = wiring::cluster(&config)?;
        // Before policies are compiled: the lists of a large cluster take longest, and want nothing of what follows.
        wiring::sources(&config, &state, &mut tasks).await?;
        let (engine, compiling) = (wiring::engine(&config)?, policies::compiler(&config.policies));
        let scoring = wiring::scoring(engine, &config, state.clone(), compiling, &mut tasks).await?;
        wiring::listeners(&config, &scoring, &mut tasks).await?;
        wiring::admission(&config, &scoring, &mut tasks).await?;
        wiring::policy_sources(&config, &scoring, &mut tasks).await?;
        wiring::target(&config, &scoring, &mut tasks);
        let reloader = Reloader {
            file,
            environment,
            flags,
            config: config.clone(),
            registry: scoring.registry,
            scorer: scoring.scorer,
            failures: scoring.reload_failures,
            log,
            watch,
        };
        tasks.follow("configuration reload", |shutdown| reloader.run(shutdown));
        tasks.run(stop, config.server.shutdown_delay()).await
    })
}
