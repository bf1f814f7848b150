//! Why a policy is not in use, as its status reports it.

use netmarks_core::errors::chain;
use netmarks_policies::Refusal;

use crate::source::SourceError;
use crate::spec::SpecError;

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The source answered, but not with a component. It is read again later.
    Fetch,
    /// The source gave no answer. It is read again later, and its last answer counts for a while.
    Unreachable,
    /// The policy is rejected until its specification or its component changes.
    Rejected,
    /// Something else in the registry is in the way. It is submitted again later.
    Blocked,
    /// The policy was withdrawn. Nothing is done until its specification or its component changes.
    Withdrawn,
    /// This process was busy or failed. It is submitted again later.
    Transient,
}

impl FailureKind {
    /// Whether time alone can resolve it.
    pub(crate) fn is_retried(self) -> bool {
        matches!(self, Self::Fetch | Self::Unreachable | Self::Blocked | Self::Transient)
    }
}

/// A failure of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyFailure {
    pub(crate) kind: FailureKind,
    /// One word, for conditions and events.
    pub(crate) reason: &'static str,
    /// A sentence with its causes.
    pub(crate) message: String,
}

impl From<&SpecError> for PolicyFailure {
    fn from(error: &SpecError) -> Self {
        Self { kind: FailureKind::Rejected, reason: "InvalidSpec", message: chain(error) }
    }
}

impl From<&SourceError> for PolicyFailure {
    fn from(error: &SourceError) -> Self {
        let kind = if error.is_unreachable() { FailureKind::Unreachable } else { FailureKind::Fetch };
        Self { kind, reason: error.reason(), message: chain(error) }
    }
}

impl From<&Refusal> for PolicyFailure {
    fn from(refusal: &Refusal) -> Self {
        let (kind, reason) = match refusal {
            Refusal::Policy(_) => (FailureKind::Rejected, "PolicyRejected"),
            Refusal::Replay(_) => (FailureKind::Rejected, "FailedOnRecentRequest"),
            Refusal::Name { .. } | Refusal::Settings { .. } | Refusal::Percent { .. } => {
                (FailureKind::Rejected, "InvalidSpec")
            }
            Refusal::AlreadyActive { .. } => (FailureKind::Rejected, "AlreadyActive"),
            Refusal::Degraded { .. } => (FailureKind::Withdrawn, "TooManyFaults"),
            Refusal::Managed { .. } => (FailureKind::Blocked, "ManagedElsewhere"),
            Refusal::Canary { .. } => (FailureKind::Blocked, "OtherCanary"),
            Refusal::NothingActive { .. } => (FailureKind::Blocked, "OnlyActive"),
            Refusal::Full { .. } => (FailureKind::Blocked, "TooManyPolicies"),
            Refusal::Busy => (FailureKind::Transient, "Busy"),
            Refusal::Store(_) | Refusal::Lost(_) => (FailureKind::Transient, "NotSaved"),
            Refusal::Unknown { .. } | Refusal::NoHistory | Refusal::Internal => {
                (FailureKind::Transient, "Internal")
            }
        };
        Self { kind, reason, message: chain(refusal) }
    }
}
