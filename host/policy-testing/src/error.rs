//! What can go wrong in a test, with the whole report where a policy is what is wrong.
//!
//! One type, so that a test function can return it.

use std::error::Error as _;
use std::fmt;
use std::path::PathBuf;

use netmarks_engine::PolicyError;

use crate::case_file_error::CaseFileError;
use crate::conformance_report::ConformanceReport;
use crate::report::CasesReport;

/// Why a test of a policy failed.
///
/// Shown by a test function that returns it as people want to read it: `Debug` is the message and its causes.
#[derive(thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// As it was given, or named by a case file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The engine could not be made.
    #[error("failed to start the engine that runs policies")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The policy was refused, or failed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A case file says something that cannot be.
    #[error("the case file {} cannot be used", path.display())]
    CaseFile {
        /// As it was given, or named by a case file.
        path: PathBuf,
        /// Which key or case, and what is wrong with it.
        source: Box<CaseFileError>,
    },
    /// The cluster to score in says something that cannot be.
    #[error("the cluster to score in cannot be used")]
    Cluster(#[source] Box<CaseFileError>),
    /// At least one case of a file failed.
    #[error("{0}")]
    Cases(CasesReport),
    /// At least one property does not hold.
    #[error("{0}")]
    Conformance(ConformanceReport),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  because {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
