//! What an operator can set. One struct per section of the file; every key has a default that works.
//!
//! [`load`] reads file, environment and flags into it, [`reload`] follows the file while we run.

pub mod load;
mod policies;
pub mod reload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netmarks_core::application::Identity;
use netmarks_core::compose::ScoreMap;
use netmarks_core::freshness::WhenStale;
use netmarks_engine::Limits;
use netmarks_sources::prometheus::MetricsConfig;
use serde::{Deserialize, Serialize};

pub use policies::{Admin, KubernetesPolicies, Policies, PolicyConfig};

use crate::scoring::ScoringSettings;

/// The whole configuration. Durations carry their unit in the key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which label of a pod, and of the metrics, names an application: `app`, `canonical-service` or `workload`.
    pub identity: Identity,
    /// Listening, limits and TLS.
    pub server: Server,
    /// Where pods and nodes come from.
    pub cluster: Cluster,
    /// Where flows come from.
    pub metrics: MetricsConfig,
    /// From raw scores to the scheduler's.
    pub scoring: Scoring,
    /// The policy to begin with.
    pub policy: PolicyConfig,
    /// The life of policies.
    pub policies: Policies,
    /// Changing policies over HTTP.
    pub admin: Admin,
    /// Logs.
    pub log: Log,
}

/// Listening, limits and TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address of the extender. Loopback unless told otherwise: whoever can reach it can read the topology.
    pub listen: SocketAddr,
    /// A further address with `/healthz`, `/readyz` and `/metrics` only, over plain HTTP: for probes and scrapers
    /// when `tls.client_ca_file` keeps them from the other one.
    pub health_listen: Option<SocketAddr>,
    /// Largest request body. 5,000 whole nodes (`nodeCacheCapable: false`) are some 50 MiB.
    pub max_request_mib: u32,
    /// All request bodies under way together.
    pub max_bodies_mib: u32,
    /// Requests scored at once; those beyond are answered without scores. kube-scheduler asks for one at a time.
    pub max_concurrent: u32,
    /// A request that takes longer is answered without scores.
    pub request_timeout_ms: u64,
    /// After a stop signal: how long everything goes on, but readiness says no and clients are asked to leave.
    pub shutdown_delay_seconds: f64,
    /// How long requests under way may take after that.
    pub drain_seconds: f64,
    /// TLS, if any file is set.
    pub tls: Tls,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9820)),
            health_listen: None,
            max_request_mib: 64,
            max_bodies_mib: 256,
            max_concurrent: 16,
            request_timeout_ms: 200,
            shutdown_delay_seconds: 0.0,
            drain_seconds: 10.0,
            tls: Tls::default(),
        }
    }
}

impl Server {
    /// `shutdown_delay_seconds`, once validated.
    #[must_use]
    pub fn shutdown_delay(&self) -> Duration {
        Duration::from_secs_f64(self.shutdown_delay_seconds)
    }
}

/// PEM files; they are read again when they change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The server's certificate with its chain.
    pub cert_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
    /// If set, clients must present a certificate that one of these authorities signed.
    pub client_ca_file: Option<PathBuf>,
}

/// Where pods and nodes come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Serve from this snapshot file instead of a cluster.
    pub snapshot_file: Option<PathBuf>,
    /// The kubeconfig; by default the usual ones, then the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// A context other than the current one.
    pub context: Option<String>,
}

/// From raw scores to the scheduler's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scoring {
    /// From a share of the best raw score to a share of the top: `linear`, `square-root`, `logarithmic`, `rank`.
    pub map: ScoreMap,
    /// The best node's score. kube-scheduler multiplies it by the extender's weight and by 10.
    pub top: u32,
    /// How long a pod just answered counts on its best node before the watch has shown where it went; 0: not.
    pub assume_seconds: f64,
    /// Decisions kept for `/v1/decisions`; 0: none.
    pub decisions: usize,
    /// Age beyond which flows are stale.
    pub max_flow_age_seconds: f64,
    /// What stale flows are worth: `keep`, `fade` or `ignore`.
    pub when_stale: WhenStale,
}

impl Default for Scoring {
    fn default() -> Self {
        Self {
            map: ScoreMap::Linear,
            top: 10,
            assume_seconds: 2.0,
            decisions: 256,
            max_flow_age_seconds: 300.0,
            when_stale: WhenStale::Fade,
        }
    }
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// What is logged, in the syntax of `tracing`'s EnvFilter: `info`, or `info,netmarks=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// For the first value that cannot work, naming its key.
    pub fn validate(&self) -> Result<()> {
        let Self {
            identity: _,
            server,
            cluster: _,
            metrics: _,
            scoring,
            policy,
            policies,
            admin,
            log,
        } = self;
        ensure!(scoring.top > 0, "`scoring.top` must be at least 1");
        // kube-scheduler multiplies it by weight and 10 into an int64; a million is far beyond any use.
        ensure!(scoring.top <= 1_000_000, "`scoring.top` must be at most 1000000");
        for (key, seconds) in [
            ("scoring.assume_seconds", scoring.assume_seconds),
            ("scoring.max_flow_age_seconds", scoring.max_flow_age_seconds),
            ("server.shutdown_delay_seconds", server.shutdown_delay_seconds),
            ("server.drain_seconds", server.drain_seconds),
        ] {
            ensure!((0.0..=86_400.0).contains(&seconds), "`{key}` must be from 0 to 86400 (a day)");
        }
        ensure!(scoring.max_flow_age_seconds > 0.0, "`scoring.max_flow_age_seconds` must be above 0");
        ensure!(scoring.decisions <= 100_000, "`scoring.decisions` must be at most 100000");
        for (key, value) in [
            ("server.max_request_mib", server.max_request_mib),
            ("server.max_bodies_mib", server.max_bodies_mib),
            ("server.max_concurrent", server.max_concurrent),
        ] {
            ensure!((1..=65_536).contains(&value), "`{key}` must be from 1 to 65536");
        }
        ensure!(
            (1..=30_000).contains(&server.request_timeout_ms),
            "`server.request_timeout_ms` must be from 1 to 30000"
        );
        ensure!(
            (1..server.request_timeout_ms).contains(&policy.limits.deadline_ms),
            "`policy.limits.deadline_ms` must be at least 1 and below `server.request_timeout_ms` ({})",
            server.request_timeout_ms
        );
        ensure!(
            (1..=Limits::MOST_MEMORY_MIB).contains(&policy.limits.memory_mib),
            "`policy.limits.memory_mib` must be from 1 to {}",
            Limits::MOST_MEMORY_MIB
        );
        policy.settings().validate().context("in the section `policy`")?;
        policies.validate()?;
        admin.validate()?;
        log.filter.parse::<tracing_subscriber::EnvFilter>().context("`log.filter` is not a filter")?;
        Ok(())
    }

    /// What scoring needs of it.
    #[must_use]
    pub fn scoring_settings(&self) -> ScoringSettings {
        ScoringSettings {
            map: self.scoring.map,
            top: self.scoring.top,
            assume_for: Duration::from_secs_f64(self.scoring.assume_seconds),
            max_flow_age: self.scoring.max_flow_age_seconds,
            when_stale: self.scoring.when_stale,
        }
    }
}
