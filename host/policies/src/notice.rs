//! What the registry tells about its changes: to the audit log, to metrics, to Kubernetes.

use strum::IntoStaticStr;

use crate::change::PolicyChange;
use crate::manifest::Manifest;
use crate::settings::PolicyName;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub kind: NoticeKind,
    /// To which policy; none for a rollback of the whole set.
    pub policy: Option<PolicyName>,
    /// To which artefact.
    pub digest: Option<String>,
    /// The generation after it.
    pub generation: u64,
    pub message: String,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
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
        self.into()
    }
}

impl Notice {
    /// What is to be said of a change of `before`, once it is made.
    pub(crate) fn of(change: &PolicyChange, before: &Manifest) -> Self {
        let newest = |name: &PolicyName| before.named(name).map(|entry| entry.digest.clone());
        let (kind, policy, digest, message) = match change {
            PolicyChange::Put(entry) => {
                let message = format!("`{}` is {}; {}", entry.name, entry.mode, entry.signature);
                (NoticeKind::Accepted, Some(&entry.name), Some(entry.digest.clone()), message)
            }
            PolicyChange::Move { name, mode, .. } => {
                (NoticeKind::Moved, Some(name), newest(name), format!("`{name}` is {mode}"))
            }
            PolicyChange::Remove { name, .. } => {
                (NoticeKind::Removed, Some(name), newest(name), format!("`{name}` is removed"))
            }
            PolicyChange::RollBack { to } => (
                NoticeKind::RolledBack,
                None,
                None,
                format!("back to the set of generation {}", to.generation),
            ),
            PolicyChange::Degrade { revision, reason, .. } => {
                let entry = before.entry(revision);
                let digest = entry.map(|entry| entry.digest.clone());
                (NoticeKind::Degraded, entry.map(|entry| &entry.name), digest, reason.clone())
            }
        };
        Self { kind, policy: policy.cloned(), digest, generation: before.generation + 1, message }
    }
}
