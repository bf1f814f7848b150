//! Noticing that files changed.
//!
//! By looking again and again, not by notification: a mounted ConfigMap or Secret changes by swapping symbolic links of
//! folders, network file systems do not notify at all, and the metadata of a few files every few seconds costs nothing.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::stamp::{Stamp, not_regular};

/// Time between two looks: kubelet itself takes up to a minute to change a mounted Secret.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// Looks at something again and again, on a blocking thread: a volume that hangs holds up no task of the runtime.
#[derive(Debug)]
pub struct Looks {
    interval: Duration,
    next: Option<Instant>,
}

impl Looks {
    /// The first look is one `interval` after it is first asked for.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self { interval, next: None }
    }

    /// The first look is at once, the others as for [`Self::every`].
    #[must_use]
    pub fn now_and_every(interval: Duration) -> Self {
        Self { interval, next: Some(Instant::now()) }
    }

    /// Waits until the next look is due, and returns what `look` found; `None` when cancelled first.
    ///
    /// Cancel-safe: a look that is dropped while it is waited for stays due. One that has begun ends on its thread; what it
    /// found is lost, and the next call looks again.
    pub async fn next<T: Send + 'static>(
        &mut self,
        shutdown: &CancellationToken,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let due = *self.next.get_or_insert_with(|| Instant::now() + self.interval);
        let work = async {
            tokio::time::sleep_until(due).await;
            tokio::task::spawn_blocking(look).await
        };
        // A task on a blocking thread ends without a result only when the runtime ends.
        let found = shutdown.run_until_cancelled(work).await?.ok()?;
        self.next = None;
        Some(found)
    }
}

/// Holds what some files were like when they were last looked at.
///
/// Make it before the files are first read: what changes in between is noticed only then.
///
/// Only metadata is read ([`Stamp`]), through symbolic links. So a file that is written again counts as changed, also with the
/// same content; and a content that changes twice within some milliseconds without changing in size can be missed. A path that
/// is not a regular file (a pipe, a device) never counts as changed, so that no caller is made to open it.
#[derive(Debug)]
pub struct FileWatch {
    looks: Looks,
    seen: Vec<(PathBuf, Option<Stamp>)>,
}

impl FileWatch {
    /// Watches `files` as they are now. Blocking, for as long as reading their metadata takes.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        let seen = files.into_iter().map(|file| (file, None));
        Self { looks: Looks::every(INTERVAL), seen: look(seen.collect()) }
    }

    /// Watches `files` and no others from now on: those watched already from what was seen of them last, new ones as they are
    /// now. Blocking, as [`Self::new`] is.
    pub fn follow(&mut self, files: Vec<PathBuf>) {
        self.seen = files
            .into_iter()
            .map(|file| {
                let known = self.seen.iter().find(|(known, _)| *known == file);
                let seen = known.map_or_else(|| Stamp::of(&file).ok(), |(_, seen)| *seen);
                (file, seen)
            })
            .collect();
    }

    /// Waits until a file has changed, appeared or disappeared; `false` when cancelled first. Files are looked at every
    /// [`INTERVAL`].
    ///
    /// Cancel-safe: a change that was not returned is found by the next call, and the time until the next look goes on.
    pub async fn changed(&mut self, shutdown: &CancellationToken) -> bool {
        loop {
            let seen = self.seen.clone();
            let Some(now) = self.looks.next(shutdown, move || look(seen)).await else { return false };
            if now != self.seen {
                self.seen = now;
                return true;
            }
        }
    }
}

/// What the files are like now. What is not a regular file stays as it was.
fn look(mut seen: Vec<(PathBuf, Option<Stamp>)>) -> Vec<(PathBuf, Option<Stamp>)> {
    for (file, stamp) in &mut seen {
        match Stamp::of(file) {
            Ok(now) => *stamp = Some(now),
            Err(error) if not_regular(&error) => {}
            Err(_) => *stamp = None,
        }
    }
    seen
}

#[cfg(test)]
mod tests;
