//! What keeps a policy from being in use, in the words of a status.

use netmarks_core::errors::chain;
use netmarks_policies::Refusal;

use crate::source::SourceError;
use crate::wish::WishError;

/// What follows from a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The source did not give it; it is asked again.
    Fetch,
    /// The source gave no answer; it is asked again, and what it gave before still counts for a while.
    Unreachable,
    /// It is refused until its specification or its bytes change.
    Refused,
    /// It is refused because of something else, which may pass; it is tried again.
    Blocked,
    /// It was withdrawn; nothing is done until its specification or its bytes change.
    Withdrawn,
    /// This process was busy or failed; it is tried again soon.
    Passing,
}

impl Kind {
    /// Whether time alone can make it go away.
    pub(crate) fn is_tried_again(self) -> bool {
        matches!(self, Self::Fetch | Self::Unreachable | Self::Blocked | Self::Passing)
    }
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    /// One word.
    pub(crate) reason: &'static str,
    /// A sentence with its causes.
    pub(crate) message: String,
}

impl From<&WishError> for Problem {
    fn from(error: &WishError) -> Self {
        Self { kind: Kind::Refused, reason: "InvalidSpec", message: chain(error) }
    }
}

impl From<&SourceError> for Problem {
    fn from(error: &SourceError) -> Self {
        let kind = if error.is_silence() { Kind::Unreachable } else { Kind::Fetch };
        Self { kind, reason: error.reason(), message: chain(error) }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let (kind, reason) = match refusal {
            Refusal::Policy(_) => (Kind::Refused, "PolicyRejected"),
            Refusal::Replay(_) => (Kind::Refused, "FailedOnRecentRequest"),
            Refusal::Name { .. } | Refusal::Settings { .. } | Refusal::Percent { .. } => {
                (Kind::Refused, "InvalidSpec")
            }
            Refusal::AlreadyActive { .. } => (Kind::Refused, "AlreadyActive"),
            Refusal::Degraded { .. } => (Kind::Withdrawn, "TooManyFaults"),
            Refusal::Managed { .. } => (Kind::Blocked, "ManagedElsewhere"),
            Refusal::Canary { .. } => (Kind::Blocked, "OtherCanary"),
            Refusal::Full { .. } => (Kind::Blocked, "TooManyPolicies"),
            Refusal::Busy => (Kind::Passing, "Busy"),
            Refusal::Store(_) | Refusal::Lost(_) => (Kind::Passing, "NotSaved"),
            Refusal::Unknown { .. } | Refusal::NoHistory | Refusal::Internal => (Kind::Passing, "Internal"),
        };
        Self { kind, reason, message: chain(refusal) }
    }
}
