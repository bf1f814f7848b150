//! Notices that the content of files changed.
//!
//! By reading, not by notification: a mounted ConfigMap or Secret changes by swapping symbolic links of folders,
//! network file systems do not notify at all, and a few small files every few seconds cost nothing.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often files are read: kubelet itself takes up to a minute to change a mounted Secret.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// Holds what some files contained when they were last read.
///
/// To be made before the files are first put to use: what changes in between would else never be noticed.
#[derive(Debug)]
pub struct FileWatch {
    hasher: RandomState,
    seen: Vec<(PathBuf, Option<u64>)>,
}

impl FileWatch {
    /// Watches `files` from their present content on.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        let mut watch = Self { hasher: RandomState::new(), seen: Vec::new() };
        watch.follow(files);
        watch
    }

    /// Watches `files` and no others from now on: those watched already from what was seen of them last, new ones
    /// from their present content on.
    pub fn follow(&mut self, files: Vec<PathBuf>) {
        self.seen = files
            .into_iter()
            .map(|file| {
                let known = self.seen.iter().find(|(known, _)| *known == file);
                let seen = known.map_or_else(|| self.hash(&file), |(_, seen)| *seen);
                (file, seen)
            })
            .collect();
    }

    /// Waits until some file's content has changed; `false` when cancelled first. Cancel-safe: a change that was
    /// not returned is found by the next call.
    pub async fn changed(&mut self, shutdown: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return false,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let now: Vec<_> = self.seen.iter().map(|(file, _)| (file.clone(), self.hash(file))).collect();
            if now != self.seen {
                self.seen = now;
                return true;
            }
        }
    }

    fn hash(&self, file: &Path) -> Option<u64> {
        std::fs::read(file).ok().map(|content| self.hasher.hash_one(content))
    }
}
