//! The running extender: listeners and background tasks, their lives and deaths.
//!
//! Apart from the commands that start it. A task that ends before shutdown takes the process down with its name:
//! better restarted than half alive.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use netmarks_engine::{Engine, EngineSettings};
use netmarks_policies::Compiling;
use netmarks_sources::kubernetes;
use netmarks_sources::prometheus::Poller;
use netmarks_sources::state::{ClusterState, MetricsState};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Server};
use crate::http::body::BodyBudget;
use crate::http::routes::App;
use crate::http::server::{self, Stop};
use crate::http::tls::Certificates;
use crate::metrics::Metrics;
use crate::policies;
use crate::scoring::Scorer;

const MIB: usize = 1024 * 1024;

/// A policy is loaded and tried while requests take every slot that they may.
const CALLS_BESIDE_REQUESTS: u32 = 2;

/// Holds the tasks of the process, by name.
#[derive(Debug, Default)]
pub struct Tasks {
    tasks: JoinSet<(&'static str, Result<()>)>,
    /// Cancelled when the process was told to stop: it says so, and goes on as before.
    pub stopping: CancellationToken,
    /// Cancelled when the tasks shall end.
    pub shutdown: CancellationToken,
}

impl Tasks {
    /// Runs `task` until shutdown. Its end before that is an error.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = Result<()>> + Send + 'static) {
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Waits for `stop` and `delay` after it, or for the death of a task, then for all tasks to finish. In the delay
    /// everything goes on, sources included, so that who still asks gets the answer that any other replica gives.
    ///
    /// # Errors
    /// If a task failed, or ended before it should.
    pub async fn run(mut self, stop: impl Future<Output = ()>, delay: Duration) -> Result<()> {
        let stopping = self.stopping.clone();
        let stopped = async {
            stop.await;
            stopping.cancel();
            tokio::time::sleep(delay).await;
        };
        let early = tokio::select! {
            () = stopped => Ok(()),
            Some(ended) = self.tasks.join_next() => match ended {
                Ok((name, Ok(()))) => Err(anyhow::anyhow!("the task `{name}` ended unexpectedly")),
                Ok((name, Err(error))) => Err(error.context(format!("the task `{name}` failed"))),
                Err(error) => Err(anyhow::Error::new(error).context("a task panicked")),
            },
        };
        self.stopping.cancel();
        self.shutdown.cancel();
        let mut result = early;
        while let Some(ended) = self.tasks.join_next().await {
            if let (Ok((name, Err(error))), Ok(())) = (ended, &result) {
                result = Err(error.context(format!("the task `{name}` failed while stopping")));
            }
        }
        result
    }
}

/// What scores: the engine, and the scorer with its policies.
#[derive(Clone, Debug)]
pub struct Scoring {
    /// Runs policies.
    pub engine: Engine,
    /// Scores pods.
    pub scorer: Arc<Scorer>,
}

/// Opens the registry of policies over `state`, with the configured policy live, and starts its task.
///
/// # Errors
/// If the engine cannot be made, the state folder cannot be used or the policy is refused.
pub async fn scoring(
    config: &Config,
    state: Arc<ClusterState>,
    compiling: Compiling,
    tasks: &mut Tasks,
) -> Result<Scoring> {
    let engine = Engine::new(EngineSettings {
        concurrent_calls: config.server.max_concurrent + CALLS_BESIDE_REQUESTS,
        ..EngineSettings::default()
    })
    .context("failed to start the WebAssembly engine")?;
    scoring_on(engine, config, state, compiling, tasks).await
}

/// The same on an engine that is there already.
///
/// # Errors
/// If the state folder cannot be used or the policy is refused.
pub async fn scoring_on(
    engine: Engine,
    config: &Config,
    state: Arc<ClusterState>,
    compiling: Compiling,
    tasks: &mut Tasks,
) -> Result<Scoring> {
    let (registry, inbox) = policies::open(&engine, compiling, &config.policies, &config.policy).await?;
    for member in &registry.current().active {
        tracing::info!(
            policy = %member.name,
            version = member.policy.description().version,
            digest = member.policy.digest(),
            "policy live"
        );
    }
    let metrics = Arc::new(Metrics::new());
    let settings = config.scoring_settings();
    let scorer =
        Scorer::new(state.clone(), registry.clone(), settings, config.scoring.decisions, metrics.clone());
    let (recent, identity) = (scorer.recent().clone(), config.identity);
    registry.try_on(Arc::new(move |needs| recent.requests(&state, identity, needs)));
    let mut notices = registry.subscribe();
    let shutdown = tasks.shutdown.clone();
    tasks.spawn("policy changes", async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                notice = notices.recv() => match notice {
                    Ok(notice) => metrics.policies_changed(notice.kind),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                }
            }
        }
    });
    let shutdown = tasks.shutdown.clone();
    tasks.spawn("policy registry", async move {
        registry.watch(inbox, shutdown).await;
        Ok(())
    });
    Ok(Scoring { engine, scorer: Arc::new(scorer) })
}

/// The cluster that `config` names: empty and to be filled, or read from a snapshot file.
///
/// # Errors
/// If the snapshot file cannot be read.
pub fn cluster(config: &Config) -> Result<Arc<ClusterState>> {
    Ok(Arc::new(match &config.cluster.snapshot_file {
        Some(file) => {
            let snapshot = netmarks_sources::snapshot_file::SnapshotFile::read(file)?;
            ClusterState::fixed(snapshot.to_index())
        }
        None if config.metrics.is_configured() => ClusterState::new(MetricsState::NotYet),
        None => ClusterState::new(MetricsState::Absent),
    }))
}

