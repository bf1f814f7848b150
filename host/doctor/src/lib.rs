//! What `netmarks doctor` finds: a live cluster examined from the API server to the pod, each finding with its advice.
//!
//! One file per question. Each fetches what it needs into plain values and judges them in a function without I/O, so
//! that every sickness is tested by its description. [`examine`] asks the questions in order.

#![forbid(unsafe_code)]

mod asked;
mod calls;
mod config;
mod coverage;
mod examine;
mod extender;
mod fixed;
mod metrics;
mod plugins;
mod pod;
mod pods;
mod preferred;
mod rights;
mod scheduler;
mod scheduler_config;
mod schedulers;
mod second;
mod series_facts;
mod store;
mod watches;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use netmarks_transport::answers_without_tls;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

pub use config::Configured;
pub use examine::examine;
pub use metrics::{SERIES, STORE as METRICS_STORE};
pub use watches::CHECK as WATCHES;

/// Longest wait for one answer of anybody; who is slower than this is as good as unreachable for the extender, too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two clocks of a cluster may differ by so much, in seconds; what is closer together has no order.
const SKEW: f64 = 2.0;

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could, or not for all.
    Warning,
    /// It does not work.
    Problem,
    /// It could not be looked at.
    Skipped,
}

impl Status {
    /// As in tables and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check; several findings can be of one.
    pub check: &'static str,
    /// How it went.
    pub status: Status,
    /// What there is, in a sentence.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, found: found.into(), advice: None }
    }

    fn new(check: &'static str, status: Status, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, status, found: found.into(), advice: Some(advice.into()) }
    }

    fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Status::Warning, found, advice)
    }

    fn problem(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Status::Problem, found, advice)
    }

    fn skipped(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Status::Skipped, found, advice)
    }
}

/// All findings, in the order in which the checks depend on one another: what comes first explains what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings are of a status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }
}

/// A name within a namespace, written `namespace/name`: a pod, a service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaced {
    pub namespace: String,
    pub name: String,
}

impl FromStr for Namespaced {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err("it must be of the form NAMESPACE/NAME"),
        }
    }
}

impl std::fmt::Display for Namespaced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is examined.
#[derive(Debug)]
pub struct Subject {
    /// The extender's own configuration: the same cluster, metrics store, preset and identity.
    pub config: Configured,
    /// Whether that was given; what it then lacks is a problem.
    pub config_given: bool,
    /// The account whose rights are looked at; otherwise those of whoever asks.
    pub account: Option<Namespaced>,
    /// Where the extender is installed; otherwise worked out from the account, the configuration or the kubeconfig.
    pub namespace: Option<String>,
    /// The running replicas of the extender: base URLs, and the clients that reach them.
    pub extenders: Vec<(String, reqwest::Client)>,
    pub scheduler_config: Option<PathBuf>,
    /// A pod to explain.
    pub pod: Option<Namespaced>,
}

/// Why somebody did not answer as hoped, short enough for a table: the API server's own sentence, where it gave one, or else
/// what is outermost and innermost. `kube::Error` would show whole objects, and each cause several times.
fn brief(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(kube::Error::Api(status)) = error.downcast_ref()
        && !status.message.is_empty()
    {
        return status.message.clone();
    }
    if answers_without_tls(error) {
        return "what listens there does not speak TLS; write http:// instead of https://".to_owned();
    }
    let text = error.to_string();
    let innermost =
        std::iter::successors(Some(error), |error| error.source()).last().map(ToString::to_string);
    match innermost {
        Some(innermost) if !text.contains(&innermost) => format!("{text}: {innermost}"),
        _ => text,
    }
}

/// What the API server answered, unless it takes too long.
///
/// # Errors
/// Why there is no answer, briefly.
async fn patient<T>(answer: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, answer)
        .await
        .map_err(|_| format!("no answer within {PATIENCE:?}"))?
        .map_err(|error| brief(&error))
}

/// `1 pod`, `2 pods`.
fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Seconds as people say them: `12 s`, `3 min`, `5 h`, `2 d`.
fn ago(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{:.0} s", seconds.max(0.0)),
        seconds if seconds < 7_200.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        seconds => format!("{:.0} d", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_both_parts() {
        let name: Namespaced = "shop/cart-0".parse().unwrap();
        assert_eq!((name.namespace.as_str(), name.name.as_str()), ("shop", "cart-0"));
        for wrong in ["cart-0", "/cart-0", "shop/", "a/b/c"] {
            assert!(wrong.parse::<Namespaced>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn errors_are_brief() {
        let forbidden = serde_json::from_value(serde_json::json!({
            "status": "Failure", "message": "pods is forbidden", "reason": "Forbidden", "code": 403,
        }));
        assert_eq!(brief(&kube::Error::Api(Box::new(forbidden.unwrap()))), "pods is forbidden");
        let lost = anyhow::anyhow!("no route").context("hidden").context("failed to reach it");
        assert_eq!(brief(lost.as_ref()), "failed to reach it: no route");
        assert_eq!(brief(anyhow::anyhow!("alone").as_ref()), "alone");
    }

    #[test]
    fn values_are_shown_as_people_say_them() {
        assert_eq!((count(1, "pod"), count(0, "pod")), ("1 pod".to_owned(), "0 pods".to_owned()));
        assert_eq!(
            [ago(-1.0), ago(90.4), ago(600.0), ago(7_200.0), ago(400_000.0)],
            ["0 s", "90 s", "10 min", "2 h", "5 d"]
        );
    }
}
