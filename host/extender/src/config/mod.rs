//! What an operator can set. One struct per section of the file; every key has a default that works.
//!
//! [`load`] reads file, environment and flags into it, [`reload`] follows the file while we run.

pub mod load;
pub mod reload;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netmarks_core::application::Identity;
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_core::compose::ScoreMap;
use netmarks_core::freshness::WhenStale;
use netmarks_engine::{CompileLimits, Grants, Limits, ParameterValue};
use netmarks_policies::{RollbackRules, Settings};
use netmarks_sources::prometheus::MetricsConfig;
use serde::{Deserialize, Serialize};

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
    /// OpenTelemetry traces.
    pub traces: Traces,
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
    /// After a stop signal: how long readiness says no before connections are closed, so that clients turn away.
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

/// The policy to begin with. What operators do to it afterwards holds until this section changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// A component; by default the built-in NetMARKS score. It is read again when it changes.
    pub file: Option<PathBuf>,
    /// The policy's own settings.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// What one call may use.
    pub limits: Limits,
    /// What it may import beyond the log: `wasi` (with nothing behind it), for interpreted languages.
    pub grants: Grants,
    /// Its weight beside other active policies.
    pub weight: f64,
    /// How its raw scores become shares: `max`, `min-max`, `rank`, `none`.
    pub normalisation: Normalisation,
    /// What happens to the others when it fails: `skip` or `neutral`.
    pub on_fault: OnFault,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        let Settings { weight, normalisation, on_fault, parameters, limits, grants } = Settings::default();
        Self { file: None, parameters, limits, grants, weight, normalisation, on_fault }
    }
}

impl PolicyConfig {
    /// Without the file.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let Self { file: _, parameters, limits, grants, weight, normalisation, on_fault } = self.clone();
        Settings { weight, normalisation, on_fault, parameters, limits, grants }
    }
}

/// The life of policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// Where what is live survives a restart. Not needed where ScoringPolicies say what is live.
    pub state_folder: Option<PathBuf>,
    /// A folder of policies, `NAME.wasm` with `NAME.yaml` for its settings, that is watched.
    pub folder: Option<PathBuf>,
    /// Policies from ScoringPolicies.
    pub kubernetes: KubernetesPolicies,
    /// Public keys (PEM, ECDSA P-256, as of `cosign generate-key-pair`); with any, only what one of them signed is
    /// accepted from anywhere but this configuration.
    pub trusted_keys: Vec<PathBuf>,
    /// When a policy is rolled back.
    pub rollback: RollbackRules,
    /// Address space of the process that compiles one policy.
    pub compile_memory_mib: u32,
    /// CPU time of the process that compiles one policy.
    pub compile_seconds: u32,
}

impl Default for Policies {
    fn default() -> Self {
        let CompileLimits { memory_mib, seconds } = CompileLimits::default();
        Self {
            state_folder: None,
            folder: None,
            kubernetes: KubernetesPolicies::default(),
            trusted_keys: Vec::new(),
            rollback: RollbackRules::default(),
            compile_memory_mib: memory_mib,
            compile_seconds: seconds,
        }
    }
}

/// Policies from ScoringPolicies, the resource of `deploy/crds`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesPolicies {
    /// Whether to look for them.
    pub enabled: bool,
    /// Where; by default the pod's own namespace.
    pub namespace: Option<String>,
    /// What this replica is called in their status; by default the host's name, in a pod the pod's.
    pub replica: Option<String>,
    /// Certificates (PEM) to trust for registries, beside the system's.
    pub registry_ca_file: Option<PathBuf>,
    /// Credentials for registries, a docker config.json; a policy's own pull secret goes before.
    pub registry_credentials_file: Option<PathBuf>,
    /// Registries that may be spoken to without TLS, `host:port`.
    pub insecure_registries: Vec<String>,
}

/// Changing policies over HTTP: a listener of its own, so that who may score is not who may change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Its address; not set: there is none. Beyond loopback, one of the ways below to know who asks must be set.
    pub listen: Option<SocketAddr>,
    /// A file with the token that callers present as `Authorization: Bearer`; read anew for every call.
    pub token_file: Option<PathBuf>,
    /// TLS; with `client_ca_file`, callers are known by their certificate.
    pub tls: Tls,
    /// Largest policy that is taken, from whatever source.
    pub max_upload_mib: u32,
    /// Whether callers are known by a token of the cluster, and its roles for `scoringpolicies` say what they may do.
    pub kubernetes: bool,
    /// The audiences that such a token must be made for; none: those of the API server.
    pub kubernetes_audiences: Vec<String>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: None,
            token_file: None,
            tls: Tls::default(),
            max_upload_mib: 64,
            kubernetes: false,
            kubernetes_audiences: Vec::new(),
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

/// OpenTelemetry traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// Where to send them, OTLP over HTTP: `http://collector:4318/v1/traces`. Not set: no traces.
    pub otlp_endpoint: Option<String>,
    /// Share of requests traced, 0 to 1.
    pub sample_ratio: f64,
}

impl Default for Traces {
    fn default() -> Self {
        Self { otlp_endpoint: None, sample_ratio: 0.1 }
    }
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
            traces,
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
            ("admin.max_upload_mib", admin.max_upload_mib),
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
        let rules = &policies.rollback;
        for (key, ratio) in [
            ("policies.rollback.max_fault_ratio", rules.max_fault_ratio),
            ("policies.rollback.max_slow_ratio", rules.max_slow_ratio),
        ] {
            ensure!((0.0..=1.0).contains(&ratio), "`{key}` must be from 0 to 1");
        }
        ensure!(
            (1..=86_400).contains(&rules.window_seconds),
            "`policies.rollback.window_seconds` must be from 1 to 86400"
        );
        ensure!(rules.max_latency_ms > 0.0, "`policies.rollback.max_latency_ms` must be above 0");
        ensure!(policies.compile_memory_mib >= 256, "`policies.compile_memory_mib` must be at least 256");
        ensure!(policies.compile_seconds >= 1, "`policies.compile_seconds` must be at least 1");
        if let Some(listen) = admin.listen {
            let known = admin.token_file.is_some() || admin.tls.client_ca_file.is_some() || admin.kubernetes;
            ensure!(
                !(admin.kubernetes && admin.token_file.is_some()),
                "`admin.kubernetes` and `admin.token_file` both want the bearer token; choose one"
            );
            ensure!(
                known || listen.ip().is_loopback(),
                "`admin.listen` {listen} is not loopback: set `admin.kubernetes`, `admin.token_file` or `admin.tls.client_ca_file`, so that \
                 not everybody who can reach it may change policies"
            );
        }
        ensure!((0.0..=1.0).contains(&traces.sample_ratio), "`traces.sample_ratio` must be from 0 to 1");
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
