//! Which of the replicas named in a status are alive.
//!
//! A replica repeats its entry every [`HEARTBEAT`]. Whoever sees one unchanged for [`SILENCE`] takes it for gone. Time is
//! measured by the observer's own clock, from when it first saw the entry as it is: clocks of machines differ.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;

use crate::status::ReplicaStatus;

/// Between two repetitions of an entry.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(60);

/// After this long an unchanged entry is dropped: one lost repetition and a slow API server are forgiven.
pub(crate) const SILENCE: Duration = Duration::from_secs(180);

/// Remembers when each replica was last heard of.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    heard: HashMap<String, (Time, Instant)>,
}

impl Liveness {
    /// Parts the replicas into those that are alive and the names of those that are gone. `own` is always alive.
    pub(crate) fn part(
        &mut self,
        replicas: Vec<ReplicaStatus>,
        own: &str,
        now: Instant,
    ) -> (Vec<ReplicaStatus>, Vec<String>) {
        self.heard.retain(|name, _| replicas.iter().any(|replica| replica.name == *name));
        let (mut alive, mut gone) = (Vec::new(), Vec::new());
        for replica in replicas {
            let (said, at) =
                self.heard.entry(replica.name.clone()).or_insert_with(|| (replica.last_update.clone(), now));
            if *said != replica.last_update {
                (*said, *at) = (replica.last_update.clone(), now);
            }
            if replica.name == own || now.duration_since(*at) < SILENCE {
                alive.push(replica);
            } else {
                gone.push(replica.name);
            }
        }
        (alive, gone)
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
    fn who_is_silent_by_our_own_clock_is_gone() {
        let (mut liveness, start) = (Liveness::default(), Instant::now());
        let mut part = |after: Duration, replicas: Vec<ReplicaStatus>| {
            let (alive, gone) = liveness.part(replicas, "own", start + after);
            (alive.into_iter().map(|replica| replica.name).collect::<Vec<_>>().join(" "), gone.join(" "))
        };
        let second = Duration::from_secs(1);
        let both = |own, other| vec![replica("own", own), replica("other", other)];
        // The other's clock is years behind, which does not matter.
        assert_eq!(part(Duration::ZERO, both(1_700_000_000, 5)), ("own other".into(), String::new()));
        assert_eq!(part(SILENCE - second, both(1_700_000_000, 5)).1, "");
        assert_eq!(part(SILENCE, both(1_700_000_000, 5)), ("own".into(), "other".into()));
        assert_eq!(
            part(SILENCE, both(1_700_000_000, 6)),
            ("own other".into(), String::new()),
            "it speaks again"
        );
        assert_eq!(part(SILENCE * 2, both(1_700_000_000, 6)).1, "other");
        // Forgotten with its entry, so that a new one of the same name has its full time.
        part(SILENCE * 2, vec![replica("own", 1)]);
        assert_eq!(part(SILENCE * 3, both(1, 6)).1, "");
    }
}
