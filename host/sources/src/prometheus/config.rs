//! What an operator sets about the metrics store.
//!
//! It can be read, checked and printed without a connection.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use garde::Validate;
use netmarks_core::flow::estimator::Estimator;
use netmarks_core::rules::BrokenRule;
use netmarks_core::workload::WorkloadRule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choice::{CustomPreset, PresetName, RoundTripsConfig};

/// The largest offset of a query, in seconds.
const DAY: f64 = 86_400.0;

/// Seconds beyond which a duration is a typing error.
const WEEK: f64 = 604_800.0;

/// Where flows come from and how they are averaged. Durations are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct MetricsConfig {
    /// Base URL of the HTTP API, with its path if it has one: `http://prometheus.monitoring:9090`,
    /// `https://mimir/prometheus`. `/api/v1/query` is added; parameters that a gateway wants stay: `https://gateway?tenant=a`. Empty:
    /// there is no metrics store.
    #[schemars(regex(pattern = "^(https?://[^@]+)?$"))]
    pub url: String,
    /// Which queries to ask.
    pub preset: PresetName,
    /// The range of each `rate()`. At least two scrapes must fit into it, so four scrape intervals are a good choice.
    #[garde(range(min = 0.001, max = WEEK))]
    pub window_seconds: f64,
    /// Time between two refreshes; up to a tenth is added or taken away at random.
    #[garde(range(min = 0.1, max = WEEK))]
    pub interval_seconds: f64,
    /// How far back each refresh asks, for a store whose samples arrive late: remote write, Thanos' receivers.
    #[garde(range(min = 0.0, max = DAY))]
    pub query_offset_seconds: f64,
    /// Longest time for one answer.
    #[garde(range(min = 0.001, max = WEEK))]
    pub timeout_seconds: f64,
    /// Longest time between two attempts while they fail; the time doubles from `interval_seconds` on.
    #[garde(range(min = 0.1, max = WEEK))]
    pub max_backoff_seconds: f64,
    /// Largest answer that is read.
    #[garde(range(min = 1))]
    pub max_response_bytes: u64,
    /// Most flows that are kept: the heaviest.
    #[garde(range(min = 1))]
    pub max_flows: usize,
    /// Which workloads are waypoints, as a regular expression for the whole name; only `istio-logical` needs it.
    #[garde(custom(regular_expression))]
    pub waypoint_pattern: String,
    /// Whose rule names a pod's workload, for the presets `recorded` and `custom`; the others follow their mesh's.
    pub workload_names: Option<WorkloadRule>,
    /// The mesh's name for this cluster, where one store has several clusters of one mesh: only flows within it count.
    pub cluster: String,
    /// Whether to read native histograms of Istio's bytes where the classic series (`_sum`) are gone. Prometheus' own functions do it,
    /// so the store must be Prometheus, Thanos or Mimir.
    pub native_histograms: bool,
    /// Further kinds of owners that Linkerd's metrics name, in lower case: `rollout` for the labels `rollout` and `dst_rollout`.
    pub owner_kinds: Vec<String>,
    /// Labels that every series must have, for a store that holds more than one cluster's: `cluster: prod-1`.
    pub match_labels: BTreeMap<String, String>,
    /// How rates become one flow.
    #[garde(dive)]
    pub estimator: Estimator,
    /// Further request headers, such as `X-Scope-OrgID`.
    pub headers: BTreeMap<String, Secret>,
    /// How to authenticate.
    pub auth: AuthConfig,
    /// Whom to trust, and a client certificate.
    pub tls: TlsConfig,
    /// The queries of the preset `custom`.
    pub custom: CustomPreset,
    /// How long messages take between nodes or zones, for policies that ask.
    pub round_trips: RoundTripsConfig,
}

/// Authentication: a bearer token or a user with a password, each given here or in a file. Files are read again for
/// every request, so a rotated one is used at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// The token itself.
    pub bearer_token: Option<Secret>,
    /// A file that holds it.
    pub bearer_token_file: Option<PathBuf>,
    /// User name for basic authentication.
    pub username: Option<String>,
    /// The password itself.
    pub password: Option<Secret>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
}

