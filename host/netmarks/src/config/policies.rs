//! The sections `policy` and `policies`: with what policies the extender begins, and how they change. Their parts belong to
//! several crates, so they are put together here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use netmarks_controller::KubernetesPolicies;
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_engine::{CompileLimits, Grants, Limits, ParameterValue};
use netmarks_policies::{PromotionRules, RollbackRules, Settings};
use serde::{Deserialize, Serialize};

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
