//! Arms by their names on the command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use netmarks_core::compose::ScoreMap;
use netmarks_engine::{Engine, EngineSettings, Grant, Limits, ParameterValue};
use netmarks_policies::{
    Actor, Compiling, Mode, Origin, Registry, RegistryOptions, Settings, Signature, Submission,
};
use netmarks_scoring::ScoringConfig;
use netmarks_simulator::{Arm, Decider, PolicyDoor};

use super::super::policy::flags::parameter;
use crate::config::PolicyConfig;
use crate::policies::{self, InitialPolicy};

/// An arm as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum ArmName {
    Default,
    Random,
    Declared,
    Optimal,
    /// Policies that answer together.
    Policies(Vec<ArmPolicy>),
}

/// One policy of an arm.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct ArmPolicy {
    /// Without the folder of a file.
    written: String,
    source: ArmSource,
    weight: f64,
    parameters: BTreeMap<String, ParameterValue>,
}

/// Where a policy of an arm comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ArmSource {
    BuiltIn(&'static str, &'static [u8]),
    File(PathBuf),
}

/// Milliseconds that one call may take: runs share the cores, and nobody waits for a single answer.
const DEADLINE_MS: u64 = 250;

impl FromStr for ArmName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "default" => Self::Default,
            "random" => Self::Random,
            "declared" => Self::Declared,
            "optimal" => Self::Optimal,
            _ => Self::Policies(text.split(',').map(policy).collect::<Result<_, _>>()?),
        })
    }
}

/// `POLICY[=WEIGHT][:KEY=VALUE]...`
fn policy(text: &str) -> Result<ArmPolicy, String> {
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let parameters = parts.map(parameter).collect::<Result<_, _>>()?;
    let (policy, weight) = first.rsplit_once('=').unwrap_or((first, "1"));
    let number: f64 = weight.parse().map_err(|_| format!("the weight `{weight}` is not a number"))?;
    if !(number > 0.0 && number <= Settings::MOST_WEIGHT) {
        return Err(format!("the weight {weight} is not above 0 and at most {}", Settings::MOST_WEIGHT));
    }
    let built_in = policies::find_built_in(policy);
    let source = match built_in {
        Some((name, bytes)) => ArmSource::BuiltIn(name, bytes),
        None if policy.ends_with(".wasm") => ArmSource::File(policy.into()),
        None => {
            let names: Vec<&str> = policies::BUILT_IN.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "`{policy}` is neither `default`, `random`, `declared` or `optimal`, nor a policy: one of recommended, {}, or a file NAME.wasm",
                names.join(", ")
            ));
        }
    };
    let folder = policy.rfind('/').map_or(0, |slash| slash + 1);
    let written = text.get(folder..).unwrap_or(text).to_owned();
    Ok(ArmPolicy { written, source, weight: number, parameters })
}

impl ArmPolicy {
    /// How it runs and counts: as configured, if it is the policy that the configuration names.
    fn settings(&self, configured: Option<&PolicyConfig>) -> Settings {
        let configured = configured.filter(|configured| self.source.is_of(configured));
        let settings = configured.map(PolicyConfig::settings).unwrap_or_default();
        let limits = settings.limits;
        Settings {
            weight: self.weight,
            parameters: self.parameters.clone(),
            limits: Limits { deadline_ms: limits.deadline_ms.max(DEADLINE_MS), ..limits },
            // There is nothing behind it, and policies in some languages need it.
            grants: [Grant::Wasi].into_iter().collect(),
            ..settings
        }
    }
}