/// TLS. Files are looked at for every request; when one has changed a new connection is made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Certificates (PEM) to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// A client certificate with its chain (PEM); needs `client_key_file`.
    pub client_certificate_file: Option<PathBuf>,
    /// Its private key (PEM).
    pub client_key_file: Option<PathBuf>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            preset: PresetName::default(),
            window_seconds: 60.0,
            interval_seconds: 15.0,
            query_offset_seconds: 0.0,
            timeout_seconds: 10.0,
            max_backoff_seconds: 120.0,
            // Some 20,000 flows are 6 MiB.
            max_response_bytes: 64 << 20,
            max_flows: 100_000,
            waypoint_pattern: ".*waypoint.*".to_owned(),
            workload_names: None,
            native_histograms: false,
            cluster: String::new(),
            owner_kinds: Vec::new(),
            match_labels: BTreeMap::new(),
            // Constant memory per flow, and traffic of an hour ago counts a sixty-fourth.
            estimator: Estimator::Decay { half_life_seconds: 600.0 },
            headers: BTreeMap::new(),
            auth: AuthConfig::default(),
            tls: TlsConfig::default(),
            custom: CustomPreset::default(),
            round_trips: RoundTripsConfig::default(),
        }
    }
}

/// A text that is never printed: not in logs, not when the configuration is shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("writeOnly" = true))]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, to be sent and not kept.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("<redacted>")
    }
}

/// A setting that cannot work. Keys are named as in the configuration file, below the section of the metrics.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The base URL is not one.
    #[error(
        "`url` is `{url}`, which is not an http or https URL; expected something like http://prometheus:9090"
    )]
    Url {
        /// As it was set.
        url: String,
    },
    /// A URL with a secret in it: URLs are shown in logs and tables.
    #[error(
        "`url` holds a user name or a password; remove them from it and set `auth.username` and `auth.password_file`"
    )]
    UserInUrl,
    /// A value outside what makes sense.
    #[error(transparent)]
    Rule(#[from] BrokenRule),
    /// Settings that exclude or require each other.
    #[error("`{key}` {problem}")]
    Combination {
        /// The setting.
        key: &'static str,
        /// What is wrong, and what to do.
        problem: &'static str,
    },
    /// The mesh's metrics do not have the labels that the identity needs.
    #[error(
        "preset `{preset}` knows workloads only, but the identity is `{identity}`; set the identity to `workload`, or \
         use the preset `custom` with labels of your own"
    )]
    Identity {
        /// The preset.
        preset: &'static str,
        /// The identity.
        identity: &'static str,
    },
    /// A label that cannot be one.
    #[error("`{key}` names `{name}`, which is not a label; a label is letters, digits and `_`")]
    Label {
        /// The key of the configuration.
        key: &'static str,
        /// Its name.
        name: String,
    },
    /// A header that cannot be sent.
    #[error("header `{name}` has a name or value that HTTP does not allow")]
    Header {
        /// Its name.
        name: String,
    },
}

/// The rule for patterns that the store matches with. The syntax that the store takes (RE2) is the same up to rare escapes.
fn regular_expression(pattern: &str, _: &()) -> garde::Result {
    match regex_syntax::parse(pattern) {
        Ok(_) => Ok(()),
        Err(error) => {
            // Its own words show the pattern in several lines, with a mark below the place; the last one says what is wrong.
            let text = error.to_string();
            let says = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err(garde::Error::new(format!("a regular expression, and it is not: {says}")))
        }
    }
}

impl ConfigError {
    /// The key below the section that the error is about, where it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Url { .. } | Self::UserInUrl => Some("url"),
            Self::Rule(BrokenRule { key, .. }) => Some(key),
            Self::Combination { key, .. } => Some(key),
            Self::Label { key, .. } => Some(key),
            Self::Header { .. } => Some("headers"),
            Self::Identity { .. } => None,
        }
    }
}

