//! The conditions of a policy as a whole, computed from the entries of all replicas.
//!
//! Pure and deterministic: every replica computes the same conditions from the same entries, so that all may write them
//! and none has to be elected.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::status::{ReplicaState, ReplicaStatus};
use crate::text::short_digest;
use netmarks_core::bounded::beginning;

/// Types of conditions, in the order in which a policy passes them.
pub const TYPES: [&str; 5] = ["Fetched", "Accepted", "Ready", "Degraded", "Converged"];

/// Longest message, in bytes.
const MESSAGE_BYTES: usize = 1_024;

/// The part of a status that all replicas share.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The generation that the conditions are about.
    pub observed_generation: i64,
    /// The component in use; that of most replicas if they differ.
    pub digest: Option<String>,
    /// One of each of [`TYPES`].
    pub conditions: Vec<Condition>,
}

struct ConditionValue {
    status: &'static str,
    reason: String,
    message: String,
}

impl ConditionValue {
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
    let all = AllReplicas { generation, replicas: sorted };
    let values = [all.fetched(), all.accepted(), all.ready(), all.degraded(), all.converged()];
    let conditions = TYPES.iter().zip(values).map(|(kind, value)| {
        let before =
            previous.iter().find(|condition| condition.type_ == *kind && condition.status == value.status);
        Condition {
            type_: (*kind).to_owned(),
            status: value.status.to_owned(),
            reason: value.reason,
            message: beginning(&value.message, MESSAGE_BYTES).to_owned(),
            observed_generation: Some(generation),
            last_transition_time: before.map_or(now, |condition| &condition.last_transition_time).clone(),
        }
    });
    Summary { observed_generation: generation, digest: all.digest(), conditions: conditions.collect() }
}

struct AllReplicas<'a> {
    generation: i64,
    replicas: Vec<&'a ReplicaStatus>,
}

impl AllReplicas<'_> {
    fn fetched(&self) -> ConditionValue {
        if let Some(failed) = self.first_in(&[ReplicaState::FetchFailed]) {
            return failed;
        }
        match self
            .waiting_for(|replica| replica.state != ReplicaState::Pending || replica.fetched_digest.is_some())
        {
            Some(message) => ConditionValue::new("Unknown", "Fetching", message),
            None => ConditionValue::new("True", "Fetched", "Every replica has the component."),
        }
    }

    fn accepted(&self) -> ConditionValue {
        if let Some(rejected) = self.first_in(&[ReplicaState::Rejected]) {
            return rejected;
        }
        let accepted =
            |replica: &ReplicaStatus| replica.state.in_effect() || replica.state == ReplicaState::Degraded;
        match self.waiting_for(accepted) {
            Some(message) => ConditionValue::new("Unknown", "Trying", message),
            None => ConditionValue::new(
                "True",
                "Accepted",
                "Every replica took it: it compiled and answered its trial.",
            ),
        }
    }

    fn ready(&self) -> ConditionValue {
        let refused = [ReplicaState::FetchFailed, ReplicaState::Rejected, ReplicaState::Degraded];
        if let Some(mut value) = self.first_in(&refused) {
            let earlier = self
                .replicas
                .iter()
                .find(|replica| refused.contains(&replica.state) && replica.digest.is_some());
            if let Some(digest) = earlier.and_then(|replica| replica.digest.as_deref()) {
                value.message = format!("{digest} stays in use. {}", value.message);
            }
            return value;
        }
        match self.waiting_for(|replica| replica.state.in_effect()) {
            Some(message) => ConditionValue::new("False", "Progressing", message),
            None => ConditionValue::new("True", "InUse", "Every replica uses the policy as it is written."),
        }
    }

    fn degraded(&self) -> ConditionValue {
        self.first_in(&[ReplicaState::Degraded]).map_or_else(
            || ConditionValue::new("False", "Healthy", "No replica has withdrawn the policy."),
            |value| ConditionValue { status: "True", ..value },
        )
    }

    fn converged(&self) -> ConditionValue {
        if let Some(message) = self.waiting_for(|replica| replica.state != ReplicaState::Pending) {
            return ConditionValue::new("False", "Progressing", message);
        }
        let mut groups: BTreeMap<(Option<&str>, &'static str), Vec<&str>> = BTreeMap::new();
        for replica in &self.replicas {
            groups
                .entry((replica.digest.as_deref(), state_text(replica.state)))
                .or_default()
                .push(&replica.name);
        }
        if groups.len() <= 1 {
            return ConditionValue::new(
                "True",
                "Converged",
                format!("All {} replicas do the same.", self.replicas.len()),
            );
        }
        let parts: Vec<String> = groups
            .into_iter()
            .map(|((digest, state), names)| {
                format!("{} in {}, {state}", digest.map_or("nothing", short_digest), names.join(", "))
            })
            .collect();
        ConditionValue::new("False", "ReplicasDiffer", format!("The replicas differ: {}.", parts.join("; ")))
    }

    /// The first replica in one of `states`, as a reason why something is not so.
    fn first_in(&self, states: &[ReplicaState]) -> Option<ConditionValue> {
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
        Some(ConditionValue {
            status: "False",
            reason: first.reason.clone(),
            message: format!("Replica {}{others}: {}", first.name, first.message),
        })
    }

    /// A sentence that names the replicas that are not `done` yet.
    fn waiting_for(&self, done: impl Fn(&ReplicaStatus) -> bool) -> Option<String> {
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

fn state_text(state: ReplicaState) -> &'static str {
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
