//! Why a change is refused, and how the state folder fails.

use std::io::ErrorKind;
use std::path::PathBuf;

use netmarks_engine::PolicyError;
use netmarks_files::WriteError;

use crate::origin::Origin;

/// A change was refused; everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not a name.
    #[error("`{name}` is not a policy name: use lower case letters, digits and `-`, at most 63")]
    Name { name: String },
    /// Settings that cannot work.
    #[error("{reason}")]
    Settings {
        /// Which and why.
        reason: String,
    },
    /// The artefact, its parameters or its behaviour in the trial.
    #[error(transparent)]
    Policy(PolicyError),
    /// It failed on a request that was answered just before.
    #[error("it failed on one of the recent requests")]
    Replay(#[source] PolicyError),
    /// Nothing of this name.
    #[error("there is no policy `{name}`; there is {known}")]
    Unknown {
        name: String,
        /// What there is.
        known: String,
    },
    /// It is managed elsewhere.
    #[error("the policy `{name}` is managed by {origin}; change it there")]
    Managed { name: String, origin: Origin },
    /// The same bytes and settings are active.
    #[error(
        "this revision of `{name}` is active already; to take it out of the set, move it to shadow or ready"
    )]
    AlreadyActive { name: String },
    /// Nobody would score.
    #[error(
        "`{name}` is the only active policy: without it nothing would be scored, and kube-scheduler would decide alone. Activate another \
         one first, or say --leave-nothing-active (`leave_nothing_active=true`)"
    )]
    NothingActive { name: String },
    /// Two at once would say nothing about either.
    #[error("`{other}` is a canary already; activate or remove it first")]
    Canary { other: String },
    /// A share of none or all is not a canary.
    #[error("a canary takes 1 to 99 percent of the workloads, not {percent}")]
    Percent { percent: u8 },
    /// Nothing to go back to.
    #[error("there is no earlier set of policies to go back to")]
    NoHistory,
    /// It was rolled back for its faults.
    #[error("the policy `{name}` was rolled back ({reason}); submit another version, or activate it by hand")]
    Degraded { name: String, reason: String },
    #[error("there are {most} policies already; remove some first")]
    Full { most: usize },
    /// Too many uploads at once.
    #[error("other policies are being compiled; try again in a few seconds")]
    Busy,
    /// The change could not be made durable.
    #[error("the change was not saved, so it was not made")]
    Store(#[source] StateFolderError),
    /// What it needs is not loaded, and cannot be read again.
    #[error("the artefact is lost, so the change was not made")]
    Lost(#[source] StateFolderError),
    /// A task or thread of the registry panicked, or the process is ending.
    #[error("failed inside the extender; see its log")]
    Internal,
}

/// The state folder failed.
#[derive(Debug, thiserror::Error)]
pub enum StateFolderError {
    /// A file operation failed.
    #[error("failed to {step} {}", path.display())]
    Io {
        /// What was tried.
        step: &'static str,
        /// On which file.
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    /// The disk is full, or a quota is used up.
    #[error("failed to {step} {}; free space in `policies.state_folder`, then try again", path.display())]
    NoSpace {
        /// What was tried.
        step: &'static str,
        /// On which file.
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    /// The manifest cannot be read.
    #[error("{} is not a manifest of this program", path.display())]
    Manifest {
        path: PathBuf,
        #[source]
        error: serde_json::Error,
    },
    /// The manifest says what no operation could have made.
    #[error("{} cannot be of this program: {reason}", path.display())]
    Invalid { path: PathBuf, reason: String },
    /// Another process has it.
    #[error("the state folder {} is in use by another process", path.display())]
    Locked { path: PathBuf },
    /// There is nowhere to take it from.
    #[error(
        "the artefact {digest} is not kept without a state folder; set `policies.state_folder`, or submit it again"
    )]
    NoFolder { digest: String },
    /// A blob is not what its name says.
    #[error("{} does not have the digest of its name; submit the policy again", path.display())]
    Damaged { path: PathBuf },
    /// What arrived is not there any more as it was written.
    #[error("the upload {} was changed on the disk before it was read; submit it again", path.display())]
    Changed { path: PathBuf },
}

impl From<WriteError> for StateFolderError {
    fn from(WriteError { step, path, error }: WriteError) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoSpace { step, path, error },
            _ => Self::Io { step, path, error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        let failed = |kind: ErrorKind| {
            StateFolderError::from(WriteError {
                step: "write",
                path: "state/file".into(),
                error: kind.into(),
            })
        };
        for full in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            let said = failed(full).to_string();
            assert!(
                said.starts_with("failed to write state/file; free space in `policies.state_folder`"),
                "{said}"
            );
        }
        assert!(matches!(failed(ErrorKind::PermissionDenied), StateFolderError::Io { .. }));
    }
}
