//! One loaded revision of a policy: an artefact with its settings, and how it fares.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use netmarks_core::digest::Digest;
use netmarks_engine::{Policy, PolicyError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::breach::{Breach, CallWindow, RollbackRules};
use crate::call_history::{Call, CallHistory, CallSteps};
use crate::settings::{PolicyName, Settings};

/// Names a revision: 12 hexadecimal digits over digest and settings, so that two replicas that run the same say so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct RevisionId(String);

impl RevisionId {
    /// The id of an artefact (`sha256:...`) with settings under a name.
    #[must_use]
    pub fn new(name: &PolicyName, digest: &str, settings: &Settings) -> Self {
        // Settings always serialise; if they did not, the digest alone would tell revisions apart.
        let settings = serde_json::to_vec(settings).unwrap_or_default();
        let parts = [name.as_str().as_bytes(), digest.as_bytes(), &settings];
        // With its length before each part, so that no two lists of parts make the same bytes.
        let hashed = parts.iter().flat_map(|part| [&(part.len() as u64).to_le_bytes(), *part].concat());
        let text = Digest::of(&hashed.collect::<Vec<u8>>()).to_string();
        Self(text.trim_start_matches("sha256:").chars().take(12).collect())
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A revision that can be called.
#[derive(Debug)]
pub struct Loaded {
    /// Under which name.
    pub name: PolicyName,
    pub id: RevisionId,
    /// How it counts.
    pub settings: Settings,
    /// What is called.
    pub policy: Arc<Policy>,
    window: Mutex<CallWindow>,
    calls: AtomicU64,
    history: Mutex<CallHistory>,
}

impl Loaded {
    pub(crate) fn new(name: PolicyName, settings: Settings, policy: impl Into<Arc<Policy>>) -> Self {
        let policy = policy.into();
        let id = RevisionId::new(&name, policy.digest(), &settings);
        Self {
            name,
            id,
            settings,
            policy,
            window: Mutex::new(CallWindow::default()),
            calls: AtomicU64::new(0),
            history: Mutex::default(),
        }
    }

    /// The same policy under settings that differ in nothing that a call sees, with calls of its own.
    pub(crate) fn weighed(&self, settings: Settings) -> Self {
        Self::new(self.name.clone(), settings, self.policy.clone())
    }

    /// How often it was called for an answer.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Forgets the calls so far: it answers again, or the rollback that its breach asked for failed.
    pub(crate) fn restart_window(&self) {
        *self.window.lock().unwrap_or_else(PoisonError::into_inner) = CallWindow::default();
    }

    /// Keeps what a call took, for the report.
    pub(crate) fn note(&self, now: Instant, call: Call) {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).record(now, call);
    }

    /// What its calls took in the last hour.
    pub(crate) fn call_steps(&self, now: Instant, unix_now: f64) -> CallSteps {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).report(now, unix_now)
    }

    /// Counts a call; returns the rule that it broke, once per revision and window.
    pub(crate) fn count(
        &self,
        now: Instant,
        took: Duration,
        fault: Option<&PolicyError>,
        rules: &RollbackRules,
    ) -> Option<Breach> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.count(now, took, fault, rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saved manifests and other replicas hold these ids.
    #[test]
    fn ids_stay_the_same_from_version_to_version() {
        let id = RevisionId::new(&"a".parse().unwrap(), "sha256:00", &Settings::default());
        // Calculated without this code.
        assert_eq!(id.to_string(), "eef113bab545");
    }
}
