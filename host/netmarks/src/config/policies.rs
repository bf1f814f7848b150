//! The sections `policy`, `policies` and `admin`: with what policies the extender begins, and how they change.
//!
//! Apart from the rest of the configuration, which says how they are used.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_engine::{CompileLimits, Grants, Limits, ParameterValue};
use netmarks_policies::{PromotionRules, RollbackRules, Settings};
use serde::{Deserialize, Serialize};

use super::Tls;

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
    /// When a canary that was uploaded becomes active by itself.
    pub promotion: PromotionRules,
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
            promotion: PromotionRules::default(),
            compile_memory_mib: memory_mib,
            compile_seconds: seconds,
        }
    }
}

/// Policies from ScoringPolicies, the resource that the chart defines.
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

impl Policies {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// For the first value that cannot work, naming its key.
    pub(super) fn validate(&self) -> Result<()> {
        let rules = &self.rollback;
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
        ensure!(self.compile_memory_mib >= 256, "`policies.compile_memory_mib` must be at least 256");
        ensure!(self.compile_seconds >= 1, "`policies.compile_seconds` must be at least 1");
        Ok(())
    }
}

impl Admin {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// For the first value that cannot work, naming its key.
    pub(super) fn validate(&self) -> Result<()> {
        ensure!(
            (1..=65_536).contains(&self.max_upload_mib),
            "`admin.max_upload_mib` must be from 1 to 65536"
        );
        if let Some(listen) = self.listen {
            let known = self.token_file.is_some() || self.tls.client_ca_file.is_some() || self.kubernetes;
            ensure!(
                !(self.kubernetes && self.token_file.is_some()),
                "`admin.kubernetes` and `admin.token_file` both want the bearer token; choose one"
            );
            ensure!(
                known || listen.ip().is_loopback(),
                "`admin.listen` {listen} is not loopback: set `admin.kubernetes`, `admin.token_file` or `admin.tls.client_ca_file`, so that \
                 not everybody who can reach it may change policies"
            );
        }
        Ok(())
    }
}