impl MetricsConfig {
    /// Whether a metrics store is configured at all.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.url.is_empty()
    }

    /// Whose rule names a pod's workload.
    #[must_use]
    pub fn workload_rule(&self) -> WorkloadRule {
        let of_mesh = match self.preset {
            PresetName::Istio | PresetName::IstioLogical => Some(WorkloadRule::Istio),
            PresetName::Linkerd => Some(WorkloadRule::Linkerd),
            PresetName::Beyla => Some(WorkloadRule::Ebpf),
            PresetName::Recorded | PresetName::Custom => None,
        };
        of_mesh.or(self.workload_names).unwrap_or_default()
    }

    pub(crate) fn check_combinations(&self) -> Result<(), ConfigError> {
        let AuthConfig { bearer_token, bearer_token_file, username, password, password_file } = &self.auth;
        let bearer = bearer_token.is_some() || bearer_token_file.is_some();
        let any_password = password.is_some() || password_file.is_some();
        let TlsConfig { ca_file: _, client_certificate_file, client_key_file } = &self.tls;
        let problems = [
            (
                bearer_token.is_some() && bearer_token_file.is_some(),
                "auth.bearer_token_file",
                "is set beside `auth.bearer_token`; set one of them",
            ),
            (
                bearer && (username.is_some() || any_password),
                "auth.username",
                "and a password are set beside a bearer token; use one way to authenticate",
            ),
            (
                password.is_some() && password_file.is_some(),
                "auth.password_file",
                "is set beside `auth.password`; set one of them",
            ),
            (any_password && username.is_none(), "auth.username", "is missing, but a password is set"),
            (
                client_certificate_file.is_some() != client_key_file.is_some(),
                "tls.client_certificate_file",
                "and `tls.client_key_file` belong together; one of them is missing",
            ),
        ];
        match problems.into_iter().find(|(wrong, ..)| *wrong) {
            Some((_, key, problem)) => Err(ConfigError::Combination { key, problem }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use netmarks_core::rules;

    use super::*;

    #[test]
    fn every_key_is_shown_by_default_and_unknown_ones_are_refused() {
        let shown = serde_json::to_value(MetricsConfig::default()).unwrap();
        assert_eq!(shown["auth"]["bearer_token"], serde_json::Value::Null);
        assert_eq!(shown["window_seconds"], 60.0);
        let read: MetricsConfig = serde_json::from_value(shown).unwrap();
        assert_eq!(read, MetricsConfig::default());
        for wrong in
            [r#"{"windows_seconds": 1}"#, r#"{"auth": {"token": "x"}}"#, r#"{"custom": {"query": "x"}}"#]
        {
            assert!(serde_json::from_str::<MetricsConfig>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let config: MetricsConfig = serde_json::from_str(
            r#"{"auth": {"username": "u", "password": "hunter2"}, "headers": {"X-Key": "hunter2"}}"#,
        )
        .unwrap();
        assert_eq!(config.auth.password.as_ref().map(Secret::reveal), Some("hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&config).unwrap().contains("hunter2"));
    }

    #[test]
    fn settings_that_cannot_work_name_their_key() {
        let complaint = |json: &str| {
            let config: MetricsConfig = serde_json::from_str(json).unwrap();
            match rules::check(&config) {
                Ok(()) => config.check_combinations().unwrap_err().to_string(),
                Err(rule) => rule.to_string(),
            }
        };
        let expected = [
            (r#"{"window_seconds": 0}"#, "`window_seconds` must be from 0.001 to 604800"),
            (r#"{"interval_seconds": -1}"#, "`interval_seconds` must be from 0.1 to 604800"),
            (r#"{"estimator": {"window": {"seconds": 0}}}"#, "`estimator.window.seconds` must be above 0"),
            (r#"{"auth": {"password": "x"}}"#, "`auth.username` is missing"),
            (r#"{"auth": {"bearer_token": "x", "username": "u"}}"#, "`auth.username` and a password"),
            (
                r#"{"auth": {"bearer_token": "x", "bearer_token_file": "f"}}"#,
                "`auth.bearer_token_file` is set",
            ),
            (r#"{"auth": {"username": "u", "password": "x", "password_file": "f"}}"#, "`auth.password_file`"),
            (
                r#"{"tls": {"client_key_file": "f"}}"#,
                "`tls.client_certificate_file` and `tls.client_key_file`",
            ),
        ];
        for (json, start) in expected {
            let complaint = complaint(json);
            assert!(complaint.starts_with(start), "{complaint}");
        }
    }
}
