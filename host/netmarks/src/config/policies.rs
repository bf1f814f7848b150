//! The sections `policy` and `policies`: with what policies the extender begins, and how they change. Their parts belong to
//! several crates, so they are put together here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Error, Result};
use garde::Validate;
use netmarks_artefacts::{Authority, Keys, LegacySignatures, Verifier};
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
    /// One of those that ship inside the program; `recommended` is `look-ahead`. A `file` goes before it.
    #[schemars(extend("x-live" = true))]
    pub built_in: BuiltIn,
    /// A component; without one, the built-in policy. It is read again when it changes.
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

/// A policy that ships inside the program.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum BuiltIn {
    /// The paper's score.
    #[default]
    Netmarks,
    /// The best by measurement: `look-ahead`.
    Recommended,
    LoadBlend,
    LookAhead,
    ReplicaAware,
    Spread,
    ZoneCost,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        let Settings { weight, normalisation, on_fault, parameters, limits, grants } = Settings::default();
        Self {
            built_in: BuiltIn::default(),
            file: None,
            parameters,
            limits,
            grants,
            weight,
            normalisation,
            on_fault,
        }
    }
}

impl PolicyConfig {
    /// Without the file.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let Self { built_in: _, file: _, parameters, limits, grants, weight, normalisation, on_fault } =
            self.clone();
        Settings { weight, normalisation, on_fault, parameters, limits, grants }
    }
}

/// Whose certificates may sign policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct TrustedAuthority {
    /// The authority's certificates (PEM), all of them trusted.
    pub ca_file: PathBuf,
    /// Who may sign: emails, URIs or DNS names, as the subject alternative name of the certificate has them.
    #[garde(length(min = 1))]
    pub identities: Vec<String>,
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
    /// Public keys (PEM, ECDSA P-256, as of `cosign generate-key-pair`); with any key or authority, only what one of them
    /// signed is accepted from anywhere but this configuration.
    pub trusted_keys: Vec<PathBuf>,
    /// Certificate authorities, with the identities whose certificates may sign policies.
    #[garde(dive)]
    pub trusted_authorities: Vec<TrustedAuthority>,
    /// Accept signatures in the forms of cosign before 3, too: files `.sig`, tags `sha256-….sig`, by a trusted key.
    pub legacy_signatures: bool,
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
            trusted_authorities: Vec::new(),
            legacy_signatures: false,
            rollback: RollbackRules::default(),
            promotion: PromotionRules::default(),
            compile_memory_mib: memory_mib,
            compile_seconds: seconds,
        }
    }
}

impl Policies {
    /// The files of keys and authorities that cannot be used, each with its key.
    #[must_use]
    pub fn unusable(&self) -> Vec<(String, Error)> {
        let keys = self.trusted_keys.iter().enumerate().filter_map(|(index, file)| {
            let error = Keys::read(&[file]).err()?;
            Some((format!("policies.trusted_keys[{index}]"), error.into()))
        });
        let authorities = self.trusted_authorities.iter().enumerate().filter_map(|(index, trusted)| {
            let error = Authority::read(&trusted.ca_file, trusted.identities.clone()).err()?;
            Some((format!("policies.trusted_authorities[{index}].ca_file"), error.into()))
        });
        keys.chain(authorities).collect()
    }

    /// Whose signatures are accepted; nothing if none are required.
    ///
    /// # Errors
    /// If a file cannot be read, or holds something else.
    pub fn verifier(&self) -> Result<Option<Verifier>> {
        let keys = (!self.trusted_keys.is_empty()).then(|| Keys::read(&self.trusted_keys)).transpose();
        let keys = keys.context("in `policies.trusted_keys`")?;
        let authorities = self.trusted_authorities.iter().map(|trusted| {
            let TrustedAuthority { ca_file, identities } = trusted;
            Authority::read(ca_file, identities.clone()).context("in `policies.trusted_authorities`")
        });
        let authorities = authorities.collect::<Result<_>>()?;
        let legacy =
            if self.legacy_signatures { LegacySignatures::Accepted } else { LegacySignatures::Refused };
        Ok(Verifier::new(keys, authorities, legacy))
    }
}
