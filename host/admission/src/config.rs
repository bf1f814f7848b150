//! The section `admission` of the configuration: where the API server reaches the webhook, which pods it leaves alone, and what it adds.

use std::net::SocketAddr;
use std::time::Duration;

use garde::Validate;
use netmarks_server::Tls;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::terms::Grading;

/// Preferred node affinity for pods as they are created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct AdmissionConfig {
    /// The address of the listener; without it there is no listener. The API server speaks HTTPS only, so it needs `admission.tls`.
    #[schemars(extend("examples" = ["0.0.0.0:9823"]))]
    pub listen: Option<SocketAddr>,
    /// TLS.
    pub tls: Tls,
    /// `apply`, or `preview`: nothing is added to pods, and decisions say what would have been.
    pub mode: Mode,
    /// Pods with another `schedulerName` are left alone.
    pub schedulers: Vec<String>,
    /// Pods that have this label with the value `disabled` are left alone.
    pub opt_out_label: String,
    /// Most terms that are added to a pod, 1 to 3: the best nodes, the next best, the best zone.
    #[garde(range(min = 1, max = 3))]
    pub terms: u32,
    /// Most nodes that one term names.
    #[garde(range(min = 1, max = 100))]
    pub nodes_per_term: u32,
    /// A node is as good as the best if its score is at least so many percent of the best one's.
    #[garde(range(min = 1, max = 100))]
    pub as_good_percent: u32,
    /// The weight of the best nodes, beside the terms that a pod has of its own; the others get a part of it.
    #[garde(range(min = 1, max = 100))]
    pub weight: u32,
    /// Nothing is added if the best node keeps less traffic of the pod within itself, in bytes per second.
    #[garde(range(min = 0.0, max = 1e9))]
    pub min_saved_bytes_per_second: f64,
    /// Seconds that a pod that was answered counts on its best node before it is seen bound or gone; 0: not at all.
    #[garde(range(min = 0.0, max = 3_600.0))]
    pub assume_seconds: f64,
    /// A review that takes longer is answered without terms. Below the webhook's `timeoutSeconds`: 1 in the chart, 30 at most.
    #[garde(range(min = 1, max = 30_000))]
    pub request_timeout_ms: u64,
    /// Largest review, in MiB.
    #[garde(range(min = 1, max = 64))]
    pub max_request_mib: u32,
    /// All reviews under way together, in MiB.
    #[garde(range(min = 1, max = 65_536))]
    pub max_bodies_mib: u32,
}

/// Whether pods are changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// They are.
    #[default]
    Apply,
    /// They are not; decisions say what would have been added.
    Preview,
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            listen: None,
            tls: Tls::default(),
            mode: Mode::Apply,
            schedulers: vec!["default-scheduler".to_owned()],
            opt_out_label: "netmarks.dev/admission".to_owned(),
            terms: 3,
            nodes_per_term: 8,
            as_good_percent: 90,
            weight: 100,
            min_saved_bytes_per_second: 1_000.0,
            assume_seconds: 30.0,
            request_timeout_ms: 800,
            max_request_mib: 8,
            max_bodies_mib: 64,
        }
    }
}

/// Settings that cannot be together.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionConfigError {
    /// No API server would ever call it.
    #[error(
        "`admission.listen` needs `admission.tls.cert_file` and `admission.tls.key_file`: the API server calls webhooks over HTTPS only"
    )]
    Plain,
}

impl AdmissionConfig {
    /// Checks the rules between keys.
    ///
    /// # Errors
    /// For a listener without TLS.
    pub fn validate(&self) -> Result<(), AdmissionConfigError> {
        if self.listen.is_some() && self.tls.cert_file.is_none() && self.tls.key_file.is_none() {
            return Err(AdmissionConfigError::Plain);
        }
        Ok(())
    }

    pub(crate) fn grading(&self) -> Grading {
        Grading {
            terms: self.terms as usize,
            nodes_per_term: self.nodes_per_term as usize,
            as_good: f64::from(self.as_good_percent) / 100.0,
            weight: self.weight,
        }
    }

    pub(crate) fn assume_for(&self) -> Duration {
        Duration::from_secs_f64(self.assume_seconds)
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }
}
