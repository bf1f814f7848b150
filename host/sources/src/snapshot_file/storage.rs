//! Reading and writing.

use std::io::{self, Write};
use std::path::Path;

use netmarks_files::AtomicWrite;
use serde::Deserialize;

use super::error::{Kind, SnapshotFileError};
use super::format::{OLDEST_VERSION, SnapshotFile, VERSION};

impl SnapshotFile {
    /// Reads a file of any version that is known.
    ///
    /// # Errors
    /// For a file that cannot be read, is not of this format and version, or says something impossible.
    pub fn read(path: &Path) -> Result<Self, SnapshotFileError> {
        let wrap = |source| SnapshotFileError::new("read", path, source);
        let text = std::fs::read(path).map_err(Kind::Io).map_err(wrap)?;
        parse(&text).map_err(wrap)
    }

    /// Reads a text that is not in a file: one that is built in, or the standard input.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_json(text: &[u8]) -> Result<Self, SnapshotFileError> {
        parse(text).map_err(|source| SnapshotFileError::new("read", Path::new("-"), source))
    }

    /// Writes it to a file that either is complete or does not change: a temporary file beside it takes its name.
    ///
    /// # Errors
    /// For a folder or file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SnapshotFileError> {
        let wrap = |source| SnapshotFileError::new("write", path, source);
        let json = self.to_json().map_err(Kind::Json).map_err(wrap)?;
        AtomicWrite::to(path).write(json.as_bytes()).map_err(|error| wrap(Kind::Io(error.error)))
    }

    /// Its text: indented, so that people can read, compare and edit it.
    ///
    /// # Errors
    /// None for a snapshot that was read or taken.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        Ok(json)
    }

    /// Writes [`Self::to_json`] to `to` without holding it as a whole.
    ///
    /// # Errors
    /// If `to` takes no more.
    pub fn write_json(&self, mut to: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut to, self)?;
        to.write_all(b"\n")
    }
}

fn parse(text: &[u8]) -> Result<SnapshotFile, Kind> {
    /// Read first: another version may have other fields.
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    let Head { version } = serde_json::from_slice(text).map_err(Kind::Json)?;
    if !(OLDEST_VERSION..=VERSION).contains(&version) {
        return Err(Kind::Version { found: version });
    }
    // Every field that version 2 added may be absent, so that version 1 reads as it is.
    let mut file: SnapshotFile = serde_json::from_slice(text).map_err(Kind::Json)?;
    file.version = VERSION;
    file.check().map_err(Kind::Content)?;
    Ok(file)
}
