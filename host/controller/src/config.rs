//! The section `policies.kubernetes` of the configuration: policies from ScoringPolicies.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Policies from ScoringPolicies, the resource that the chart defines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
