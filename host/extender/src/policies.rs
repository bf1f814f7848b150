//! Where the live policy comes from: built in, or a file.
//!
//! Apart so that serving, reloading, the demo and the command line load a policy in one and the same way.

use anyhow::{Context as _, Result};
use netmarks_engine::{Artefact, Engine, Policy};

use crate::config::PolicyConfig;

/// The NetMARKS score, built from `guest/netmarks` and committed; `cargo xtask guests` renews it.
const NETMARKS: &[u8] = include_bytes!("../../../policies/netmarks.wasm");

/// Loads the configured policy. Takes some 100 ms of CPU; not on the scheduling path.
///
/// # Errors
/// If the file cannot be read, or the policy is refused at any stage.
pub fn load(engine: &Engine, config: &PolicyConfig) -> Result<Policy> {
    let from_file;
    let (name, bytes) = match &config.file {
        None => ("netmarks".to_owned(), NETMARKS),
        Some(file) => {
            from_file = std::fs::read(file)
                .with_context(|| format!("failed to read the policy {}", file.display()))?;
            let stem = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
            (stem, from_file.as_slice())
        }
    };
    let artefact = Artefact { name: &name, bytes };
    Ok(Policy::load(engine, artefact, &config.run_settings())?)
}
