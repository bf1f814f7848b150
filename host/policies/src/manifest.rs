//! What the operator wants: every policy with its digest, settings and mode. Immutable; a change makes another
//! (`change`).
//!
//! Written to disk, it is what survives a restart. Read by the registry, it says which revisions have to be loaded and
//! in which mode each one is.

use netmarks_core::digest::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::errors::Refusal;
use crate::origin::Origin;
use crate::revision::RevisionId;
use crate::settings::{Mode, PolicyName, Settings};
use crate::signature::Signature;

/// Most entries: every one holds machine code in memory.
pub(crate) const MOST_ENTRIES: usize = 64;

/// Far beyond what changes can reach, and exact in JSON.
const MOST_GENERATIONS: u64 = 1 << 53;

/// One revision of one policy, as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    pub name: PolicyName,
    /// The artefact, `sha256:...`.
    pub digest: String,
    /// Which artefact with which settings.
    pub revision: RevisionId,
    /// How it runs and counts.
    pub settings: Settings,
    /// Who listens to it.
    #[serde(flatten)]
    pub mode: Mode,
    /// Where it came from.
    pub origin: Origin,
    /// Whether its signature was checked when it came, and who made it.
    #[serde(default)]
    #[schema(required)]
    pub signature: Signature,
    /// Why it was rolled back, if it was; it stays where it is until somebody acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
    /// When it was submitted, in seconds since the Unix epoch.
    pub since: f64,
    /// Who submitted it.
    pub by: String,
}

/// All entries of one generation, by name; for a name the active one first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Grows by one with each change; never goes back.
    pub generation: u64,
    pub entries: Vec<Entry>,
}

impl Entry {
    /// Whether requests are answered by it.
    #[must_use]
    pub fn answers(&self) -> bool {
        matches!(self.mode, Mode::Active | Mode::Canary { .. })
    }

    pub(crate) fn is_active(&self) -> bool {
        self.mode == Mode::Active
    }
}

impl Manifest {
    /// The entry of a revision.
    #[must_use]
    pub fn entry(&self, revision: &RevisionId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.revision == *revision)
    }

    /// The newest entry of a name.
    #[must_use]
    pub fn named(&self, name: &PolicyName) -> Option<&Entry> {
        self.newest(name).and_then(|position| self.entries.get(position))
    }

    /// Checks a manifest that was read.
    ///
    /// # Errors
    /// For the first thing that no operation could have made.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.generation > MOST_GENERATIONS {
            return Err(format!("the generation {} is beyond all that can be reached", self.generation));
        }
        if self.entries.len() > MOST_ENTRIES {
            return Err(format!("it has {} policies; {MOST_ENTRIES} are the most", self.entries.len()));
        }
        for entry in &self.entries {
            let Entry { name, digest, revision, settings, mode, .. } = entry;
            settings.validate().map_err(|refusal| format!("`{name}`: {refusal}"))?;
            if digest.parse::<Digest>().is_err() {
                return Err(format!("`{name}`: `digest` is not of the form sha256:..."));
            }
            if RevisionId::new(name, digest, settings) != *revision {
                return Err(format!("`{name}`: `revision` is not that of its digest and settings"));
            }
            if let Mode::Canary { percent } = mode
                && !(1..=99).contains(percent)
            {
                return Err(format!("`{name}`: a canary of {percent} percent"));
            }
            let twins = self
                .entries
                .iter()
                .filter(|other| other.name == *name && other.is_active() == entry.is_active());
            if twins.count() > 1 {
                return Err(format!("`{name}` stands there twice in the same place"));
            }
        }
        Ok(())
    }

    /// Whether the same revisions answer, in the same modes.
    #[must_use]
    pub fn answers_like(&self, other: &Self) -> bool {
        let answering = |manifest: &Self| -> Vec<(RevisionId, Mode)> {
            let answering = manifest.entries.iter().filter(|entry| entry.answers());
            answering.map(|entry| (entry.revision.clone(), entry.mode)).collect()
        };
        answering(self) == answering(other)
    }

    /// Whether a policy is active: a canary alone answers for a share of the workloads only.
    #[must_use]
    pub fn has_active(&self) -> bool {
        self.entries.iter().any(Entry::is_active)
    }

    /// Whether a revision answers requests.
    #[must_use]
    pub fn is_answered_by(&self, revision: &RevisionId) -> bool {
        self.entry(revision).is_some_and(Entry::answers)
    }

    /// Refuses a change by anyone but the origin of a name.
    ///
    /// # Errors
    /// [`Refusal::Managed`].
    pub fn check_origin(&self, name: &PolicyName, origin: Origin) -> Result<(), Refusal> {
        match self.entries.iter().find(|entry| entry.name == *name && entry.origin != origin) {
            // What stands in the configuration is a beginning; whoever has the admin listener may go on from there.
            Some(entry) if entry.origin != Origin::Configuration => {
                Err(Refusal::Managed { name: name.to_string(), origin: entry.origin })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn newest(&self, name: &PolicyName) -> Option<usize> {
        let of_name = |entry: &Entry| entry.name == *name;
        self.entries
            .iter()
            .position(|entry| of_name(entry) && !entry.is_active())
            .or_else(|| self.entries.iter().position(of_name))
    }

    pub(crate) fn unknown(&self, name: &PolicyName) -> Refusal {
        let mut known: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
        known.dedup();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Refusal::Unknown { name: name.to_string(), known }
    }
}
