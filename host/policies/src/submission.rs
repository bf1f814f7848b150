//! What goes into the registry, and what comes of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::manifest::{Entry, Manifest};
use crate::origin::{Actor, Origin};
use crate::policy_bytes::PolicyBytes;
use crate::settings::{Mode, PolicyName, Settings};
use crate::signature::Signature;

/// A policy on its way in.
#[derive(Clone)]
pub struct Submission {
    /// Under which name.
    pub name: PolicyName,
    pub bytes: PolicyBytes,
    /// How it runs and counts.
    pub settings: Settings,
    /// Which mode it is to have.
    pub mode: Mode,
    /// Where it comes from.
    pub origin: Origin,
    /// What its origin found out about its signature.
    pub signature: Signature,
    /// Who submits it.
    pub actor: Actor,
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, bytes, settings, mode, origin, signature, actor } = self;
        let mut shown = f.debug_struct("Submission");
        shown.field("name", name).field("bytes", bytes).field("settings", settings);
        shown.field("mode", mode).field("origin", origin).field("signature", signature);
        shown.field("actor", actor).finish()
    }
}

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangeOutcome {
    /// The generation that answers now.
    pub generation: u64,
    /// Whether it is a new one; the same operation again changes nothing.
    pub changed: bool,
    /// The entry that it was about, as it is now; none after a removal or a rollback.
    #[schema(required)]
    pub entry: Option<Entry>,
    /// What answers now.
    #[serde(default)]
    #[schema(required)]
    pub answering: Vec<Answering>,
}

/// A policy that answers requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answering {
    pub name: PolicyName,
    /// Active, or a canary.
    #[serde(flatten)]
    pub mode: Mode,
    pub weight: f64,
}

impl ChangeOutcome {
    pub(crate) fn new(manifest: &Manifest, changed: bool, entry: Option<Entry>) -> Self {
        Self { generation: manifest.generation, changed, entry, answering: Answering::of(manifest) }
    }
}

impl Answering {
    /// What of `manifest` answers.
    pub(crate) fn of(manifest: &Manifest) -> Vec<Self> {
        let answering = manifest.entries.iter().filter(|entry| entry.answers());
        answering
            .map(|entry| Self { name: entry.name.clone(), mode: entry.mode, weight: entry.settings.weight })
            .collect()
    }
}
