//! Reading a file within a limit.
//!
//! Certificates, credentials, keys, components and signatures are all read so: no more than the limit, and never from something
//! that is not a regular file and might never end.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::stamp;

/// Largest file of certificates, credentials or keys, in bytes.
pub const SMALL: u64 = 1 << 20;

/// What [`read`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// It is larger than the limit.
    TooLarge,
}

/// Reads a regular file of at most `limit` bytes, following links. Blocking.
///
/// # Errors
/// If it cannot be read, or is not a regular file ([`crate::not_regular`] tells).
pub fn read(path: &Path, limit: u64) -> Result<Content> {
    // Before opening: opening a device can do something.
    stamp::regular(path)?;
    // It may have been replaced since: opening a pipe would wait for somebody to write, if it were allowed to wait.
    let file =
        OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    let metadata = stamp::only_regular(file.metadata()?)?;
    if metadata.len() > limit {
        return Ok(Content::TooLarge);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > limit { Content::TooLarge } else { Content::Whole(bytes) })
}

/// Longest time for a small file: a volume that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a file of at most [`SMALL`] bytes on a blocking thread. Cancel-safe.
///
/// # Errors
/// As for [`read`], and if it is larger or takes longer than ten seconds.
pub async fn read_small(path: &Path) -> Result<Vec<u8>> {
    let path = path.to_owned();
    within_patience(tokio::task::spawn_blocking(move || read(&path, SMALL))).await
}

async fn within_patience(reading: JoinHandle<Result<Content>>) -> Result<Vec<u8>> {
    let late = |_| Error::new(ErrorKind::TimedOut, "its volume does not answer: it was not read within 10 s");
    match timeout(PATIENCE, reading).await.map_err(late)?? {
        Ok(Content::Whole(bytes)) => Ok(bytes),
        Ok(Content::TooLarge) => Err(Error::new(ErrorKind::FileTooLarge, "it is larger than 1 MiB")),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::not_regular;

    #[test]
    fn at_most_the_limit_and_only_regular_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), Content::Whole(b"12345".to_vec()));
        assert_eq!(read(&path, 4).unwrap(), Content::TooLarge);
        assert!(not_regular(&read(folder.path(), 5).unwrap_err()));
        // Its length is said to be 0, and it never ends.
        assert!(not_regular(&read(Path::new("/dev/zero"), 5).unwrap_err()));
        assert_eq!(read(&folder.path().join("other"), 5).unwrap_err().kind(), ErrorKind::NotFound);
    }

    mod hostile {
        use super::*;

        #[tokio::test(start_paused = true)]
        async fn a_volume_that_hangs_is_not_waited_for() {
            let (release, held) = std::sync::mpsc::channel::<()>();
            let (begin, begun) = tokio::sync::oneshot::channel();
            let reading = tokio::task::spawn_blocking(move || {
                let _ = begin.send(());
                let _ = held.recv();
                Ok(Content::Whole(Vec::new()))
            });
            begun.await.unwrap();
            let waiting = tokio::spawn(within_patience(reading));
            tokio::task::yield_now().await;
            tokio::time::advance(PATIENCE).await;
            assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
            drop(release);
        }

        /// Also through a link, which is what a mounted Secret is made of.
        #[test]
        fn a_pipe_is_refused_at_once() {
            let folder = tempfile::tempdir().unwrap();
            let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            std::os::unix::fs::symlink(&pipe, &link).unwrap();
            for path in [pipe, link] {
                assert!(not_regular(&read(&path, 5).unwrap_err()));
            }
        }
    }
}
