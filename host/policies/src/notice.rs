//! What the registry tells about its changes: to the audit log, to metrics, to Kubernetes.

use crate::manifest::{Change, Manifest};
use crate::settings::PolicyName;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What.
    pub kind: NoticeKind,
    /// To which policy; none for a rollback of the whole set.
    pub policy: Option<PolicyName>,
    /// To which artefact.
    pub digest: Option<String>,
    /// The generation after it.
    pub generation: u64,
    /// A sentence.
    pub message: String,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// A revision took its place.
    Accepted,
    /// A submission was refused.
    Rejected,
    /// A policy was given another mode.
    Moved,
    /// A policy was removed.
    Removed,
    /// An operator went back to an earlier set.
    RolledBack,
    /// A policy broke a rule.
    Degraded,
}

impl NoticeKind {
    /// As in logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Moved => "moved",
            Self::Removed => "removed",
            Self::RolledBack => "rolled-back",
            Self::Degraded => "degraded",
        }
    }
}

/// What to say about a change: kind, policy, digest, sentence.
pub(crate) fn described(
    change: &Change,
    before: &Manifest,
) -> (NoticeKind, Option<PolicyName>, Option<String>, String) {
    let digest_of = |name: &PolicyName| before.named(name).map(|entry| entry.digest.clone());
    match change {
        Change::Put(entry) => {
            let message = format!("`{}` is {}", entry.name, entry.mode);
            (NoticeKind::Accepted, Some(entry.name.clone()), Some(entry.digest.clone()), message)
        }
        Change::Move { name, mode, .. } => {
            (NoticeKind::Moved, Some(name.clone()), digest_of(name), format!("`{name}` is {mode}"))
        }
        Change::Remove { name, .. } => {
            (NoticeKind::Removed, Some(name.clone()), digest_of(name), format!("`{name}` is removed"))
        }
        Change::RollBack { to } => {
            (NoticeKind::RolledBack, None, None, format!("back to the set of generation {}", to.generation))
        }
        Change::Degrade { revision, reason, .. } => {
            let entry = before.entry(revision);
            let (name, digest) =
                (entry.map(|entry| entry.name.clone()), entry.map(|entry| entry.digest.clone()));
            (NoticeKind::Degraded, name, digest, reason.clone())
        }
    }
}
