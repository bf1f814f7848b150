//! Writing a file so that it is there whole or not at all.
//!
//! The content goes into a file with a unique hidden name in the same folder, which then takes the file's name. Whoever reads
//! sees the old content or the new one, never a part; who lists the folder knows hidden files as unfinished.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::stamp::{not_regular, regular};

/// What the names of files that are being written begin with.
const UNFINISHED: &str = ".unfinished-";

/// What a written file survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the machine: the content and its name are on the disk when the write returns.
    #[default]
    Disk,
    /// The end of the process. After a power failure the file may be missing, empty or damaged under its name, so this is for
    /// caches that check what they read and can make it again: flushing some MiB can take a slow disk a second.
    Cache,
}

/// Who can read the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readers {
    /// Only the user that wrote it.
    #[default]
    Owner,
    /// Whoever the process's umask allows, as with [`std::fs::write`].
    Umask,
}

/// A file that could not be written. What was there before is unchanged, unless the step is the flush of the folder.
#[derive(Debug, thiserror::Error)]
#[error("failed to {step} {}", path.display())]
pub struct WriteError {
    /// What was being done, as a verb that is followed by the path.
    pub step: &'static str,
    /// The file to be written.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub error: io::Error,
}

/// How one file is written. Blocking: async code calls it in `spawn_blocking`.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct AtomicWrite<'a> {
    path: &'a Path,
    durability: Durability,
    readers: Readers,
}

impl<'a> AtomicWrite<'a> {
    /// Replaces the file at `path`, or makes it. Its folder must exist.
    pub fn to(path: &'a Path) -> Self {
        Self { path, durability: Durability::default(), readers: Readers::default() }
    }

    /// What it survives.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Who can read it.
    pub fn readers(mut self, readers: Readers) -> Self {
        self.readers = readers;
        self
    }

    /// Writes `content`.
    ///
    /// # Errors
    /// If any step fails; the unfinished file is removed then.
    pub fn write(self, content: &[u8]) -> Result<(), WriteError> {
        self.write_parts(&[content])
    }

    /// Writes `parts` one after the other.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub fn write_parts(self, parts: &[&[u8]]) -> Result<(), WriteError> {
        let Self { path, durability, readers } = self;
        let at = |step: &'static str| move |error| WriteError { step, path: path.to_owned(), error };
        check_replaceable(path)?;
        let mut file = temporary(folder_of(path), readers).map_err(at("make a file beside"))?;
        for part in parts {
            file.write_all(part).map_err(at("write"))?;
        }
        give_name(file, path, durability)
    }
}

/// Refuses a path where something else than a file is: the rename would put a file where a device or a pipe was.
pub(crate) fn check_replaceable(path: &Path) -> Result<(), WriteError> {
    match regular(path) {
        Err(error) if not_regular(&error) => {
            Err(WriteError { step: "replace", path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}

/// An empty file with a unique hidden name.
pub(crate) fn temporary(folder: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Umask => 0o666,
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED).permissions(Permissions::from_mode(mode)).tempfile_in(folder)
}

/// Gives a file that is whole its name.
pub(crate) fn give_name(file: NamedTempFile, path: &Path, durability: Durability) -> Result<(), WriteError> {
    let at = |step: &'static str| move |error| WriteError { step, path: path.to_owned(), error };
    if durability == Durability::Disk {
        file.as_file().sync_all().map_err(at("flush"))?;
    }
    file.persist(path).map_err(|error| at("rename to")(error.error))?;
    if durability == Durability::Disk {
        // The rename is a change of the folder.
        let folder = File::open(folder_of(path));
        folder.and_then(|folder| folder.sync_all()).map_err(at("flush the folder of"))?;
    }
    Ok(())
}

/// The parent of a bare name is empty, which is not the name of a folder.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what processes that died while they wrote left behind in `folder`. Only for a folder that no other process writes
/// to: a file that is still being written would be removed, too. Blocking.
///
/// # Errors
/// If a file cannot be removed; the others are removed all the same, and the last error is returned. A folder that is missing
/// holds nothing to remove.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut result = Ok(());
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
            && let Err(error) = fs::remove_file(entry.path())
        {
            result = Err(error);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Barrier;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_file_is_replaced_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        AtomicWrite::to(&path).write(b"one").unwrap();
        let open = fs::File::open(&path).unwrap();
        AtomicWrite::to(&path).durability(Durability::Cache).write_parts(&[b"tw", b"o"]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(io::read_to_string(open).unwrap(), "one", "who reads the old file reads it to its end");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn only_the_owner_reads_it_unless_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, shared) = (folder.path().join("secret"), folder.path().join("shared"));
        AtomicWrite::to(&secret).write(b"").unwrap();
        AtomicWrite::to(&shared).readers(Readers::Umask).write(b"").unwrap();
        let usual = folder.path().join("usual");
        fs::write(&usual, b"").unwrap();
        assert_eq!((mode(&secret), mode(&shared)), (0o600, mode(&usual)));
    }

    #[test]
    fn what_fails_leaves_the_old_file_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        let error = AtomicWrite::to(&taken).write(b"").unwrap_err();
        assert_eq!(error.to_string(), format!("failed to replace {}", taken.display()));
        assert_eq!(names(folder.path()), ["taken"]);
        let error = AtomicWrite::to(&folder.path().join("missing/file")).write(b"").unwrap_err();
        assert_eq!((error.step, error.error.kind()), ("make a file beside", io::ErrorKind::NotFound));
    }

    #[test]
    fn a_device_or_a_pipe_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _held = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = AtomicWrite::to(&socket).write(b"x").unwrap_err();
        assert_eq!(error.step, "replace");
        assert!(!fs::symlink_metadata(&socket).unwrap().is_file());
        assert_eq!(names(folder.path()), ["socket"]);
    }

    #[test]
    fn writers_at_the_same_time_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let contents: Vec<Vec<u8>> = (b'a'..b'i').map(|letter| vec![letter; 100_000]).collect();
        let together = Barrier::new(contents.len());
        std::thread::scope(|scope| {
            for content in &contents {
                scope.spawn(|| {
                    together.wait();
                    AtomicWrite::to(&path).durability(Durability::Cache).write(content).unwrap();
                });
            }
        });
        assert!(contents.contains(&fs::read(&path).unwrap()));
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_a_dead_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["file", ".hidden", ".unfinished-aB3"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        remove_unfinished(folder.path()).unwrap();
        let left: BTreeSet<_> = names(folder.path()).into_iter().collect();
        assert_eq!(left, BTreeSet::from([".hidden".to_owned(), "file".to_owned()]));
        remove_unfinished(&folder.path().join("missing")).unwrap();
    }
}
