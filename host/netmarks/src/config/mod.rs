//! What an operator can set. Each section of the file is a struct of the crate that it configures; every key has a default
//! that works.
//!
//! [`load`] reads file, environment and flags into it, [`reload`] follows the file while we run.

pub mod load;
mod policies;
pub mod reload;

use anyhow::{Context as _, Result, ensure};
use netmarks_admin::AdminConfig;
use netmarks_core::application::Identity;
use netmarks_extender::ServerConfig;
use netmarks_scoring::ScoringConfig;
use netmarks_sources::kubernetes::ClusterConfig;
use netmarks_sources::prometheus::MetricsConfig;
use serde::{Deserialize, Serialize};

pub use policies::{Policies, PolicyConfig};

/// The whole configuration. Durations carry their unit in the key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which label of a pod, and of the metrics, names an application: `app`, `canonical-service` or `workload`.
    pub identity: Identity,
    /// Listening, limits and TLS.
    pub server: ServerConfig,
    /// Where pods and nodes come from.
    pub cluster: ClusterConfig,
    /// Where flows come from.
    pub metrics: MetricsConfig,
    /// From raw scores to the scheduler's.
    pub scoring: ScoringConfig,
    /// The policy to begin with.
    pub policy: PolicyConfig,
    /// The life of policies.
    pub policies: Policies,
    /// Changing policies over HTTP.
    pub admin: AdminConfig,
    /// Logs.
    pub log: Log,
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
        let Self { identity: _, server, cluster: _, metrics: _, scoring, policy, policies, admin, log } =
            self;
        server.validate()?;
        scoring.validate()?;
        policy.settings().validate().context("in the section `policy`")?;
        // Or the request would end first, and its policy's fault would be counted as the request's.
        ensure!(
            policy.limits.deadline_ms < server.request_timeout_ms,
            "`policy.limits.deadline_ms` must be below `server.request_timeout_ms` ({})",
            server.request_timeout_ms
        );
        policies.validate()?;
        admin.validate()?;
        log.filter.parse::<tracing_subscriber::EnvFilter>().context("`log.filter` is not a filter")?;
        Ok(())
    }
}
