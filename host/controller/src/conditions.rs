//! From what each replica says to what holds for the policy as a whole.
//!
//! Pure, and the same for everyone: whichever replica computes it from the same entries gets the same conditions, so
//! that all may write them and none has to be elected.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::status::{ReplicaState, ReplicaStatus};
use crate::text::cut;

/// Types of conditions, in the order in which a policy passes them.
pub const TYPES: [&str; 5] = ["Fetched", "Accepted", "Ready", "Degraded", "Converged"];

/// Longest message, in bytes.
const MESSAGE_BYTES: usize = 1_024;

/// What all replicas share of a status.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The generation that the conditions are about.
    pub observed_generation: i64,
    /// The component in use; that of most replicas if they differ.
    pub digest: Option<String>,
    /// One of each of [`TYPES`].
    pub conditions: Vec<Condition>,
}

struct Verdict {
    status: &'static str,
    reason: String,
    message: String,
}

impl Verdict {
    fn new(status: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { status, reason: reason.to_owned(), message: message.into() }
    }
}

/// Sums up `replicas`, all of which must be alive. `previous` conditions keep their time as long as their status stays.
#[must_use]
pub fn summarise(generation: i64, replicas: &[ReplicaStatus], previous: &[Condition], now: &Time) -> Summary {
    // By name, whatever order the list has: the same entries must give the same sentences.
    let mut sorted: Vec<&ReplicaStatus> = replicas.iter().collect();
    sorted.sort_by(|left, right| left.name.cmp(&right.name));
    let view = View { generation, replicas: sorted };
    let verdicts = [view.fetched(), view.accepted(), view.ready(), view.degraded(), view.converged()];
    let conditions = TYPES.iter().zip(verdicts).map(|(kind, verdict)| {
        let before =
            previous.iter().find(|condition| condition.type_ == *kind && condition.status == verdict.status);
        Condition {
            type_: (*kind).to_owned(),
            status: verdict.status.to_owned(),
            reason: verdict.reason,
            message: cut(&verdict.message, MESSAGE_BYTES).to_owned(),
            observed_generation: Some(generation),
            last_transition_time: before.map_or(now, |condition| &condition.last_transition_time).clone(),
        }
    });
    Summary { observed_generation: generation, digest: view.digest(), conditions: conditions.collect() }
}

struct View<'a> {
    generation: i64,
    replicas: Vec<&'a ReplicaStatus>,
}

