//! Exit codes, the same for every command. `docs/operate.md` has the table.

use std::fmt;

use anyhow::Error;
use netmarks_artefacts::KeyError;
use netmarks_engine::PolicyError;
use netmarks_planner::{PlanError, PlanFileError};
use netmarks_policies::Refusal;
use netmarks_sources::kubernetes::ClientError;
use netmarks_sources::snapshot_file::SnapshotFileError;

use crate::config::Mistakes;
use crate::config::load::is_not_found;

/// Why a command did not do all that it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// It could not be done, or what was examined is not as it should be. 2 is a command line that cannot be: clap's.
    Failed = 1,
    /// A policy, a configuration, a change, a snapshot or a plan was looked at and refused; everything is as before.
    Refused = 3,
    /// What was named is not there: a file, a pod, a policy, an earlier set.
    NotFound = 4,
    /// Some of it is done.
    Partly = 5,
}

/// An error that knows its exit code.
#[derive(Debug)]
pub(super) struct Ended {
    code: ExitCode,
    message: String,
}

impl Ended {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self { code: ExitCode::Failed, message: message.into() }
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self { code: ExitCode::Refused, message: message.into() }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { code: ExitCode::NotFound, message: message.into() }
    }

    pub(super) fn partly(message: impl Into<String>) -> Self {
        Self { code: ExitCode::Partly, message: message.into() }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Ended {}

/// The exit code of an error: what the command says, or else what kind of error lies below it.
#[must_use]
pub fn exit_code(error: &Error) -> ExitCode {
    if let Some(Ended { code, .. }) = error.downcast_ref() {
        return *code;
    }
    let of_cause = |cause: &(dyn std::error::Error + 'static)| {
        if let Some(mistakes) = cause.downcast_ref::<Mistakes>() {
            let missing = mistakes.only_missing_of_command_line();
            return Some(if missing { ExitCode::NotFound } else { ExitCode::Refused });
        }
        if let Some(error) = cause.downcast_ref::<PlanError>() {
            return Some(if error.is_not_found() { ExitCode::NotFound } else { ExitCode::Refused });
        }
        let snapshot = cause.downcast_ref().is_some_and(SnapshotFileError::is_refused);
        let plan = cause.downcast_ref().is_some_and(PlanFileError::is_refused);
        let policy = matches!(cause.downcast_ref(), Some(netmarks_policy_testing::Error::Policy(_)));
        let keys = cause.downcast_ref().is_some_and(|error| !matches!(error, KeyError::File { .. }));
        if snapshot || plan || policy || keys || cause.is::<PolicyError>() || cause.is::<Refusal>() {
            return Some(ExitCode::Refused);
        }
        let no_cluster = matches!(cause.downcast_ref(), Some(ClientError::Nothing(_)));
        (no_cluster || is_not_found(cause)).then_some(ExitCode::NotFound)
    };
    error.chain().find_map(of_cause).unwrap_or(ExitCode::Failed)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use anyhow::Context as _;

    use super::*;

    #[test]
    fn what_the_command_says_goes_before_what_lies_below() {
        let missing = || std::io::Error::from(ErrorKind::NotFound);
        let read = Err::<(), _>(missing()).context("failed to read it").unwrap_err();
        assert_eq!(exit_code(&read), ExitCode::NotFound);
        let half = Err::<(), _>(missing()).context(Ended::partly("pushed, but not signed")).unwrap_err();
        assert_eq!(exit_code(&half.context("around")), ExitCode::Partly);
        assert_eq!(exit_code(&anyhow::anyhow!("no answer")), ExitCode::Failed);
        assert_eq!(exit_code(&Ended::refused("no").into()), ExitCode::Refused);
    }
}
