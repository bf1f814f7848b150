//! What is wrong with a file of the folder.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use netmarks_files::not_regular;

/// A file that is not a policy. What was accepted under its name before stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct Problem {
    /// The file, or the folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// What is wrong with a file. The causes are kept as texts so that two looks can be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The folder itself.
    #[error("the folder cannot be listed ({0}); its policies stay as they are")]
    Folder(ErrorKind),
    #[error("it cannot be read ({0})")]
    Unreadable(ErrorKind),
    /// A pipe, a device or a folder.
    #[error("it is not a regular file")]
    NotAFile,
    /// A large file.
    #[error("it is larger than {0} bytes; if that is right, raise the limit")]
    TooLarge(u64),
    /// The file is not text.
    #[error("it is not UTF-8")]
    NotText,
    /// A name that cannot be one.
    #[error(
        "its name cannot be that of a policy: expected at most 63 of a-z, 0-9 and `-`, not beginning or ending with `-`, \
         and then `.wasm`"
    )]
    Name,
    /// No or a wrong signature.
    #[error("{0}")]
    Signature(String),
    /// Too many entries.
    #[error("the folder has more than {0} entries; the others are not looked at")]
    Entries(usize),
    /// Too many components.
    #[error("the folder has more than {0} components; this one is not looked at")]
    Components(usize),
}

impl Problem {
    /// The file cannot be read.
    pub(crate) fn of_reading(path: &Path, error: &Error) -> Self {
        let kind =
            if not_regular(error) { ProblemKind::NotAFile } else { ProblemKind::Unreadable(error.kind()) };
        Self { path: path.to_owned(), kind }
    }
}
