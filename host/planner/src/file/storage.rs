//! Reading and writing.

use std::path::Path;

use netmarks_files::{AtomicWrite, Content, Readers};
use serde::Deserialize;

use super::error::{Kind, PlanFileError};
use super::format::{Plan, VERSION};

/// Largest file that is read, in bytes: a move takes about 600, so some hundred thousand moves.
const LIMIT: u64 = 64 << 20;

impl Plan {
    /// Reads a file of at most 64 MiB. Blocking.
    ///
    /// # Errors
    /// For a file that cannot be read, is not of this format and version, or says something impossible.
    pub fn read(path: &Path) -> Result<Self, PlanFileError> {
        let wrap = |source| PlanFileError::new("read", path, source);
        match netmarks_files::read(path, LIMIT).map_err(Kind::Io).map_err(wrap)? {
            Content::Whole(text) => parse(&text).map_err(wrap),
            Content::TooLarge => Err(wrap(Kind::TooLarge { limit: LIMIT })),
        }
    }

    /// Reads a text that is not in a file, such as the standard input.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_json(text: &[u8]) -> Result<Self, PlanFileError> {
        parse(text).map_err(|source| PlanFileError::new("read", Path::new("-"), source))
    }

    /// Writes it to a file that either is complete or does not change: a temporary file beside it takes its name. Blocking.
    ///
    /// # Errors
    /// For a folder or file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlanFileError> {
        let wrap = |source| PlanFileError::new("write", path, source);
        let mut json = serde_json::to_vec_pretty(self).map_err(Kind::Json).map_err(wrap)?;
        json.push(b'\n');
        let written = AtomicWrite::to(path).readers(Readers::Umask).write(&json);
        written.map_err(|error| wrap(Kind::Io(error.error)))
    }
}

fn parse(text: &[u8]) -> Result<Plan, Kind> {
    /// Read first: another version may have other fields.
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    let Head { version } = serde_json::from_slice(text).map_err(Kind::Json)?;
    if version != VERSION {
        return Err(Kind::Version { found: version });
    }
    let plan: Plan = serde_json::from_slice(text).map_err(Kind::Json)?;
    plan.check().map_err(Kind::Content)?;
    Ok(plan)
}
