//! Which revision of its controller's template a pod was made from.
//!
//! While an application is rolled out, its pods of another revision are about to be replaced, and do not count as being where new
//! ones should be.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Deployments and Rollouts, then StatefulSets and DaemonSets.
const LABELS: [&str; 3] = ["pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash"];

/// A number for the revision that a pod's labels name; 0 for a pod without one.
#[must_use]
pub fn revision<'a>(label: impl Fn(&str) -> Option<&'a str>) -> u64 {
    let Some(named) = LABELS.into_iter().find_map(label) else { return 0 };
    let mut hasher = DefaultHasher::new();
    named.hash(&mut hasher);
    hasher.finish().max(1)
}
