//! What goes into the registry, and what comes of it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::manifest::Entry;
use crate::origin::{Actor, Origin};
use crate::settings::{Mode, PolicyName, Settings};

/// A policy on its way in.
#[derive(Clone)]
pub struct Submission {
    /// Under which name.
    pub name: PolicyName,
    pub bytes: Bytes,
    /// How it runs and counts.
    pub settings: Settings,
    /// Which mode it is to have.
    pub mode: Mode,
    /// Where it comes from.
    pub origin: Origin,
    /// Who submits it.
    pub actor: Actor,
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, bytes, settings, mode, origin, actor } = self;
        let mut shown = f.debug_struct("Submission");
        shown.field("name", name).field("bytes", &bytes.len()).field("settings", settings);
        shown.field("mode", mode).field("origin", origin).field("actor", actor).finish()
    }
}

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeOutcome {
    /// The generation that answers now.
    pub generation: u64,
    /// Whether it is a new one; the same operation again changes nothing.
    pub changed: bool,
    /// The entry that it was about, as it is now; none after a removal or a rollback.
    pub entry: Option<Entry>,
}