impl ArmSource {
    /// Whether it is the policy that the configuration names.
    fn is_of(&self, configured: &PolicyConfig) -> bool {
        match (self, &configured.file) {
            (Self::File(file), Some(named)) => file == named,
            (Self::BuiltIn(name, _), None) => {
                policies::find_built_in(configured.built_in.into()).is_some_and(|(named, _)| named == *name)
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for ArmName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Random => f.write_str("random"),
            Self::Declared => f.write_str("declared"),
            Self::Optimal => f.write_str("optimal"),
            Self::Policies(policies) => {
                let names: Vec<&str> = policies.iter().map(|policy| policy.written.as_str()).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

/// A map by its name in the configuration.
///
/// # Errors
/// If no map has this name.
pub(super) fn score_map(text: &str) -> Result<ScoreMap, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// Steps of a search that is worth its time: more for more pods, up to some seconds.
pub(in super::super) fn optimal_steps(pods: usize) -> u64 {
    (pods as u64 * 2_000).clamp(1_000_000, 100_000_000)
}

/// How long the arm `optimal` searches.
#[derive(Clone, Copy)]
pub(in super::super) struct OptimalEffort {
    pub(in super::super) steps: u64,
    pub(in super::super) time: Option<Duration>,
}

/// Loads the arms' policies, each asked by each of `doors`; `calls` of each may run at the same time. The policy that is `configured`
/// runs and counts as its settings say, but for what an arm writes itself: weight and parameters.
///
/// # Errors
/// If a policy cannot be read or is refused.
pub(in super::super) async fn open(
    names: &[ArmName],
    scoring: &ScoringConfig,
    configured: Option<&PolicyConfig>,
    calls: usize,
    optimal: OptimalEffort,
    doors: &[PolicyDoor],
) -> Result<Vec<Arm>> {
    let mut arms = Vec::new();
    for name in names {
        let decider = match name {
            ArmName::Default => Decider::Default,
            ArmName::Random => Decider::Random,
            ArmName::Declared => Decider::Declared,
            ArmName::Optimal => Decider::Optimal { steps: optimal.steps, time: optimal.time },
            ArmName::Policies(policies) => {
                let registry = registry(policies, configured, calls)
                    .await
                    .with_context(|| format!("failed to load the arm `{name}`"))?;
                let config = Box::new(scoring.clone());
                arms.extend(doors.iter().map(|door| Arm {
                    name: match door {
                        PolicyDoor::Extender => name.to_string(),
                        PolicyDoor::Admission(_) => format!("{name} (admission)"),
                    },
                    decider: Decider::Policies {
                        registry: registry.clone(),
                        config: config.clone(),
                        door: door.clone(),
                    },
                }));
                continue;
            }
        };
        arms.push(Arm { name: name.to_string(), decider });
    }
    Ok(arms)
}

async fn registry(
    policies: &[ArmPolicy],
    configured: Option<&PolicyConfig>,
    calls: usize,
) -> Result<Registry> {
    // A call that is tried at the start beside.
    let concurrent_calls = u32::try_from(calls).unwrap_or(u32::MAX - 1) + 1;
    let engine = Engine::new(EngineSettings { concurrent_calls, ..EngineSettings::default() })?;
    let options = RegistryOptions {
        engine,
        compiling: Compiling::Here,
        state_folder: None,
        rules: Default::default(),
        promotion: Default::default(),
    };
    let (registry, _inbox) = tokio::task::spawn_blocking(move || Registry::open(options)).await??;
    for policy in policies {
        let settings = policy.settings(configured);
        let InitialPolicy { name, bytes, settings, from } = match &policy.source {
            ArmSource::BuiltIn(name, bytes) => policies::built_in(name, bytes, settings)?,
            ArmSource::File(file) => policies::from_file(file, settings)?,
        };
        let submission = Submission {
            name,
            bytes: bytes.into(),
            settings,
            mode: Mode::Active,
            origin: Origin::Configuration,
            signature: Signature::Configuration,
            actor: Actor::own("simulate", from),
        };
        registry.submit(submission).await?;
    }
    Ok(registry)
}

#[cfg(test)]
mod tests {
    use netmarks_core::combine::Normalisation;

    use super::*;
    use crate::config::BuiltIn;

    #[test]
    fn arms_are_written_as_names_weights_and_parameters() {
        let ArmName::Policies(policies) = "netmarks=2,mine.wasm:a=0.5:b=x".parse().unwrap() else { panic!() };
        let [first, second] = policies.as_slice() else { panic!() };
        assert_eq!((first.weight, first.parameters.len()), (2.0, 0));
        assert_eq!(second.source, ArmSource::File("mine.wasm".into()));
        assert_eq!((second.weight, &second.parameters["a"]), (1.0, &ParameterValue::Number(0.5)));
        for (text, says) in [
            (
                "nobody",
                "one of recommended, netmarks, load-blend, look-ahead, replica-aware, spread, zone-cost, or a file",
            ),
            ("netmarks=0", "the weight 0 is not above 0"),
            ("netmarks=x", "`x` is not a number"),
            ("netmarks:a", "KEY=VALUE"),
            ("", "neither"),
        ] {
            let error = text.parse::<ArmName>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn the_configured_policy_counts_as_it_is_configured_and_no_other() {
        let settings = |arm: &str, configured: &PolicyConfig| {
            let ArmName::Policies(policies) = arm.parse().unwrap() else { panic!() };
            policies[0].settings(Some(configured))
        };
        let limits = Limits { memory_mib: 128, deadline_ms: 10, ..Limits::default() };
        let recommended = PolicyConfig {
            built_in: BuiltIn::Recommended,
            normalisation: Normalisation::Rank,
            limits,
            ..PolicyConfig::default()
        };
        for (arm, same) in [("recommended", true), ("look-ahead:a=1", true), ("netmarks", false)] {
            let settings = settings(arm, &recommended);
            let normalisation = if same { Normalisation::Rank } else { Normalisation::default() };
            assert_eq!(settings.normalisation, normalisation, "{arm}");
            assert_eq!(settings.limits.memory_mib, if same { 128 } else { 64 }, "{arm}");
            assert_eq!(settings.limits.deadline_ms, DEADLINE_MS, "runs share the cores");
        }
        let file = PolicyConfig { file: Some("/etc/policies/mine.wasm".into()), ..recommended };
        assert_eq!(settings("/etc/policies/mine.wasm", &file).normalisation, Normalisation::Rank);
        assert_eq!(settings("other.wasm", &file).normalisation, Normalisation::default());
        assert_eq!(settings("recommended", &file).normalisation, Normalisation::default());
    }
}
