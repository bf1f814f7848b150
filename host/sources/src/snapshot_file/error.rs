//! Why a snapshot file could not be used.

use std::path::{Path, PathBuf};

use super::format::{OLDEST_VERSION, VERSION};

/// A snapshot file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} snapshot {}", path.display())]
pub struct SnapshotFileError {
    /// What was tried.
    action: &'static str,
    /// The file, or `-` for a text that is not in one.
    path: PathBuf,
    source: Box<Kind>,
}

impl SnapshotFileError {
    pub(super) fn new(action: &'static str, path: &Path, source: Kind) -> Self {
        Self { action, path: path.to_owned(), source: Box::new(source) }
    }

    /// Whether it was read, and what is in it cannot be used.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !matches!(*self.source, Kind::Io(_))
    }
}

/// Why a snapshot file could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Kind {
    #[error("the file cannot be opened, read or written")]
    Io(#[source] std::io::Error),
    #[error("it is not JSON of this format")]
    Json(#[source] serde_json::Error),
    #[error(
        "it has version {found}, and this program reads versions {OLDEST_VERSION} to {VERSION}; write it again with this \
         program"
    )]
    Version { found: u64 },
    #[error(transparent)]
    Content(ContentError),
}

/// Something impossible in a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// Two entries of one name.
    #[error("{what} `{name}` is listed twice; remove one of them")]
    Repeated {
        /// Node, pod or flow.
        what: &'static str,
        name: String,
    },
    /// A number that cannot be.
    #[error("`{field}` of `{name}` is {value}; it must be a finite number of at least 0")]
    Number {
        field: &'static str,
        /// Whose it is.
        name: String,
        /// As it stands.
        value: f64,
    },
    /// A pod whose name lacks its namespace.
    #[error("pod `{name}` must be named as namespace/name")]
    PodName {
        /// As it stands.
        name: String,
    },
    /// A name that is empty.
    #[error("a node has an empty name")]
    NodeName,
    /// Two places that say different things.
    #[error(
        "`{field}` of node `{name}` is `{value}`, and its label `{label}` is `{other}`; remove the field, as the label says it"
    )]
    Contradiction { field: &'static str, name: String, value: String, label: &'static str, other: String },
}
