//! What an operator can set. Each section of the file is a struct of the crate that it configures; every key has a default
//! that works.
//!
//! [`load`] reads file, environment and flags into it, [`reload`] follows the file while we run, [`schema`] is what both know of
//! each key; `check` holds a tree of keys against it, and what is wrong is a [`Mistake`] with its place.

mod check;
pub mod load;
mod mistake;
mod policies;
pub mod reload;
pub mod schema;
pub mod suspicious;
mod tree;

use garde::Validate;
use netmarks_admin::AdminConfig;
use netmarks_admission::AdmissionConfig;
use netmarks_core::application::{Identity, Naming};
use netmarks_core::errors::chain;
use netmarks_core::rules;
use netmarks_extender::ServerConfig;
use netmarks_scoring::ScoringConfig;
use netmarks_sources::kubernetes::ClusterConfig;
use netmarks_sources::prometheus::{MetricsConfig, Poller};
use netmarks_target_placement::TargetConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use mistake::{Mistake, Mistakes};
pub use policies::{BuiltIn, Policies, PolicyConfig};

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
    /// The placement that policies are told to converge to.
    #[garde(dive)]
    pub target: TargetConfig,
    /// The policy to begin with.
    #[garde(dive)]
    pub policy: PolicyConfig,
    /// The life of policies.
    #[garde(dive)]
    pub policies: Policies,
    /// Changing policies over HTTP.
    #[garde(dive)]
    pub admin: AdminConfig,
    /// Preferred node affinity for pods as they are created.
    #[garde(dive)]
    pub admission: AdmissionConfig,
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
    /// For every rule that is broken, naming its key.
    pub fn validate(&self) -> Result<(), Mistakes> {
        let broken: Vec<Mistake> =
            self.broken_rules(&[]).into_iter().map(|(_, message)| Mistake::of_nothing(message)).collect();
        Mistakes::none(broken)
    }

    /// The key of each rule that is broken, and what is wrong. A rule between keys is looked at only if each of them is right by
    /// itself; those that are `known` to be wrong are not.
    fn broken_rules(&self, known: &[String]) -> Vec<(String, String)> {
        let mut broken: Vec<(String, String)> =
            rules::broken(self).into_iter().map(|rule| (rule.key.clone(), rule.to_string())).collect();
        broken.retain(|(key, _)| !overlaps(key, known));
        let wrong: Vec<String> =
            known.iter().cloned().chain(broken.iter().map(|(key, _)| key.clone())).collect();
        let Self {
            identity,
            server,
            cluster: _,
            metrics,
            scoring: _,
            target: _,
            policy,
            policies: _,
            admin,
            admission,
            log,
        } = self;
        let mut tell = |key: &str, of: &[&str], message: String| {
            if !of.iter().any(|key| overlaps(key, &wrong)) {
                broken.push((key.to_owned(), message));
            }
        };
        let sections = [("server", &server.tls), ("admin", &admin.tls), ("admission", &admission.tls)];
        for (section, tls) in sections {
            if let Err(error) = tls.validate(section) {
                let key = format!("{section}.tls");
                tell(&key, &[&key], chain(&error));
            }
        }
        if let Err(error) = admin.validate() {
            tell("admin.listen", &["admin"], chain(&error));
        }
        if let Err(error) = admission.validate() {
            tell("admission.listen", &["admission.listen", "admission.tls"], chain(&error));
        }
        if metrics.is_configured()
            && let Err(error) = Poller::new(metrics.clone(), *identity)
        {
            let key = error.key().map_or_else(|| "metrics".to_owned(), |key| format!("metrics.{key}"));
            tell(&key, &["metrics", "identity"], format!("in the section `metrics`: {}", chain(&error)));
        }
        let listeners = [
            ("admin.listen", admin.listen),
            ("admission.listen", admission.listen),
            ("server.health_listen", server.health_listen),
            ("server.listen", Some(server.listen)),
        ];
        for (index, (key, address)) in listeners.iter().enumerate() {
            let earlier = listeners.iter().take(index);
            // Port 0 is another one each time.
            let same = earlier
                .filter(|(_, other)| address.is_some_and(|one| one.port() != 0 && *other == Some(one)));
            for (other, _) in same {
                tell(
                    key,
                    &[key, other],
                    format!("`{key}` and `{other}` are the same address; each needs a port of its own"),
                );
            }
        }
        // Or the request would end first, and its policy's fault would be counted as the request's.
        let deadline = policy.limits.deadline_ms;
        let timeouts = [
            ("server.request_timeout_ms", Some(server.request_timeout_ms)),
            ("admission.request_timeout_ms", admission.listen.map(|_| admission.request_timeout_ms)),
        ];
        for (key, timeout) in timeouts {
            if let Some(timeout) = timeout.filter(|timeout| deadline >= *timeout) {
                let message = format!(
                    "`policy.limits.deadline_ms` is {deadline}; it must be below `{key}` ({timeout})"
                );
                tell("policy.limits.deadline_ms", &["policy.limits.deadline_ms", key], message);
            }
        }
        if let Err(error) = log.filter.parse::<tracing_subscriber::EnvFilter>() {
            tell("log.filter", &["log.filter"], format!("`log.filter` is not a filter: {}", chain(&error)));
        }
        broken
    }
}

/// Whether a key is one of `keys`, or is around or below one of them.
fn overlaps(key: &str, keys: &[String]) -> bool {
    let below = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    keys.iter().any(|other| below(key, other) || below(other, key))
}
