//! What an operator can set. Each section of the file is a struct of the crate that it configures; every key has a default
//! that works.
//!
//! [`load`] reads file, environment and flags into it, [`reload`] follows the file while we run, [`schema`] is what both know of
//! each key.

pub mod load;
mod policies;
pub mod reload;
pub mod schema;

use anyhow::{Context as _, Result, ensure};
use garde::Validate;
use netmarks_admin::AdminConfig;
use netmarks_core::application::{Identity, Naming};
use netmarks_core::rules;
use netmarks_extender::ServerConfig;
use netmarks_scoring::ScoringConfig;
use netmarks_sources::kubernetes::ClusterConfig;
use netmarks_sources::prometheus::{MetricsConfig, Poller};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use policies::{Policies, PolicyConfig};

/// The whole configuration. Durations carry their unit in the key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct Config {
    /// Which label of a pod, and of the metrics, names an application: `app`, `canonical-service` or `workload`.
    pub identity: Identity,
    /// Listening, limits and TLS.
    #[garde(dive)]
    pub server: ServerConfig,
    /// Where pods and nodes come from.
    pub cluster: ClusterConfig,
    /// Where flows come from.
    #[garde(dive)]
    pub metrics: MetricsConfig,
    /// From raw scores to the scheduler's.
    #[garde(dive)]
    pub scoring: ScoringConfig,
    /// The policy to begin with.
    #[garde(dive)]
    pub policy: PolicyConfig,
    /// The life of policies.
    #[garde(dive)]
    pub policies: Policies,
    /// Changing policies over HTTP.
    #[garde(dive)]
    pub admin: AdminConfig,
    /// Logs.
    pub log: Log,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// What is logged, in the syntax of `tracing`'s EnvFilter: `info`, or `info,netmarks=debug`.
    #[schemars(extend("x-live" = true))]
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// How pods are named: as the mesh names them in its metrics.
    #[must_use]
    pub fn naming(&self) -> Naming {
        Naming { identity: self.identity, workloads: self.metrics.workload_rule() }
    }

    /// Checks the rules of every key, then those between keys, then those between sections. It is all that can be known without
    /// opening a file or a connection.
    ///
    /// # Errors
    /// For the first rule that is broken, naming its key.
    pub fn validate(&self) -> Result<()> {
        rules::check(self)?;
        let Self { identity, server, cluster: _, metrics, scoring: _, policy, policies: _, admin, log } =
            self;
        server.tls.validate("server")?;
        admin.tls.validate("admin")?;
        admin.validate()?;
        if metrics.is_configured() {
            Poller::new(metrics.clone(), *identity).context("in the section `metrics`")?;
        }
        // Or the request would end first, and its policy's fault would be counted as the request's.
        ensure!(
            policy.limits.deadline_ms < server.request_timeout_ms,
            "`policy.limits.deadline_ms` must be below `server.request_timeout_ms` ({})",
            server.request_timeout_ms
        );
        log.filter.parse::<tracing_subscriber::EnvFilter>().context("`log.filter` is not a filter")?;
        Ok(())
    }
}
