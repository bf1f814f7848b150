//! What tests read of this repository: its files, the committed policies, and the components that `cargo xtask guests` builds.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// A path below the repository's root.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The text of a file of the repository.
pub fn read(path: &str) -> Result<String> {
    let path = repository(path);
    std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
}

/// The file of a component that `cargo xtask guests` builds.
pub fn guest_file(name: &str) -> PathBuf {
    repository(&format!("target/guests/{name}.wasm"))
}

/// A component that `cargo xtask guests` builds.
pub fn guest(name: &str) -> Result<Vec<u8>> {
    let path = guest_file(name);
    std::fs::read(&path)
        .with_context(|| format!("no {}; `cargo xtask test --only guests` builds it", path.display()))
}

/// The file of a committed policy.
pub fn policy_file(name: &str) -> PathBuf {
    repository(&format!("policies/{name}.wasm"))
}

/// A committed policy.
pub fn policy(name: &str) -> Result<Vec<u8>> {
    let path = policy_file(name);
    std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))
}

/// The file of a fixture that is written as WebAssembly text.
pub fn text_file(name: &str) -> PathBuf {
    repository(&format!("tests/guests/wat/{name}.wat"))
}
