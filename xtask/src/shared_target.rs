//! Folders in the user's cache that cargo builds into for several clones: what others wrote is compiled once.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Cargo tells by the times of files whether they changed, and takes equal paths in two clones for one file: with a
/// common folder it would take the other's program for ours. So `clean`, which removes what is ours, runs where the file `note` does not say
/// `identity`: the clone, and what cargo does not look at.
pub(crate) fn forget_others(identity: &str, note: &Path, clean: impl FnOnce() -> Result<()>) -> Result<()> {
    if fs::read_to_string(note).is_ok_and(|last| last == identity) {
        return Ok(());
    }
    clean()?;
    fs::write(note, identity).with_context(|| format!("failed to write {}", note.display()))
}
