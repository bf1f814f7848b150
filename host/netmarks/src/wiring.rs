//! The running program: which source feeds what, and which listener serves what.
//!
//! ```text
//! Kubernetes, Prometheus (`sources`) --> ClusterState --\
//!                                                        > Scorer (`scoring`) --> scheduler's listener (`listeners`)
//! folder, ScoringPolicies, admin listener --> Registry --/
//! (`policy_sources`)
//!
//! Kubernetes, whole pods and nodes --> scheduler's model --> API server's listener (`admission`), by the same Scorer
//! ```
//!
//! Who feeds starts first, since the lists of a large cluster take longest; then scoring, then who asks. None waits for another, and
//! readiness says when there is something to score by. At the end listeners drain and all other tasks are cancelled
//! (see [`crate::tasks::Tasks::run`]).

mod admin;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use netmarks_admin::{ChangeCounter, ClusterRoutes, HealthRoutes, TrafficCollector};
use netmarks_admission::{Admission, AdmissionMetrics, Model};
use netmarks_artefacts::{Credentials, FetchConfig, FolderConfig};
use netmarks_controller::{Controller, ControllerSettings};
use netmarks_core::idle::WhenIdle;
use netmarks_core::index::Index;
use netmarks_core::needs::ColumnNeed;
use netmarks_engine::{Engine, EngineSettings};
use netmarks_extender::{Extender, Recent};
use netmarks_policies::{Compiling, Registry};
use netmarks_scoring::{Decisions, Scorer};
use netmarks_server::{Connections, Listener, Stop};
use netmarks_sources::kubernetes;
use netmarks_sources::prometheus::Poller;
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::{ClusterState, MetricsState};
use netmarks_target_placement::Keeper;
use prometheus_client::metrics::counter::Counter;

use crate::config::Config;
use crate::model::{Following, model_of};
use crate::tasks::Tasks;
use crate::{identity, policies, policy_folder};
use tokio::sync::broadcast::error::RecvError;

/// A policy is loaded and tried, a shadow is asked, a request explained, a review answered and two next replicas shown while requests take every slot that they
/// may.
const CALLS_BESIDE_REQUESTS: u32 = 6;

/// What scores, and what is known of it; shared by every listener and source.
#[derive(Clone, Debug)]
pub struct Scoring {
    pub engine: Engine,
    /// The cluster that is scored by.
    pub state: Arc<ClusterState>,
    pub registry: Registry,
    pub scorer: Arc<Scorer>,
    /// The last decisions.
    pub decisions: Arc<Decisions>,
    /// The last requests.
    pub recent: Recent,
    /// Counts what the scheduler's door refuses.
    pub extender_metrics: Arc<netmarks_extender::ExtenderMetrics>,
    /// Counts the reviews of the API server's door.
    pub admission_metrics: Arc<AdmissionMetrics>,
    /// Changes of the configuration that could not be taken over.
    pub reload_failures: Counter,
    /// The scheduler's model, where something needed one: the webhook, or a file that is looked at.
    pub model: Arc<OnceLock<Model>>,
    /// Of all listeners.
    pub connections: Connections,
    /// Probes and the page with all these metrics.
    pub health: HealthRoutes,
}

/// The cluster that `config` names: empty and to be filled, or read from a snapshot file.
///
/// # Errors
/// If the snapshot file cannot be read.
pub fn cluster(config: &Config) -> Result<Arc<ClusterState>> {
    Ok(Arc::new(match &config.cluster.snapshot_file {
        Some(file) => ClusterState::fixed(SnapshotFile::read(file)?.to_index()),
        None if config.metrics.is_configured() => ClusterState::new(MetricsState::NotYet),
        None => ClusterState::new(MetricsState::Absent),
    }))
}

/// The engine that `config` asks for.
///
/// # Errors
/// If it cannot be made.
pub fn engine(config: &Config) -> Result<Engine> {
    Engine::new(EngineSettings {
        concurrent_calls: config.server.max_concurrent + CALLS_BESIDE_REQUESTS,
        ..EngineSettings::default()
    })
    .context("failed to start the WebAssembly engine")
}

