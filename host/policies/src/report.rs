//! What there is, for people and machines: the answer to `list`.

use serde::{Deserialize, Serialize};

use crate::lifecycle::State;
use crate::manifest::Entry;

/// Everything that a registry knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegistryReport {
    /// Which generation answers.
    pub generation: u64,
    /// What there is and what is on its way in or out, by name.
    pub policies: Vec<EntryReport>,
    /// What was refused lately, the newest first.
    pub rejected: Vec<Rejection>,
    /// Generations that `rollback` can go back to, the newest first.
    pub earlier: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryReport {
    /// Where it is in its life.
    pub state: State,
    /// What it is and should be.
    #[serde(flatten)]
    pub entry: Entry,
    /// The version that it gives itself; absent while it is on its way in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its own sentence about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Why it is saved and not loaded; it is tried again from time to time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_restored: Option<String>,
}

/// A submission that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    /// Under which name.
    pub name: String,
    /// The artefact, `sha256:...`.
    pub digest: String,
    pub reason: String,
    /// When, in seconds since the Unix epoch.
    pub at: f64,
    /// Who submitted it.
    pub by: String,
}
