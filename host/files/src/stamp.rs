//! What a file is like, from its metadata alone.

use std::fs::Metadata;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What a regular file is like. Two stamps differ when the file was written, replaced, or given other permissions in between.
///
/// Two changes within one tick of the file system's clock (some milliseconds) that keep the size cannot be told apart: only
/// reading could, and files are large and looked at often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// The time of status change. Programs cannot set it, unlike the time of modification.
    touched: (i64, i64),
}

impl Stamp {
    /// Follows links, since a mounted ConfigMap or Secret is a folder of links and changes where they point to. Opens nothing.
    ///
    /// # Errors
    /// If there is no such file, or it is not a regular one ([`not_regular`] tells).
    pub fn of(path: &Path) -> Result<Self> {
        let metadata = regular(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            touched: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether the file was last touched before `moment`.
    #[must_use]
    pub fn is_older_than(&self, moment: SystemTime) -> bool {
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(self.touched.0), u32::try_from(self.touched.1))
        else {
            return false;
        };
        moment
            .duration_since(SystemTime::UNIX_EPOCH)
            .is_ok_and(|moment| Duration::new(seconds, nanoseconds) < moment)
    }

    /// The stamp of a file that does not exist, for tests of what is decided from stamps.
    #[must_use]
    pub fn made_up(size: u64, touched_seconds: i64) -> Self {
        let touched = (touched_seconds, 0);
        Self { device: 1, inode: 1, size, modified: touched, touched }
    }
}

/// Whether an error of this crate says that a path is a folder, a pipe, a device or a socket.
#[must_use]
pub fn not_regular(error: &Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotRegular>())
}

#[derive(Debug, thiserror::Error)]
#[error("it is not a regular file")]
struct NotRegular;

/// The metadata of a regular file.
pub(crate) fn regular(path: &Path) -> Result<Metadata> {
    only_regular(std::fs::metadata(path)?)
}

/// `metadata`, if it is of a regular file.
pub(crate) fn only_regular(metadata: Metadata) -> Result<Metadata> {
    if metadata.is_file() { Ok(metadata) } else { Err(Error::new(ErrorKind::InvalidInput, NotRegular)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_by_the_time_of_touching() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert!(Stamp::made_up(1, 99).is_older_than(moment));
        assert!(!Stamp::made_up(1, 100).is_older_than(moment));
        assert!(!Stamp::made_up(1, -1).is_older_than(moment));
    }

    #[test]
    fn only_regular_files_have_one() {
        let folder = tempfile::tempdir().unwrap();
        assert!(not_regular(&Stamp::of(folder.path()).unwrap_err()));
        assert!(not_regular(&Stamp::of(Path::new("/dev/null")).unwrap_err()));
        let missing = Stamp::of(&folder.path().join("missing")).unwrap_err();
        assert!(missing.kind() == ErrorKind::NotFound && !not_regular(&missing));
    }
}
