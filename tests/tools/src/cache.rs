//! Things that take minutes to build, kept in the user's cache folder under a name that says what they were built from.

use anyhow::{Context as _, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Overrides where built programs are kept.
const VARIABLE: &str = "NETMARKS_CACHE";

/// A file that is locked, and names the process, while `cargo xtask cluster up` runs.
pub fn claim_path() -> Result<PathBuf> {
    Ok(cache_folder()?.join("cluster.pid"))
}

/// The folder `name` of the cache, filled by `build` if it is not there.
///
/// `build` gets an empty folder, which takes its final name only if `build` succeeds: an interrupted one leaves nothing that looks complete.
/// Of several processes that want the same, one builds and the others wait for it. `progress` gets a line when a build starts and
/// ends, and nothing when all is there.
pub fn cached(
    name: &str,
    progress: &dyn Fn(&str),
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let cache = cache_folder()?;
    let finished = cache.join(name);
    if finished.is_dir() {
        return Ok(finished);
    }
    std::fs::create_dir_all(&cache).with_context(|| format!("failed to create {}", cache.display()))?;
    let _lock = lock(&cache.join(format!("{name}.lock")), || {
        progress(&format!("waiting for another process that builds {name}"));
    })?;
    if finished.is_dir() {
        return Ok(finished);
    }
    let partial = cache.join(format!("{name}.partial"));
    if partial.is_dir() {
        // We hold the lock, so whoever left it was interrupted.
        std::fs::remove_dir_all(&partial)
            .with_context(|| format!("failed to remove {}", partial.display()))?;
    }
    std::fs::create_dir(&partial).with_context(|| format!("failed to create {}", partial.display()))?;
    let start = Instant::now();
    progress(&format!("building {name} (some minutes, once)"));
    build(&partial)?;
    std::fs::rename(&partial, &finished)
        .with_context(|| format!("failed to move {} into place", partial.display()))?;
    progress(&format!("built {name} in {:.0?}", start.elapsed()));
    Ok(finished)
}

/// Where built programs are kept: `$NETMARKS_CACHE`, else `netmarks` in the user's cache folder.
pub fn cache_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(VARIABLE) {
        return Ok(folder);
    }
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    Ok(base.with_context(|| format!("none of {VARIABLE}, XDG_CACHE_HOME and HOME is set"))?.join("netmarks"))
}

/// Takes an exclusive lock that ends when the returned file is dropped or the process dies.
fn lock(path: &Path, on_wait: impl FnOnce()) -> Result<File> {
    let file = File::create(path).with_context(|| format!("failed to create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => on_wait(),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("failed to lock {}", path.display()));
        }
    }
    file.lock().with_context(|| format!("failed to lock {}", path.display()))?;
    Ok(file)
}
