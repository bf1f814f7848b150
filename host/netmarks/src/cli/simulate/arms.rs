//! Arms by their names on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result};
use netmarks_core::compose::ScoreMap;
use netmarks_engine::{Engine, EngineSettings};
use netmarks_policies::{Actor, Compiling, Mode, Origin, Registry, RegistryOptions, Settings, Submission};
use netmarks_scoring::ScoringConfig;
use netmarks_simulator::{Arm, Decider};

use crate::policies::{self, InitialPolicy};

/// An arm as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ArmName {
    Default,
    Random,
    Declared,
    Optimal,
    /// Policies with their weights.
    Policies {
        written: String,
        policies: Vec<(PolicySource, f64)>,
    },
}

/// Where a policy of an arm comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PolicySource {
    BuiltIn(&'static str, &'static [u8]),
    File(PathBuf),
}

impl FromStr for ArmName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "default" => Self::Default,
            "random" => Self::Random,
            "declared" => Self::Declared,
            "optimal" => Self::Optimal,
            _ => {
                let policies = text.split(',').map(weighted).collect::<Result<_, _>>()?;
                Self::Policies { written: text.to_owned(), policies }
            }
        })
    }
}

fn weighted(text: &str) -> Result<(PolicySource, f64), String> {
    let (policy, weight) = text.rsplit_once('=').unwrap_or((text, "1"));
    let number: f64 = weight.parse().map_err(|_| format!("the weight `{weight}` is not a number"))?;
    if !(number > 0.0 && number <= Settings::MOST_WEIGHT) {
        return Err(format!("the weight {weight} is not above 0 and at most {}", Settings::MOST_WEIGHT));
    }
    if policy.ends_with(".wasm") {
        return Ok((PolicySource::File(policy.into()), number));
    }
    if let Some((name, bytes)) = policies::BUILT_IN.into_iter().find(|(name, _)| *name == policy) {
        return Ok((PolicySource::BuiltIn(name, bytes), number));
    }
    let names: Vec<&str> = policies::BUILT_IN.iter().map(|(name, _)| *name).collect();
    Err(format!(
        "`{policy}` is neither `default`, `random`, `declared` or `optimal`, nor a policy: one of {}, or a file NAME.wasm",
        names.join(", ")
    ))
}

impl std::fmt::Display for ArmName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Random => "random",
            Self::Declared => "declared",
            Self::Optimal => "optimal",
            Self::Policies { written, .. } => written,
        })
    }
}

/// A map by its name in the configuration.
///
/// # Errors
/// If there is none of that name.
pub(super) fn score_map(text: &str) -> Result<ScoreMap, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// Steps of a search that is worth its time: more for more pods, up to some seconds.
pub(super) fn optimal_steps(pods: usize) -> u64 {
    (pods as u64 * 500).clamp(50_000, 3_000_000)
}

/// Loads the arms' policies; `calls` of each may run at the same time.
///
/// # Errors
/// If a policy cannot be read or is refused.
pub(super) async fn open(
    names: &[ArmName],
    map: ScoreMap,
    calls: usize,
    optimal_steps: u64,
) -> Result<Vec<Arm>> {
    let mut arms = Vec::new();
    for name in names {
        let decider = match name {
            ArmName::Default => Decider::Default,
            ArmName::Random => Decider::Random,
            ArmName::Declared => Decider::Declared,
            ArmName::Optimal => Decider::Optimal { steps: optimal_steps },
            ArmName::Policies { policies, .. } => {
                let registry = registry(policies, calls)
                    .await
                    .with_context(|| format!("failed to load the arm `{name}`"))?;
                Decider::Policies {
                    registry,
                    config: Box::new(ScoringConfig { map, ..ScoringConfig::default() }),
                }
            }
        };
        arms.push(Arm { name: name.to_string(), decider });
    }
    Ok(arms)
}

async fn registry(sources: &[(PolicySource, f64)], calls: usize) -> Result<Registry> {
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
    for (source, weight) in sources {
        let settings = Settings { weight: *weight, ..Settings::default() };
        let InitialPolicy { name, bytes, settings, from } = match source {
            PolicySource::BuiltIn(name, bytes) => policies::built_in(name, bytes, settings)?,
            PolicySource::File(file) => policies::from_file(file, settings)?,
        };
        let submission = Submission {
            name,
            bytes,
            settings,
            mode: Mode::Active,
            origin: Origin::Configuration,
            actor: Actor::own("simulate", from),
        };
        registry.submit(submission).await?;
    }
    Ok(registry)
}