/// Opens the registry of policies on `engine`, with the configured policy live, and makes the scorer over `state`.
///
/// # Errors
/// If the state folder cannot be used or the policy is refused.
pub async fn scoring(
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
            digest = %member.policy.digest(),
            "policy live"
        );
    }
    let mut metrics = prometheus_client::registry::Registry::with_prefix("netmarks");
    let scoring_metrics = Arc::new(netmarks_scoring::ScoringMetrics::new(&mut metrics));
    let extender_metrics = Arc::new(netmarks_extender::ExtenderMetrics::new(&mut metrics));
    let admission_metrics = Arc::new(AdmissionMetrics::new(&mut metrics));
    let changes = ChangeCounter::new(&mut metrics);
    let reload_failures = Counter::default();
    metrics.register(
        "configuration_reload_failures",
        "Changes of the configuration file that could not be taken over",
        reload_failures.clone(),
    );
    let traffic = TrafficCollector::default();
    metrics.register_collector(Box::new(traffic.clone()));
    let connections = Connections::default();
    let health = HealthRoutes::new(
        state.clone(),
        registry.clone(),
        connections.clone(),
        metrics,
        tasks.stopping.clone(),
    )
    .with_classic_histograms(config.server.classic_histograms);

    let decisions = Arc::new(Decisions::new(config.scoring.decisions));
    let scorer = Arc::new(Scorer::new(
        state.clone(),
        registry.clone(),
        config.scoring.clone(),
        decisions.clone(),
        scoring_metrics.clone(),
    ));
    let recent = Recent::default();
    let (tried_on, cluster, naming) = (recent.clone(), state.clone(), config.naming());
    registry.set_replay(Arc::new(move |needs| tried_on.requests(&cluster, naming, needs)));
    let summed_up = state.clone();
    tasks.follow("traffic metrics", |shutdown| traffic.follow(summed_up, when_idle(), shutdown));
    tasks.follow("policy changes", {
        let notices = registry.subscribe();
        |shutdown| changes.follow(notices, shutdown)
    });
    tasks.follow("policy metrics", {
        let (metrics, registry, mut notices) = (scoring_metrics, registry.clone(), registry.subscribe());
        |shutdown| async move {
            let follow = async {
                // A notice that was missed is made up for by the next: what is kept follows from the manifest.
                while !matches!(notices.recv().await, Err(RecvError::Closed)) {
                    metrics.keep_only(registry.manifest().entries.iter().map(|entry| entry.name.to_string()));
                }
            };
            shutdown.run_until_cancelled(follow).await;
        }
    });
    for (name, task) in registry.tasks(inbox, &tasks.shutdown) {
        tasks.serve(name, task);
    }
    Ok(Scoring {
        engine,
        state,
        registry,
        scorer,
        decisions,
        recent,
        extender_metrics,
        admission_metrics,
        reload_failures,
        model: Arc::default(),
        connections,
        health,
    })
}

/// Scores by a cluster that nothing changes any more, with the configured policy.
///
/// # Errors
/// If the policy is refused.
pub fn fixed_scoring(config: &Config, index: Index) -> Result<Scoring> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let state = Arc::new(ClusterState::fixed(index));
    let mut tasks = Tasks::default();
    runtime.block_on(scoring(engine(config)?, config, state, Compiling::Here, &mut tasks))
}

impl Scoring {
    /// The door for kube-scheduler.
    #[must_use]
    pub fn extender(&self, config: &Config) -> Extender {
        Extender::new(
            &config.server,
            config.naming(),
            self.scorer.clone(),
            self.recent.clone(),
            self.extender_metrics.clone(),
        )
    }

    /// The door for the API server, over a model of the scheduler.
    #[must_use]
    pub fn admission(&self, config: &Config, model: Model) -> Admission {
        Admission::new(
            &config.admission,
            config.naming(),
            self.scorer.clone(),
            self.state.clone(),
            model,
            self.admission_metrics.clone(),
        )
    }
}

/// Starts the scheduler's listener, and the one of probes where it has its own; returns the address of the first.
///
/// # Errors
/// If an address is taken, or the TLS files cannot be used.
pub async fn listeners(config: &Config, scoring: &Scoring, tasks: &mut Tasks) -> Result<SocketAddr> {
    let listener = Listener::bind("server", "--listen", config.server.listen, &config.server.tls).await?;
    scoring.connections.follow("server", &listener);
    let (address, stop) = (listener.address(), stop(config, tasks));
    let health = scoring.health.clone().router();
    if let Some(address) = config.server.health_listen {
        let probes = Listener::bind_plain("`server.health_listen`", address).await?;
        scoring.connections.follow("health", &probes);
        tracing::info!(address = %probes.address(), "listening for probes");
        let router = health.clone();
        tasks.serve("health server", probes.serve(move |_| router.clone(), stop.clone()));
    }
    let cluster = ClusterRoutes::new(scoring.state.clone(), scoring.decisions.clone(), config.identity);
    let router = scoring.extender(config).router().merge(cluster.router()).merge(health);
    tracing::info!(%address, scheme = listener.scheme(), "listening");
    tasks.serve("extender server", listener.serve(move |_| router.clone(), stop));
    Ok(address)
}

