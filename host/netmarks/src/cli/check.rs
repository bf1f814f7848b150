//! `netmarks serve --check`: everything that can be known without a cluster, and without changing anything.

use std::time::Duration;

use anyhow::{Result, bail};
use netmarks_artefacts::{Change, Folder, FolderConfig, FolderPolicy};
use netmarks_core::errors::chain;
use netmarks_engine::{Artefact, Engine, EngineSettings, Policy};

use super::terminal::{print_warning, say};
use crate::config::Mistake;
use crate::config::load::Loaded;
use crate::config::suspicious::{suspicions, unreadable};
use crate::{policies, policy_folder, wiring};

/// Whether what is suspicious is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    Lenient,
    Strict,
}

pub(super) fn run(loaded: &Loaded, strictness: Strictness) -> Result<()> {
    let config = &loaded.config;
    wiring::cluster(config)?;
    let engine = Engine::new(EngineSettings::default())?;
    let policies::InitialPolicy { name, bytes, settings, from: _ } = policies::read(&config.policy)?;
    let policy = Policy::load(&engine, Artefact::new(name.as_str(), &bytes), &settings.run())?;
    config.server.tls.check("server")?;
    config.admin.tls.check("admin")?;
    config.policies.verifier()?;
    let warnings = [suspicions(loaded), unreadable(loaded), refused_in_folder(&engine, loaded)].concat();
    for warning in &warnings {
        print_warning(&warning.to_string());
    }
    if strictness == Strictness::Strict && !warnings.is_empty() {
        let warnings =
            if warnings.len() == 1 { "1 warning".to_owned() } else { format!("{} warnings", warnings.len()) };
        bail!("{warnings}, and --strict allows none");
    }
    say(&format!("configuration is valid; policy {} {}", policy.name(), policy.digest()))
}

/// The files of the policy folder that would not be taken over. `serve` goes on without them, so they are not an error here either.
fn refused_in_folder(engine: &Engine, loaded: &Loaded) -> Vec<Mistake> {
    let policies = &loaded.config.policies;
    let Some(path) = policies.folder.clone().filter(|path| path.is_dir()) else { return Vec::new() };
    let max_bytes = loaded.config.admin.max_policy_bytes();
    let scan =
        Folder::new(FolderConfig { max_bytes, settled: Duration::ZERO, ..FolderConfig::new(path) }).scan();
    let added = scan.changes.into_iter().filter_map(|change| match change {
        Change::Added(policy) | Change::Changed(policy) => Some(policy),
        Change::Removed(_) => None,
    });
    let refused = added.filter_map(|FolderPolicy { name, path, bytes, settings, .. }| {
        let loaded = policy_folder::parse(settings.as_deref()).and_then(|(settings, _)| {
            let policy = Policy::load(engine, Artefact::new(&name, &bytes), &settings.run());
            policy.map_err(|error| chain(&error))
        });
        loaded.err().map(|reason| format!("{}: {reason}", path.display()))
    });
    let problems = scan.problems.iter().map(|problem| chain(problem));
    problems
        .chain(refused)
        .map(|reason| loaded.about("policies.folder", format!("`policies.folder`: {reason}")))
        .collect()
}
