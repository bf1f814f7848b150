//! What answers: loaded policies in their places, one immutable generation.
//!
//! Requests load a set once and use it to their end, so none ever sees two generations; this is the only part of the
//! crate on their path.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netmarks_core::combine::{Contribution, combine, normalise};
use netmarks_core::needs::{ColumnNeed, Needs};
use netmarks_core::request::PolicyRequest;
use netmarks_engine::PolicyError;

use crate::manifest::Manifest;
use crate::revision::{Loaded, RevisionId};
use crate::settings::{Mode, Settings};

#[derive(Debug, Default)]
pub struct PolicySet {
    pub generation: u64,
    /// What answers, in order of name.
    pub active: Vec<Arc<Loaded>>,
    /// What answers for some.
    pub canary: Option<Canary>,
    /// What scores every request without its scores counting.
    pub shadows: Vec<Arc<Loaded>>,
}

/// The set as it would be with the canary active.
#[derive(Debug)]
pub struct Canary {
    /// For how many of 100 workloads it answers.
    pub percent: u8,
    /// Which of the members it is about.
    pub candidate: Arc<Loaded>,
    /// All members, the candidate in the place of the active policy of its name.
    pub members: Vec<Arc<Loaded>>,
}

/// What a set says about one pod.
#[derive(Debug, Default)]
pub struct Scored {
    /// What each policy did.
    pub parts: Vec<PartScore>,
    /// The combination of all; `None` where one policy alone was asked, whose shares are the set's.
    combined: Option<Vec<f64>>,
}

impl Scored {
    /// The share of each candidate, 0 to 1; `None` if no policy answered.
    #[must_use]
    pub fn shares(&self) -> Option<&[f64]> {
        match self.parts.as_slice() {
            [PartScore { result: Ok(scores), .. }] => Some(&scores.shares),
            _ => self.combined.as_deref(),
        }
    }
}

/// What one policy did for one request.
#[derive(Debug)]
pub struct PartScore {
    pub member: Arc<Loaded>,
    /// What it was told.
    pub request: Arc<PolicyRequest>,
    /// What it returned, and the shares made of it.
    pub result: Result<PartScores, PolicyError>,
    /// How long the call took.
    pub took: Duration,
    /// All its linear memory at its end; none where it failed.
    pub memory_bytes: Option<usize>,
}

/// The scores of one policy.
#[derive(Debug)]
pub struct PartScores {
    /// Per candidate, in the policy's own unit.
    pub raw: Vec<f64>,
    /// Per candidate, 0 to 1.
    pub shares: Vec<f64>,
}

impl PolicySet {
    /// Whether a policy, also one that answers for some or for none, asks for this fact.
    #[must_use]
    pub fn asks_for(&self, need: ColumnNeed) -> bool {
        let canary = self.canary.as_ref().map(|canary| &canary.candidate);
        let mut all = self.active.iter().chain(canary).chain(&self.shadows);
        all.any(|member| member.policy.needs().columns.contains(&need))
    }

    /// How long its members may take together for one pod: the sum of their deadlines.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let sum =
            |members: &[Arc<Loaded>]| members.iter().map(|member| member.policy.limits().deadline()).sum();
        let canary: Duration = self.canary.as_ref().map_or(Duration::ZERO, |canary| sum(&canary.members));
        canary.max(sum(&self.active))
    }

    /// The set of a manifest: every entry that is loaded, in its place.
    pub(crate) fn new(manifest: &Manifest, loaded: &BTreeMap<RevisionId, Arc<Loaded>>) -> Self {
        let mut set = Self { generation: manifest.generation, ..Self::default() };
        let mut canary = None;
        for entry in &manifest.entries {
            let Some(loaded) = loaded.get(&entry.revision) else { continue };
            match entry.mode {
                Mode::Active => set.active.push(loaded.clone()),
                Mode::Canary { percent } => canary = Some((percent, loaded.clone())),
                Mode::Shadow => set.shadows.push(loaded.clone()),
                Mode::Ready => {}
            }
        }
        set.canary = canary.map(|(percent, candidate)| {
            let others = set.active.iter().filter(|member| member.name != candidate.name);
            let mut members: Vec<_> = others.cloned().chain([candidate.clone()]).collect();
            members.sort_by(|left, right| left.name.cmp(&right.name));
            Canary { percent, candidate, members }
        });
        set
    }

    /// All revisions that have a place in it.
    pub(crate) fn revisions(&self) -> impl Iterator<Item = &RevisionId> {
        let canary = self.canary.as_ref().map(|canary| &canary.candidate);
        self.active.iter().chain(&self.shadows).chain(canary).map(|member| &member.id)
    }

    /// Who answers for a workload: the active members, or for a stable share of all workloads the canary's. Whether
    /// it is the canary is the second value. The workload's name is only asked for where it matters.
    #[must_use]
    pub fn members(&self, workload: impl FnOnce() -> String) -> (&[Arc<Loaded>], bool) {
        match &self.canary {
            Some(canary) if bucket(&workload()) < canary.percent => (&canary.members, true),
            _ => (&self.active, false),
        }
    }
}

/// From 0 to 99: the same for a workload on every replica and in every version, whatever the canary is.
#[allow(clippy::cast_possible_truncation, reason = "a remainder by 100")]
fn bucket(workload: &str) -> u8 {
    // FNV-1a: stable by definition, where the standard hasher may change; then mixed, as its low bits are weak.
    let hash = workload.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (((hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 100) as u8
}

impl PartScore {
    fn contribution(&self) -> Contribution<'_> {
        let Settings { weight, on_fault, .. } = self.member.settings;
        let shares = self.result.as_ref().map(|scores| scores.shares.as_slice()).map_err(|_| on_fault);
        Contribution { weight, shares }
    }
}

/// Asks every member, one after the other; each is told only what it needs. `gather` makes the request for some
/// needs; members with equal needs share one.
pub fn score(members: &[Arc<Loaded>], gather: impl Fn(&Needs) -> PolicyRequest) -> Scored {
    let mut parts: Vec<PartScore> = Vec::with_capacity(members.len());
    for member in members {
        let needs = member.policy.needs();
        let same = parts.iter().find(|part| part.member.policy.needs() == needs);
        let request = same.map_or_else(|| Arc::new(gather(needs)), |part| part.request.clone());
        let started = Instant::now();
        let measured = member.policy.measure(&request);
        let took = started.elapsed();
        let memory_bytes = measured.as_ref().ok().map(|(_, cost)| cost.memory_bytes);
        let result = measured
            .map(|(raw, _)| PartScores { shares: normalise(&raw, member.settings.normalisation), raw });
        parts.push(PartScore { member: member.clone(), request, result, took, memory_bytes });
    }
    // The usual set has one policy, and nothing to combine.
    let combined = match parts.as_slice() {
        [_] => None,
        parts => {
            let contributions: Vec<_> = parts.iter().map(PartScore::contribution).collect();
            combine(&contributions)
        }
    };
    Scored { parts, combined }
}

#[cfg(test)]
mod tests {
    use super::bucket;

    /// Every percentage takes about that share of the workloads, and a larger one takes all of a smaller one's.
    #[test]
    fn buckets_are_even_and_stable() {
        let mut counts = [0_u32; 100];
        for workload in 0..100_000 {
            counts[usize::from(bucket(&format!("namespace/workload-{workload}")))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
        // Calculated without this code: another version that says otherwise would move workloads between policies.
        assert_eq!([bucket("shop/cart"), bucket("shop/frontend"), bucket("")], [73, 56, 0]);
    }
}
