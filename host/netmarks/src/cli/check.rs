//! `netmarks serve --check`: everything that can be known without a cluster, and without changing anything.

use anyhow::{Context as _, Result, bail};
use netmarks_engine::{Artefact, Engine, EngineSettings, Policy};

use super::terminal::{print_warning, say};
use crate::config::load::Loaded;
use crate::config::suspicious::{suspicions, unreadable};
use crate::{policies, wiring};

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
    if !config.policies.trusted_keys.is_empty() {
        netmarks_artefacts::Keys::read(&config.policies.trusted_keys)
            .context("in `policies.trusted_keys`")?;
    }
    let warnings = [suspicions(loaded), unreadable(loaded)].concat();
    for warning in &warnings {
        print_warning(&warning.to_string());
    }
    if strictness == Strictness::Strict && !warnings.is_empty() {
        let warnings =
            if warnings.len() == 1 { "1 warning".to_owned() } else { format!("{} warnings", warnings.len()) };
        bail!("{warnings}, and --strict takes none");
    }
    say(&format!("configuration is valid; policy {} {}", policy.name(), policy.digest()))
}