/// Starts the API server's listener, if there is one, and what keeps its model of the scheduler up to date; returns its address.
///
/// # Errors
/// If the address is taken, the TLS files or the snapshot file cannot be used, or there is no way to the cluster.
pub async fn admission(config: &Config, scoring: &Scoring, tasks: &mut Tasks) -> Result<Option<SocketAddr>> {
    let Some(address) = config.admission.listen else { return Ok(None) };
    let listener = Listener::bind("admission", "`admission.listen`", address, &config.admission.tls).await?;
    scoring.connections.follow("admission", &listener);
    let model = match &config.cluster.snapshot_file {
        Some(file) => model_of(&SnapshotFile::read(file)?),
        None => Model::default(),
    };
    let model = scoring.model.get_or_init(|| model).clone();
    let admission = scoring.admission(config, model.clone());
    if config.cluster.snapshot_file.is_none() {
        let client = kubernetes::client(&config.cluster).await?;
        let following = Following { model, admission: admission.clone() };
        tasks.follow("admission watch", |shutdown| kubernetes::model::run(client, following, shutdown));
    }
    let expiring = admission.clone();
    tasks.follow("admission expiry", |shutdown| expiring.forget_expired(shutdown));
    let (address, stop) = (listener.address(), stop(config, tasks));
    tracing::info!(%address, scheme = listener.scheme(), "listening for reviews of pods");
    let router = admission.router();
    tasks.serve("admission server", listener.serve(move |_| router.clone(), stop));
    Ok(Some(address))
}

/// Starts what brings policies beside the configuration: the watched folder, ScoringPolicies, the admin listener. Returns the
/// address of the admin listener, if there is one.
///
/// # Errors
/// If an address is taken, a file of the configuration cannot be used, or there is no way to the cluster.
pub async fn policy_sources(
    config: &Config,
    scoring: &Scoring,
    tasks: &mut Tasks,
) -> Result<Option<SocketAddr>> {
    let registry = &scoring.registry;
    let verifier = config.policies.verifier()?;
    let max_bytes = config.admin.max_policy_bytes();
    if let Some(path) = &config.policies.folder {
        let folder = FolderConfig { max_bytes, verifier: verifier.clone(), ..FolderConfig::new(path) };
        let registry = registry.clone();
        tasks.follow("policy folder", |shutdown| policy_folder::follow(registry, folder, shutdown));
    }
    let kubernetes = &config.policies.kubernetes;
    if kubernetes.enabled {
        let credentials = kubernetes.registry_credentials_file.clone();
        let fetch = FetchConfig {
            ca_file: kubernetes.registry_ca_file.clone(),
            insecure_registries: kubernetes.insecure_registries.clone(),
            credentials: credentials.map_or(Credentials::Anonymous, Credentials::File),
            max_bytes,
            verifier: verifier.clone(),
            ..FetchConfig::default()
        };
        let settings = ControllerSettings {
            namespace: identity::namespace(config)?,
            replica: identity::replica(config)?,
            fetch,
        };
        let client = kubernetes::client(&config.cluster).await?;
        let controller = Controller::new(client, registry.clone(), settings);
        tasks.follow("policy controller", |shutdown| controller.run(shutdown));
    }
    admin::listener(config, scoring, verifier.map(Arc::new), tasks).await
}

/// Starts what keeps `state` up to date; nothing for a cluster from a file.
///
/// # Errors
/// If the kubeconfig or the metrics configuration cannot be used.
pub async fn sources(config: &Config, state: &Arc<ClusterState>, tasks: &mut Tasks) -> Result<()> {
    if config.cluster.snapshot_file.is_some() {
        return Ok(());
    }
    let client = kubernetes::client(&config.cluster).await?;
    let (naming, to_fill) = (config.naming(), state.clone());
    tasks.follow("kubernetes watch", |shutdown| kubernetes::run(client, to_fill, naming, shutdown));
    if config.metrics.is_configured() {
        let poller =
            Poller::new(config.metrics.clone(), config.identity).context("in the section `metrics`")?;
        let poller = poller.working_when_idle(when_idle());
        let to_fill = state.clone();
        tasks.follow("metrics poller", |shutdown| poller.run(to_fill, shutdown));
    } else {
        tracing::warn!("`metrics.url` is not set: there will be no flows, and every answer will be empty");
    }
    Ok(())
}

/// Starts what computes the target placement, for as long as a policy asks for it.
pub fn target(config: &Config, scoring: &Scoring, tasks: &mut Tasks) {
    let registry = scoring.registry.clone();
    let asked_for = move || registry.current().asks_for(ColumnNeed::NodeTarget);
    let keeper = Keeper::new(scoring.state.clone(), config.target.clone(), asked_for, when_idle());
    tasks.follow("target placement", |shutdown| keeper.run(shutdown));
}

/// Runs work on a thread that gives way to those that answer requests.
fn when_idle() -> WhenIdle {
    WhenIdle::new(|work| {
        netmarks_engine::when_idle(work);
    })
}

fn stop(config: &Config, tasks: &Tasks) -> Stop {
    Stop { begun: tasks.stopping.clone(), closing: tasks.shutdown.clone(), drain: config.server.drain() }
}
