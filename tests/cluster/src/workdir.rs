//! The folder that the processes of one test share: their data, configuration and logs.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Set to anything to keep working folders for a look at them.
pub(crate) const KEEP_VARIABLE: &str = "NETMARKS_KEEP";

/// Holds a temporary folder; removes it on drop unless the thread panics or the user wants it kept.
#[derive(Debug)]
pub(crate) struct WorkDir {
    folder: Option<TempDir>,
    path: PathBuf,
    keep: bool,
}

impl WorkDir {
    pub(crate) fn create(purpose: &str, keep: bool) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("netmarks-{purpose}-"))
            .tempdir()
            .with_context(|| format!("failed to create a temporary folder for {purpose}"))?;
        let path = folder.path().to_owned();
        let keep = keep || std::env::var_os(KEEP_VARIABLE).is_some();
        Ok(Self { folder: Some(folder), path, keep })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::write(&path, content).with_context(|| format!("failed to write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for WorkDir {
    #[expect(clippy::print_stderr, reason = "the only place where a failed test can say where its logs are")]
    fn drop(&mut self) {
        if (self.keep || std::thread::panicking())
            && let Some(folder) = self.folder.take()
        {
            eprintln!("logs and data are kept in {}", folder.keep().display());
        }
    }
}
