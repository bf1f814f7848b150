//! What there is, for people and machines: the answer to `list`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call_history::CallSteps;
use crate::lifecycle::State;
use crate::manifest::{Entry, Manifest};
use crate::revision::RevisionId;
use crate::submission::Answering;

/// Everything that a registry knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RegistryReport {
    /// Which generation answers.
    pub generation: u64,
    /// What there is and what is on its way in or out, by name.
    pub policies: Vec<EntryReport>,
    /// What was refused lately, the newest first.
    pub rejected: Vec<Rejection>,
    /// Sets that `rollback` can go back to, the newest first.
    pub earlier: Vec<EarlierSet>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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

/// The calls of one loaded revision, for answers and as a shadow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallReport {
    pub name: String,
    pub revision: RevisionId,
    #[serde(flatten)]
    pub steps: CallSteps,
}

/// What answered before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EarlierSet {
    pub generation: u64,
    pub answering: Vec<Answering>,
}

/// A submission that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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

impl EarlierSet {
    pub(crate) fn new(manifest: &Manifest) -> Self {
        Self { generation: manifest.generation, answering: Answering::of(manifest) }
    }
}
