//! Noticing that files changed.
//!
//! By looking again and again, not by notification: a mounted ConfigMap or Secret changes by swapping symbolic links of
//! folders, network file systems do not notify at all, and the metadata of a few files every few seconds costs nothing.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::stamp::{Stamp, not_regular};

/// Time between two looks: kubelet itself takes up to a minute to change a mounted Secret.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// Holds what some files were like when they were last looked at.
///
/// Make it before the files are first read: what changes in between is noticed only then.
///
/// Only metadata is read ([`Stamp`]), through symbolic links. So a file that is written again counts as changed, also with the
/// same content; and a content that changes twice within some milliseconds without changing in size can be missed. A path that
/// is not a regular file (a pipe, a device) never counts as changed, so that no caller is made to open it.
#[derive(Debug)]
pub struct FileWatch {
    /// Made with the first wait, since it needs a runtime.
    looks: Option<Interval>,
    seen: Vec<(PathBuf, Option<Stamp>)>,
}

impl FileWatch {
    /// Watches `files` as they are now. Blocking, for as long as reading their metadata takes.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        let seen = files.into_iter().map(|file| (file, None));
        Self { looks: None, seen: look(seen.collect()) }
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
        let looks = self.looks.get_or_insert_with(|| {
            let mut looks = interval_at(Instant::now() + INTERVAL, INTERVAL);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
        loop {
            let seen = self.seen.clone();
            let work = async {
                looks.tick().await;
                // A volume that hangs holds up this call and no thread of the runtime.
                tokio::task::spawn_blocking(move || look(seen)).await
            };
            // The task ends early only with the runtime.
            let Some(Ok(now)) = shutdown.run_until_cancelled(work).await else { return false };
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
