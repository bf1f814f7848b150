//! The file that leads back: the key, and what each replacement stands for. Only its owner can read it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use netmarks_files::{AtomicWrite, Readers};
use serde::{Deserialize, Serialize};

use super::aliases::{Aliases, Key};

/// A key file.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    key: Key,
    /// Original by alias, of all files that were anonymised with it.
    names: BTreeMap<String, String>,
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// 64 hexadecimal digits.
    key: String,
    names: BTreeMap<String, String>,
}

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} the key file {}", path.display())]
pub struct KeyFileError {
    action: &'static str,
    path: PathBuf,
    source: Kind,
}

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("the file cannot be opened, read or written")]
    Io(#[source] io::Error),
    // Its own words could show a part of the file.
    #[error("it is not a key file, and is left as it is; name another")]
    Content,
    #[error("the system has no source of randomness")]
    Random(#[source] getrandom::Error),
}

impl KeyFile {
    /// Reads the file; takes a new key if the file does not exist yet. Nothing is written yet.
    ///
    /// # Errors
    /// For a file that cannot be read, or is something else.
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        let wrap = |source| KeyFileError { action: "read", path: path.to_owned(), source };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Key::random().map_err(Kind::Random).map_err(wrap)?;
                return Ok(Self { path: path.to_owned(), key, names: BTreeMap::new() });
            }
            Err(error) => return Err(wrap(Kind::Io(error))),
        };
        let Content { key, names } = serde_json::from_slice(&text).map_err(|_| wrap(Kind::Content))?;
        let key = Key::from_hex(&key).ok_or_else(|| wrap(Kind::Content))?;
        Ok(Self { path: path.to_owned(), key, names })
    }

    /// The key to anonymise with.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Adds what was replaced and writes the file.
    ///
    /// # Errors
    /// For a file that cannot be written.
    pub fn write(mut self, aliases: &Aliases) -> Result<(), KeyFileError> {
        let wrap = |source| KeyFileError { action: "write", path: self.path.clone(), source };
        self.names.extend(aliases.originals().map(|(alias, text)| (alias.to_owned(), text.to_owned())));
        let content = Content { key: self.key.hex(), names: self.names };
        let mut json = serde_json::to_vec_pretty(&content).map_err(|_| wrap(Kind::Content))?;
        json.push(b'\n');
        let written = AtomicWrite::to(&self.path).readers(Readers::Owner).write(&json);
        written.map_err(|error| wrap(Kind::Io(error.error)))
    }
}