/// Starts the tasks that keep `state` up to date; none for a cluster from a file.
///
/// # Errors
/// If the kubeconfig or the metrics configuration cannot be used.
pub async fn start_sources(config: &Config, state: &Arc<ClusterState>, tasks: &mut Tasks) -> Result<()> {
    if config.cluster.snapshot_file.is_some() {
        return Ok(());
    }
    let client = kube_client(config).await?;
    let (identity, to_fill, shutdown) = (config.identity, state.clone(), tasks.shutdown.clone());
    tasks.spawn("kubernetes watch", async move {
        kubernetes::run(client, to_fill, identity, shutdown).await;
        Ok(())
    });
    if config.metrics.is_configured() {
        let poller =
            Poller::new(config.metrics.clone(), config.identity).context("in the section `metrics`")?;
        let (to_fill, shutdown) = (state.clone(), tasks.shutdown.clone());
        tasks.spawn("metrics poller", async move {
            poller.run(to_fill, shutdown).await;
            Ok(())
        });
    } else {
        tracing::warn!("`metrics.url` is not set: there will be no flows, and every answer will be empty");
    }
    Ok(())
}

/// A client of the cluster that `config` names.
///
/// # Errors
/// If there is no usable kubeconfig or service account.
pub async fn kube_client(config: &Config) -> Result<kube::Client> {
    let options =
        kube::config::KubeConfigOptions { context: config.cluster.context.clone(), ..Default::default() };
    let kube_config = match &config.cluster.kubeconfig {
        Some(file) => {
            let kubeconfig = kube::config::Kubeconfig::read_from(file)
                .with_context(|| format!("failed to read the kubeconfig {}", file.display()))?;
            kube::Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .with_context(|| format!("the kubeconfig {} cannot be used", file.display()))?
        }
        None if options.context.is_some() => {
            kube::Config::from_kubeconfig(&options).await.context("no kubeconfig with that context")?
        }
        None => kube::Config::infer().await.context(
            "found neither a kubeconfig nor a service account; set `cluster.kubeconfig`, or try `netmarks demo`",
        )?,
    };
    kube::Client::try_from(kube_config).context("the kubeconfig cannot be used")
}

/// Opens a listener.
///
/// # Errors
/// If the address is taken or not ours.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("failed to listen on {address}; choose another with --listen, port 0 takes any free one")
    })
}

/// Starts the listeners of `config` on `scoring`; returns the address of the extender's own.
///
/// # Errors
/// If an address is taken, or the TLS files cannot be used.
pub async fn start_server(config: &Config, scoring: &Scoring, tasks: &mut Tasks) -> Result<SocketAddr> {
    let Server {
        listen: address,
        health_listen,
        max_request_mib,
        max_bodies_mib,
        max_concurrent,
        request_timeout_ms,
        shutdown_delay_seconds: _,
        drain_seconds,
        tls,
    } = config.server.clone();
    let certificates = Certificates::load(tls)?;
    let listener = listen(address).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    let app = App {
        scorer: scoring.scorer.clone(),
        identity: config.identity,
        bodies: BodyBudget::new(max_bodies_mib as usize * MIB, max_request_mib as usize * MIB),
        permits: Arc::new(Semaphore::new(max_concurrent as usize)),
        deadline: Duration::from_millis(request_timeout_ms),
        stopping: tasks.stopping.clone(),
    };
    if let Some(certificates) = &certificates {
        let (certificates, shutdown) = (certificates.clone(), tasks.shutdown.clone());
        tasks.spawn("certificate reload", async move {
            certificates.reload(shutdown).await;
            Ok(())
        });
    }
    let stop = Stop {
        begun: tasks.stopping.clone(),
        closing: tasks.shutdown.clone(),
        drain: Duration::from_secs_f64(drain_seconds),
    };
    if let Some(health_address) = health_listen {
        let (listener, router) = (listen(health_address).await?, app.clone().health_router());
        tracing::info!(address = %listener.local_addr().unwrap_or(health_address), "listening for probes");
        let stop = stop.clone();
        tasks.spawn("health server", async move {
            server::serve(listener, None, move |_| router.clone(), stop).await;
            Ok(())
        });
    }
    let scheme = if certificates.is_some() { "https" } else { "http" };
    tracing::info!(%address, scheme, "listening");
    let router = app.router();
    tasks.spawn("extender server", async move {
        server::serve(listener, certificates, move |_| router.clone(), stop).await;
        Ok(())
    });
    Ok(address)
}

/// Resolves on SIGTERM or SIGINT.
///
/// # Errors
/// If the handlers cannot be installed.
pub fn stop_signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("failed to handle SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to handle SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM, stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT, stopping"),
        }
    })
}

/// The runtime: workers for connections, and enough blocking threads for every request that may be scored.
///
/// # Errors
/// If threads cannot be started.
pub fn runtime(config: &Config) -> Result<tokio::runtime::Runtime> {
    // Beside scoring: loading a policy, writing a snapshot, resolving names.
    const OTHER_BLOCKING_WORK: usize = 8;
    if config.server.max_concurrent == 0 {
        bail!("`server.max_concurrent` must be at least 1");
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(config.server.max_concurrent as usize + OTHER_BLOCKING_WORK)
        .build()
        .context("failed to start the runtime")
}