impl View<'_> {
    fn fetched(&self) -> Verdict {
        if let Some(failed) = self.any(&[ReplicaState::FetchFailed]) {
            return failed;
        }
        match self
            .waiting(|replica| replica.state != ReplicaState::Pending || replica.fetched_digest.is_some())
        {
            Some(message) => Verdict::new("Unknown", "Fetching", message),
            None => Verdict::new("True", "Fetched", "Every replica has the component."),
        }
    }

    fn accepted(&self) -> Verdict {
        if let Some(rejected) = self.any(&[ReplicaState::Rejected]) {
            return rejected;
        }
        let taken =
            |replica: &ReplicaStatus| replica.state.in_effect() || replica.state == ReplicaState::Degraded;
        match self.waiting(taken) {
            Some(message) => Verdict::new("Unknown", "Trying", message),
            None => {
                Verdict::new("True", "Accepted", "Every replica took it: it compiled and answered its trial.")
            }
        }
    }

    fn ready(&self) -> Verdict {
        let refused = [ReplicaState::FetchFailed, ReplicaState::Rejected, ReplicaState::Degraded];
        if let Some(mut verdict) = self.any(&refused) {
            let earlier = self
                .replicas
                .iter()
                .find(|replica| refused.contains(&replica.state) && replica.digest.is_some());
            if let Some(digest) = earlier.and_then(|replica| replica.digest.as_deref()) {
                verdict.message = format!("{digest} stays in use. {}", verdict.message);
            }
            return verdict;
        }
        match self.waiting(|replica| replica.state.in_effect()) {
            Some(message) => Verdict::new("False", "Progressing", message),
            None => Verdict::new("True", "InUse", "Every replica uses the policy as it is written."),
        }
    }

    fn degraded(&self) -> Verdict {
        self.any(&[ReplicaState::Degraded]).map_or_else(
            || Verdict::new("False", "Healthy", "No replica has withdrawn the policy."),
            |verdict| Verdict { status: "True", ..verdict },
        )
    }

    fn converged(&self) -> Verdict {
        if let Some(message) = self.waiting(|replica| replica.state != ReplicaState::Pending) {
            return Verdict::new("False", "Progressing", message);
        }
        let mut groups: BTreeMap<(Option<&str>, &'static str), Vec<&str>> = BTreeMap::new();
        for replica in &self.replicas {
            groups.entry((replica.digest.as_deref(), word(replica.state))).or_default().push(&replica.name);
        }
        if groups.len() <= 1 {
            return Verdict::new(
                "True",
                "Converged",
                format!("All {} replicas do the same.", self.replicas.len()),
            );
        }
        let parts: Vec<String> = groups
            .into_iter()
            .map(|((digest, state), names)| {
                format!("{} in {}, {state}", digest.map_or("nothing", short), names.join(", "))
            })
            .collect();
        Verdict::new("False", "ReplicasDiffer", format!("The replicas differ: {}.", parts.join("; ")))
    }

    /// The first replica in one of `states`, as a reason why something is not so.
    fn any(&self, states: &[ReplicaState]) -> Option<Verdict> {
        let found: Vec<&&ReplicaStatus> = self
            .replicas
            .iter()
            .filter(|replica| self.current(replica) && states.contains(&replica.state))
            .collect();
        let first = found.first()?;
        let others = match found.len() - 1 {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        Some(Verdict {
            status: "False",
            reason: first.reason.clone(),
            message: format!("Replica {}{others}: {}", first.name, first.message),
        })
    }

    /// A sentence on who is not `done` yet.
    fn waiting(&self, done: impl Fn(&ReplicaStatus) -> bool) -> Option<String> {
        if self.replicas.is_empty() {
            return Some("No replica has looked at it yet.".to_owned());
        }
        let late: Vec<&str> = self
            .replicas
            .iter()
            .filter(|replica| !self.current(replica) || !done(replica))
            .map(|replica| replica.name.as_str())
            .collect();
        (!late.is_empty()).then(|| format!("Waiting for {}.", late.join(", ")))
    }

    fn current(&self, replica: &ReplicaStatus) -> bool {
        replica.generation == self.generation
    }

    fn digest(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for digest in self.replicas.iter().filter_map(|replica| replica.digest.as_deref()) {
            *counts.entry(digest).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(digest, _)| digest.to_owned())
    }
}

/// The first twelve digits of a digest.
#[must_use]
pub fn short(digest: &str) -> &str {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    cut(digits, 12)
}

fn word(state: ReplicaState) -> &'static str {
    match state {
        ReplicaState::Pending => "pending",
        ReplicaState::FetchFailed => "the newest not fetched",
        ReplicaState::Rejected => "the newest rejected",
        ReplicaState::Active => "active",
        ReplicaState::Canary => "canary",
        ReplicaState::Shadow => "shadow",
        ReplicaState::Ready => "ready",
        ReplicaState::Degraded => "the newest withdrawn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time(k8s_openapi::jiff::Timestamp::from_second(second).unwrap())
    }

    fn replica(name: &str, generation: i64, state: ReplicaState, digest: Option<&str>) -> ReplicaStatus {
        ReplicaStatus {
            name: name.into(),
            generation,
            state,
            reason: "Because".into(),
            message: "it is so".into(),
            digest: digest.map(str::to_owned),
            fetched_digest: None,
            last_update: at(0),
        }
    }

    /// `Fetched Accepted Ready Degraded Converged` as letters, then the sentence of one.
    fn shown(generation: i64, replicas: &[ReplicaStatus]) -> String {
        let summary = summarise(generation, replicas, &[], &at(1));
        summary.conditions.iter().map(|condition| &condition.status[..1]).collect()
    }

    fn message(generation: i64, replicas: &[ReplicaStatus], kind: &str) -> String {
        let summary = summarise(generation, replicas, &[], &at(1));
        summary.conditions.into_iter().find(|condition| condition.type_ == kind).unwrap().message
    }

    #[test]
    fn conditions_follow_from_the_replicas() {
        use ReplicaState::{Active, Degraded, FetchFailed, Pending, Rejected};
        let one = |state, digest| [replica("a", 2, state, digest)];
        let rows: [(&[ReplicaStatus], &str); 9] = [
            (&[], "UUFFF"),
            (&one(Pending, None), "UUFFF"),
            (&one(Active, Some("x")), "TTTFT"),
            (&one(FetchFailed, Some("x")), "FUFFT"),
            (&one(Rejected, Some("x")), "TFFFT"),
            (&one(Degraded, None), "TTFTT"),
            // An entry about an earlier generation says nothing about this one.
            (&[replica("a", 1, Rejected, None)], "UUFFF"),
            (&[replica("a", 2, Active, Some("x")), replica("b", 2, Rejected, Some("w"))], "TFFFF"),
            (&[replica("a", 2, Active, Some("x")), replica("b", 2, Active, Some("w"))], "TTTFF"),
        ];
        for (replicas, expected) in rows {
            assert_eq!(shown(2, replicas), expected, "{replicas:?}");
        }
    }

    #[test]
    fn messages_name_the_replica_and_what_stays_in_use() {
        let replicas = [
            replica("b", 2, ReplicaState::Rejected, Some("sha256:0123456789abcdef")),
            replica("a", 2, ReplicaState::Active, Some("sha256:fedcba9876543210")),
        ];
        assert_eq!(message(2, &replicas, "Accepted"), "Replica b: it is so");
        assert_eq!(
            message(2, &replicas, "Ready"),
            "sha256:0123456789abcdef stays in use. Replica b: it is so"
        );
        assert_eq!(
            message(2, &replicas, "Converged"),
            "The replicas differ: 0123456789ab in b, the newest rejected; fedcba987654 in a, active."
        );
        assert_eq!(message(3, &replicas, "Ready"), "Waiting for a, b.");
    }

    #[test]
    fn every_replica_computes_the_same_whatever_the_order_of_the_list() {
        let mut replicas = vec![
            replica("a", 2, ReplicaState::Active, Some("x")),
            replica("b", 2, ReplicaState::FetchFailed, Some("y")),
            replica("c", 1, ReplicaState::Degraded, Some("y")),
        ];
        let first = summarise(2, &replicas, &[], &at(1));
        replicas.reverse();
        // Another replica sees what the first wrote, later by its own clock: nothing is left to write.
        assert_eq!(summarise(2, &replicas, &first.conditions, &at(9)), first);
        assert_eq!(first.digest.as_deref(), Some("y"));
    }

    #[test]
    fn a_condition_changes_its_time_only_with_its_status() {
        let active = [replica("a", 2, ReplicaState::Active, Some("x"))];
        let first = summarise(2, &active, &[], &at(1));
        let pending = [replica("a", 2, ReplicaState::Pending, Some("x"))];
        let second = summarise(3, &pending, &first.conditions, &at(2));
        let times: Vec<i64> =
            second.conditions.iter().map(|condition| condition.last_transition_time.0.as_second()).collect();
        // Degraded stays False; all others became Unknown or False.
        assert_eq!(times, [2, 2, 2, 1, 2]);
    }
}
