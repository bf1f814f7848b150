//! Notices that the content of files changed.
//!
//! By reading, not by notification: a mounted ConfigMap or Secret changes by swapping symbolic links of folders,
//! network file systems do not notify at all, and a few small files every few seconds cost nothing.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often files are read: kubelet itself takes up to a minute to change a mounted Secret.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// Holds what some files contained when they were last read.
#[derive(Debug)]
pub struct FileWatch {
    files: Vec<PathBuf>,
    hasher: RandomState,
    seen: Vec<Option<u64>>,
}

impl FileWatch {
    /// Watches `files` from their present content on.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        let mut watch = Self { files, hasher: RandomState::new(), seen: Vec::new() };
        watch.seen = watch.read();
        watch
    }

    /// Waits until some file's content has changed; `false` when cancelled first. Cancel-safe: a change that was
    /// not returned is found by the next call.
    pub async fn changed(&mut self, shutdown: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return false,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let now = self.read();
            if now != self.seen {
                self.seen = now;
                return true;
            }
        }
    }

    fn read(&self) -> Vec<Option<u64>> {
        self.files
            .iter()
            .map(|file| std::fs::read(file).ok().map(|content| self.hasher.hash_one(content)))
            .collect()
    }
}
