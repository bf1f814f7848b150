//! What an operator says about a policy: its name, how it runs and counts, its mode.
//!
//! Configuration, uploads and Kubernetes all use these types.

use std::collections::BTreeMap;
use std::fmt;

use garde::Validate;
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_core::rules::{self, above_zero};
use netmarks_engine::{Grants, Limits, ParameterValue, RunSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use utoipa::ToSchema;

use crate::errors::Refusal;

/// A policy's name: a DNS label, so that it fits into paths, file names, metrics and Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyName(String);

impl PolicyName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PolicyName {
    type Error = Refusal;

    fn try_from(name: String) -> Result<Self, Refusal> {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let ends = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
        let bytes = name.as_bytes();
        if bytes.len() <= 63 && bytes.iter().copied().all(inner) && ends(bytes.first()) && ends(bytes.last())
        {
            Ok(Self(name))
        } else {
            Err(Refusal::Name { name })
        }
    }
}

impl std::str::FromStr for PolicyName {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        Self::try_from(name.to_owned())
    }
}

impl From<PolicyName> for String {
    fn from(name: PolicyName) -> Self {
        name.0
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a policy runs, and how its scores count beside those of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct Settings {
    /// Its share of the whole, relative to the other active policies; above 0.
    #[garde(custom(above_zero), range(max = Settings::MOST_WEIGHT))]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schema(required)]
    pub weight: f64,
    /// How its raw scores become shares.
    #[schema(required)]
    pub normalisation: Normalisation,
    /// What happens to the others when it fails.
    #[schema(required)]
    pub on_fault: OnFault,
    /// Its own settings.
    #[schema(required)]
    pub parameters: BTreeMap<String, ParameterValue>,
    /// What one call may use.
    #[garde(dive)]
    #[schema(required)]
    pub limits: Limits,
    /// What it may import beyond the log.
    #[schema(required, value_type = Vec<netmarks_engine::Grant>)]
    pub grants: Grants,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            weight: 1.0,
            normalisation: Normalisation::default(),
            on_fault: OnFault::default(),
            parameters: BTreeMap::new(),
            limits: Limits::default(),
            grants: Grants::new(),
        }
    }
}

impl Settings {
    /// Beside a weight of 1 anything beyond would be the only policy that counts.
    pub const MOST_WEIGHT: f64 = 1e6;

    /// What the engine needs of it.
    #[must_use]
    pub fn run(&self) -> RunSettings {
        let Self { weight: _, normalisation: _, on_fault: _, parameters, limits, grants } = self.clone();
        RunSettings { parameters, limits, grants }
    }

    /// Checks the rules of its keys.
    ///
    /// # Errors
    /// For the first value that cannot work.
    pub fn validate(&self) -> Result<(), Refusal> {
        rules::check(self).map_err(|rule| Refusal::Settings { reason: rule.to_string() })
    }
}

/// Who listens to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, ToSchema)]
#[serde(tag = "mode", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Mode {
    /// It answers, together with the other active ones.
    Active,
    /// It answers for some of the workloads, as if it were active.
    Canary {
        /// How many of them, 1 to 99 of 100.
        percent: u8,
    },
    /// It scores live requests, and only its report shows it.
    Shadow,
    /// It is loaded and does nothing.
    Ready,
}

impl Mode {
    /// As in settings, without the percentage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Canary { percent } => write!(f, "canary {percent}%"),
            other => f.write_str(other.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "zone-cost", "v2", &"x".repeat(63)] {
            assert!(good.parse::<PolicyName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", "../a", &"x".repeat(64)] {
            assert!(bad.parse::<PolicyName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn weights_are_positive_and_finite() {
        for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Settings { weight, ..Settings::default() }.validate().is_err(), "{weight}");
        }
        assert!(Settings::default().validate().is_ok());
    }
}
