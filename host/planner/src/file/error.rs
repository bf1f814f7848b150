//! Why a plan file could not be used.

use std::path::{Path, PathBuf};

use super::format::VERSION;

/// A plan file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} the plan {}", path.display())]
pub struct PlanFileError {
    /// What was tried.
    action: &'static str,
    /// The file, or `-` for a text that is not in one.
    path: PathBuf,
    source: Box<Kind>,
}

impl PlanFileError {
    pub(super) fn new(action: &'static str, path: &Path, source: Kind) -> Self {
        Self { action, path: path.to_owned(), source: Box::new(source) }
    }

    /// Whether it was read, and what is in it cannot be used.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !matches!(*self.source, Kind::Io(_))
    }
}

/// Why a plan file could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Kind {
    #[error("the file cannot be opened, read or written")]
    Io(#[source] std::io::Error),
    #[error("it is larger than {} MiB", limit >> 20)]
    TooLarge { limit: u64 },
    #[error("it is not the JSON of a plan")]
    Json(#[source] serde_json::Error),
    #[error(
        "it has version {found}, and this program reads version {VERSION}; make the plan again with this program"
    )]
    Version { found: u64 },
    #[error(transparent)]
    Content(PlanContentError),
}

/// Something impossible in a plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanContentError {
    /// A pod that is there twice.
    #[error("pod `{pod}` is moved twice; its replacement has another name, so remove one of the moves")]
    Repeated { pod: String },
    /// A pod whose name lacks its namespace.
    #[error("pod `{pod}` must be named as namespace/name")]
    PodName { pod: String },
    /// A move to where the pod is already.
    #[error("pod `{pod}` is moved from `{node}` to the same node")]
    NoMove { pod: String, node: String },
    /// A name that is empty.
    #[error("the move of pod `{pod}` has an empty {what}")]
    Empty { pod: String, what: &'static str },
}
