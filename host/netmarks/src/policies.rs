//! The policy that the configuration names, and the registry that starts with it.
//!
//! Serving, reloading, the demo and the command line all begin here.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use netmarks_engine::{CompileLimits, Compiler, Engine};
use netmarks_policies::{
    Actor, Compiling, Inbox, PolicyName, Registry, RegistryOptions, Settings, StateFolder,
};

use crate::config::{Policies, PolicyConfig};

/// The policies that ship inside the program, the NetMARKS score first. They are built from `guest/` and committed; `cargo xtask
/// guests` renews them.
pub const BUILT_IN: [(&str, &[u8]); 6] = [
    ("netmarks", NETMARKS),
    ("load-blend", include_bytes!("../../../policies/load-blend.wasm")),
    ("look-ahead", include_bytes!("../../../policies/look-ahead.wasm")),
    ("replica-aware", include_bytes!("../../../policies/replica-aware.wasm")),
    ("spread", include_bytes!("../../../policies/spread.wasm")),
    ("zone-cost", include_bytes!("../../../policies/zone-cost.wasm")),
];

const NETMARKS: &[u8] = include_bytes!("../../../policies/netmarks.wasm");

/// What `recommended` stands for.
const RECOMMENDED: &str = "look-ahead";

/// A policy that ships inside the program, by its name or as `recommended`.
#[must_use]
pub fn find_built_in(name: &str) -> Option<(&'static str, &'static [u8])> {
    let name = if name == "recommended" { RECOMMENDED } else { name };
    BUILT_IN.into_iter().find(|(known, _)| *known == name)
}

/// The hidden command of this program that compiles one artefact from stdin to stdout.
pub const COMPILE: &str = "compile-policy";

/// The policy of the configuration, as it was read.
#[derive(Debug)]
pub struct InitialPolicy {
    /// Its name: the file's without the ending.
    pub name: PolicyName,
    pub bytes: Bytes,
    /// How it runs and counts.
    pub settings: Settings,
    /// Where it was read.
    pub from: String,
}

/// Reads the policy that the configuration names.
///
/// # Errors
/// If the file cannot be read.
pub fn read(config: &PolicyConfig) -> Result<InitialPolicy> {
    let settings = config.settings();
    match &config.file {
        None => {
            let name: &str = config.built_in.into();
            let (name, bytes) =
                find_built_in(name).with_context(|| format!("this program has no policy `{name}`"))?;
            built_in(name, bytes, settings)
        }
        Some(file) => from_file(file, settings),
    }
}

/// One of [`BUILT_IN`].
///
/// # Errors
/// If its name is not a valid one, which a test excludes.
pub fn built_in(name: &str, bytes: &'static [u8], settings: Settings) -> Result<InitialPolicy> {
    let (name, bytes) = (name.parse()?, Bytes::from_static(bytes));
    Ok(InitialPolicy { name, bytes, settings, from: "built in".to_owned() })
}

/// A policy from a file, under the file's name.
///
/// # Errors
/// If the file cannot be read.
pub fn from_file(file: &Path, settings: Settings) -> Result<InitialPolicy> {
    let bytes =
        std::fs::read(file).with_context(|| format!("failed to read the policy {}", file.display()))?;
    let stem = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
    let name = label(&stem).parse().with_context(|| format!("the policy {} has no name", file.display()))?;
    Ok(InitialPolicy { name, bytes: bytes.into(), settings, from: file.display().to_string() })
}

/// The nearest DNS label.
fn label(stem: &str) -> String {
    let lower = stem.to_ascii_lowercase();
    let label: String =
        lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    label.trim_matches('-').to_owned()
}

/// Opens the registry with what it was left with, and applies the configuration's policy.
///
/// # Errors
/// If the state folder cannot be used, or no policy at all can answer.
pub async fn open(
    engine: &Engine,
    compiling: Compiling,
    policies: &Policies,
    policy: &PolicyConfig,
) -> Result<(Registry, Inbox)> {
    let store = policies.state_folder.as_deref().map(StateFolder::open).transpose()?;
    let compiling = match (compiling, &store) {
        (Compiling::Elsewhere(compiler), Some(store)) => {
            Compiling::Elsewhere(Compiler { cache: Some(store.compiled()), ..compiler })
        }
        (compiling, _) => compiling,
    };
    let options = RegistryOptions {
        engine: engine.clone(),
        compiling,
        state_folder: store,
        rules: policies.rollback,
        promotion: policies.promotion,
    };
    let opened = tokio::task::spawn_blocking(move || Registry::open(options)).await?;
    let (registry, inbox) = opened.context("in the section `policies`")?;
    let configured = read(policy)?;
    match apply(&registry, configured).await {
        Ok(()) => {}
        // What was saved answers; a configuration that went wrong while we were away must not take that down.
        Err(error) if !registry.current().active.is_empty() => {
            tracing::error!(error = format!("{error:#}"), "the configuration's policy is not taken over");
        }
        Err(error) => return Err(error),
    }
    Ok((registry, inbox))
}

/// Makes the configuration's policy what it should be; see [`Registry::configure`].
///
/// # Errors
/// If it is refused.
pub async fn apply(registry: &Registry, configured: InitialPolicy) -> Result<()> {
    let InitialPolicy { name, bytes, settings, from } = configured;
    let actor = Actor::own("configuration", from);
    let outcome = registry.configure(name.clone(), bytes, settings, actor).await?;
    if outcome.changed {
        let mode =
            outcome.entry.as_ref().map_or_else(|| "unknown".to_owned(), |entry| entry.mode.to_string());
        tracing::info!(policy = %name, mode, generation = outcome.generation, "configured policy taken over");
    }
    Ok(())
}

/// Compiling in a process of its own: this program again, with its hidden command.
#[must_use]
pub fn compiler(policies: &Policies) -> Compiling {
    // Not by its path: that names another program after an upgrade in place.
    let command = vec![PathBuf::from("/proc/self/exe"), PathBuf::from(COMPILE)];
    let limits = CompileLimits { memory_mib: policies.compile_memory_mib, seconds: policies.compile_seconds };
    Compiling::Elsewhere(Compiler { command, limits, cache: None })
}

#[cfg(test)]
mod tests {
    use strum::VariantNames as _;

    use super::{BUILT_IN, find_built_in, label};
    use crate::config::BuiltIn;

    #[test]
    fn the_configuration_knows_every_built_in_policy_and_no_other() {
        let found = BuiltIn::VARIANTS.iter().map(|name| find_built_in(name).unwrap().0);
        let found: std::collections::BTreeSet<&str> = found.collect();
        assert_eq!(found, BUILT_IN.into_iter().map(|(name, _)| name).collect());
    }

    #[test]
    fn file_names_become_labels() {
        for (stem, expected) in [("zone-cost", "zone-cost"), ("My_Policy.v2", "my-policy-v2"), ("_x_", "x")] {
            assert_eq!(label(stem), expected);
        }
    }
}
