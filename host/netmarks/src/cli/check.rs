//! `netmarks serve --check`: everything that can be known without a cluster, and without changing anything.

use std::time::Duration;

use anyhow::{Error, Result, bail};
use netmarks_artefacts::{Change, Folder, FolderConfig, FolderPolicy};
use netmarks_core::errors::chain;
use netmarks_engine::{Artefact, Engine, EngineSettings, Policy};

use super::terminal::{print_warning, say};
use crate::config::load::Loaded;
use crate::config::suspicious::{suspicions, unreadable};
use crate::config::{Mistake, Mistakes};
use crate::{policies, policy_folder, wiring};

/// Whether what is suspicious is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    Lenient,
    Strict,
}

pub(super) fn run(loaded: &Loaded, strictness: Strictness) -> Result<()> {
    let config = &loaded.config;
    let engine = Engine::new(EngineSettings::default())?;
    let mut mistakes = Vec::new();
    if let Err(error) = wiring::cluster(config) {
        mistakes.push(loaded.about_file("cluster.snapshot_file", &error));
    }
    let policy = policy(&engine, loaded);
    if let Err(error) = &policy {
        let key = if config.policy.file.is_some() { "policy.file" } else { "policy" };
        mistakes.push(loaded.about_file(key, error));
    }
    mistakes.extend(unusable(loaded));
    Mistakes::none(mistakes)?;
    let policy = policy?;
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

fn policy(engine: &Engine, loaded: &Loaded) -> Result<Policy> {
    let policies::InitialPolicy { name, bytes, settings, from: _ } = policies::read(&loaded.config.policy)?;
    Ok(Policy::load(engine, Artefact::new(name.as_str(), &bytes), &settings.run())?)
}

/// What `serve` looks at before it begins: whether the files that it needs at once are there, and those of TLS and signatures right.
///
/// # Errors
/// With all files that cannot be used.
pub(super) fn files(loaded: &Loaded) -> Result<(), Mistakes> {
    let config = &loaded.config;
    // A cluster from a file needs no way to one.
    let kubeconfig = config.cluster.kubeconfig.as_deref().filter(|_| config.cluster.snapshot_file.is_none());
    let needed = [
        ("policy.file", config.policy.file.as_deref()),
        ("cluster.snapshot_file", config.cluster.snapshot_file.as_deref()),
        ("cluster.kubeconfig", kubeconfig),
    ];
    let absent = needed.into_iter().filter_map(|(key, file)| {
        let file = file?;
        let error = std::fs::metadata(file).err()?;
        let error = Error::new(error).context(format!("failed to read {}", file.display()));
        Some(loaded.about_file(key, &error))
    });
    Mistakes::none(absent.chain(unusable(loaded)).collect())
}

/// The files of TLS and of signatures that cannot be used.
fn unusable(loaded: &Loaded) -> Vec<Mistake> {
    let config = &loaded.config;
    let sections = [
        config.server.tls.check("server"),
        config.admin.tls.check("admin"),
        config.admission.tls.check("admission"),
    ];
    let tls = sections.into_iter().filter_map(Result::err).flatten();
    // Its message names the key.
    let tls = tls.map(|error| loaded.about(&error.key(), chain(&error)));
    let signatures = config.policies.unusable().into_iter();
    tls.chain(signatures.map(|(key, error)| loaded.about_file(&key, &error))).collect()
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
