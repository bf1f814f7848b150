//! What can be wrong with a case file, or with a cluster that a test builds in the same words.

use netmarks_core::application::Application;
use netmarks_core::yaml::YamlError;
use netmarks_sources::snapshot_file::{ContentError, SnapshotFileError};

/// What is wrong with a case file.
#[derive(Debug, thiserror::Error)]
pub enum CaseFileError {
    /// No YAML of this format.
    #[error("it is not YAML of this format")]
    Yaml(#[source] YamlError),
    /// The list of cases is empty.
    #[error("it has no cases")]
    Empty,
    /// Two cases of one name.
    #[error("two cases are called `{name}`; rename one")]
    Repeated {
        /// As both cases have it.
        name: String,
    },
    /// A snapshot file that cannot be read.
    #[error("its snapshot cannot be read")]
    Snapshot(#[source] SnapshotFileError),
    /// A cluster that cannot be.
    #[error("the snapshot holds values that do not fit together")]
    Content(#[source] ContentError),
    /// Pods, or a target, on a node that does not exist.
    #[error("the snapshot has {what} on `{node}`, which is not among its nodes")]
    UnknownNode {
        /// `pods` or `a target`.
        what: &'static str,
        /// As it is named there.
        node: String,
    },
    /// A target for an application that does not exist.
    #[error(
        "the snapshot has a target for `{application}`, which has neither pods, flows nor controllers in it"
    )]
    UnknownApplication {
        /// As the target names it.
        application: Application,
    },
    /// A case that makes no sense.
    #[error("case `{case}`: {problem}")]
    Case {
        /// The case's name.
        case: String,
        /// A sentence without its end: what is wrong, and what to do.
        problem: String,
    },
}
