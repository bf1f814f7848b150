//! A file that arrives in pieces: it has a hidden name until it is whole.

use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::write::{Durability, Readers, WriteError, check_replaceable, give_name, temporary};

/// A file that is not whole yet. Removed when it is dropped, and by [`crate::remove_unfinished`] after the death of the process. Blocking:
/// async code works on it in `spawn_blocking`.
#[derive(Debug)]
#[must_use]
pub struct Unfinished(NamedTempFile);

impl Unfinished {
    /// Begins a file in `folder`, which only its owner can read.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn begin(folder: &Path) -> Result<Self, WriteError> {
        let file = temporary(folder, Readers::Owner);
        let failed = |error| WriteError { step: "make a file in", path: folder.to_owned(), error };
        file.map(Self).map_err(failed)
    }

    /// Where it is meanwhile.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// If the disk does not take it; what is there is not to be used then.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        let written = self.0.write_all(piece);
        written.map_err(|error| WriteError { step: "write", path: self.path().to_owned(), error })
    }

    /// Gives it its name, in place of what had it: a path in the same folder.
    ///
    /// # Errors
    /// If any step fails. It is removed then, unless the step is the flush of the folder: by then it has its name.
    pub fn finish(self, path: &Path, durability: Durability) -> Result<(), WriteError> {
        check_replaceable(path)?;
        give_name(self.0, path, durability)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn pieces_become_the_file_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"old").unwrap();
        let mut file = Unfinished::begin(folder.path()).unwrap();
        for piece in [&b"ne"[..], b"", b"w"] {
            file.write(piece).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"old");
        }
        file.finish(&path, Durability::Disk).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_is_not_finished_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Unfinished::begin(folder.path()).unwrap();
        file.write(b"half").unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), b"half");
        drop(file);
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        let file = Unfinished::begin(folder.path()).unwrap();
        assert_eq!(file.finish(&taken, Durability::Cache).unwrap_err().step, "replace");
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn what_a_killed_process_leaves_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = Unfinished::begin(folder.path()).unwrap();
        // As if nothing of this process ran any more.
        std::mem::forget(file);
        assert_eq!(names(folder.path()).len(), 1);
        crate::remove_unfinished(folder.path()).unwrap();
        assert!(names(folder.path()).is_empty());
    }
}
