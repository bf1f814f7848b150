//! Which of the replicas named in a status are alive.
//!
//! A replica renews its entry every [`HEARTBEAT`]. An entry that does not change for [`ENTRY_LIFETIME`] is expired. The
//! observer measures that by its own clock, from when it first saw the entry as it is: clocks of machines differ.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;

use crate::status::ReplicaStatus;

/// Between two renewals of an entry.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(60);

/// After this long an unchanged entry is removed: one lost renewal and a slow API server do not end it.
pub(crate) const ENTRY_LIFETIME: Duration = Duration::from_secs(180);

/// When each replica's entry last changed.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    seen: HashMap<String, (Time, Instant)>,
}

impl Liveness {
    /// Splits the replicas into those that are alive and the names of those whose entry expired. `own` is always alive.
    pub(crate) fn partition(
        &mut self,
        replicas: Vec<ReplicaStatus>,
        own: &str,
        now: Instant,
    ) -> (Vec<ReplicaStatus>, Vec<String>) {
        self.seen.retain(|name, _| replicas.iter().any(|replica| replica.name == *name));
        let (mut alive, mut expired) = (Vec::new(), Vec::new());
        for replica in replicas {
            let (last_update, at) =
                self.seen.entry(replica.name.clone()).or_insert_with(|| (replica.last_update.clone(), now));
            if *last_update != replica.last_update {
                (*last_update, *at) = (replica.last_update.clone(), now);
            }
            if replica.name == own || now.duration_since(*at) < ENTRY_LIFETIME {
                alive.push(replica);
            } else {
                expired.push(replica.name);
            }
        }
        (alive, expired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::ReplicaState;

    fn replica(name: &str, second: i64) -> ReplicaStatus {
        ReplicaStatus {
            name: name.into(),
            generation: 1,
            state: ReplicaState::Active,
            reason: "Active".into(),
            message: String::new(),
            digest: None,
            fetched_digest: None,
            last_update: Time(k8s_openapi::jiff::Timestamp::from_second(second).unwrap()),
        }
    }

    #[test]
    fn entries_expire_by_the_observer_s_clock() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let mut partition = |after: Duration, replicas: Vec<ReplicaStatus>| {
            let (alive, expired) = liveness.partition(replicas, "own", start + after);
            (alive.into_iter().map(|replica| replica.name).collect::<Vec<_>>().join(" "), expired.join(" "))
        };
        let second = Duration::from_secs(1);
        let both = |own, other| vec![replica("own", own), replica("other", other)];
        // The other's clock is years behind, which does not matter.
        assert_eq!(partition(Duration::ZERO, both(1_700_000_000, 5)), ("own other".into(), String::new()));
        assert_eq!(partition(ENTRY_LIFETIME - second, both(1_700_000_000, 5)).1, "");
        assert_eq!(partition(ENTRY_LIFETIME, both(1_700_000_000, 5)), ("own".into(), "other".into()));
        assert_eq!(
            partition(ENTRY_LIFETIME, both(1_700_000_000, 6)),
            ("own other".into(), String::new()),
            "it was renewed"
        );
        assert_eq!(partition(ENTRY_LIFETIME * 2, both(1_700_000_000, 6)).1, "other");
        // Forgotten with its entry, so that a new one of the same name has its full time.
        partition(ENTRY_LIFETIME * 2, vec![replica("own", 1)]);
        assert_eq!(partition(ENTRY_LIFETIME * 3, both(1, 6)).1, "");
    }
}
