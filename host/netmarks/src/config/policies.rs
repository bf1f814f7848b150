//! The sections `policy` and `policies`: with what policies the extender begins, and how they change. Their parts belong to
//! several crates, so they are put together here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use garde::Validate;
use netmarks_controller::KubernetesPolicies;
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_core::rules::above_zero;
use netmarks_engine::{CompileLimits, Grants, Limits, ParameterValue};
use netmarks_policies::{PromotionRules, RollbackRules, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The policy to begin with. What operators do to it afterwards holds until this section changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct PolicyConfig {
    /// A component; by default the built-in NetMARKS score. It is read again when it changes.
    #[schemars(extend("x-live" = true))]
    pub file: Option<PathBuf>,
    /// The policy's own settings.
    #[schemars(extend("x-live" = true))]
    pub parameters: BTreeMap<String, ParameterValue>,
    /// What one call may use.
    #[garde(dive)]
    #[schemars(extend("x-live" = true))]
    pub limits: Limits,
    /// What it may import beyond the log: `wasi` (with nothing behind it), for interpreted languages.
    #[schemars(extend("x-live" = true))]
    pub grants: Grants,
    /// Its weight beside other active policies.
    #[garde(custom(above_zero), range(max = Settings::MOST_WEIGHT))]
    #[schemars(extend("exclusiveMinimum" = 0, "x-live" = true))]
    pub weight: f64,
    /// How its raw scores become shares: `max`, `min-max`, `rank`, `none`.
    #[schemars(extend("x-live" = true))]
    pub normalisation: Normalisation,
    /// What happens to the others when it fails: `skip` or `neutral`.
    #[schemars(extend("x-live" = true))]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
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
    #[garde(dive)]
    pub rollback: RollbackRules,
    /// When a canary that was uploaded becomes active by itself.
    pub promotion: PromotionRules,
    /// Address space of the process that compiles one policy.
    #[garde(range(min = 256))]
    pub compile_memory_mib: u32,
    /// CPU time of the process that compiles one policy.
    #[garde(range(min = 1))]
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
