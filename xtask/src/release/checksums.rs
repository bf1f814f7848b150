//! SHA-256 of every file of a release, as `sha256sum` writes and checks them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// What they are in.
pub(super) const FILE: &str = "SHA256SUMS";

/// Removes the files of an earlier release, and nothing else: whoever gives the wrong folder loses nothing.
pub(super) fn clear(folder: &Path) -> Result<()> {
    for file in files(folder)? {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == FILE || name.starts_with("netmarks-") {
            fs::remove_file(&file).with_context(|| format!("failed to remove {}", file.display()))?;
        }
    }
    Ok(())
}

/// Writes one line for each file of `folder`.
pub(super) fn write(folder: &Path) -> Result<()> {
    let lines: Vec<String> = of(folder)?.into_iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    let file = folder.join(FILE);
    fs::write(&file, lines.concat()).with_context(|| format!("failed to write {}", file.display()))
}

/// Name and SHA-256 in hexadecimal of each file of a release, in order of name.
pub(super) fn of(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut sums = Vec::new();
    for file in files(folder)? {
        let name = file.file_name().and_then(|name| name.to_str()).context("a name is not UTF-8")?;
        if name.starts_with("netmarks-") {
            sums.push((name.to_owned(), sha256(&file)?));
        }
    }
    Ok(sums)
}

/// SHA-256 of a file in hexadecimal.
pub(super) fn sha256(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}
