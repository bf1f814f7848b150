//! The last decisions, for people who ask why: bounded, so that nobody has to clean up.
//!
//! Each has a serial number of this run of the process, by which it is named. What is learnt later, such as where the pod went, is a
//! change; whoever follows asks for the changes after the last one that they have.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::decision::Decision;
use crate::decision_filter::DecisionFilter;

/// Nodes kept of one decision: what fits on a screen, and what people ask for.
pub const NODES: usize = 10;

/// Peers kept of one node: the heaviest.
const PEERS: usize = 10;

/// Memory that all decisions together may take: some thousands of the usual size.
const BYTES: usize = 32 << 20;

/// How long it is looked for where a pod went: kube-scheduler binds within seconds, and what waits longer asks again.
const SOUGHT: Duration = Duration::from_secs(600);

/// Decisions of which it is looked for where the pod went, at once.
const SOUGHT_AT_ONCE: usize = 500;

/// A decision as it is remembered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Remembered {
    /// Names it, as `RUN-NUMBER`.
    pub serial: String,
    /// The node that the pod was seen on; `null` as long as it was on none.
    #[schema(required)]
    pub chosen: Option<String>,
    #[serde(flatten, serialize_with = "shared")]
    #[schema(value_type = Decision)]
    pub decision: Arc<Decision>,
}

fn shared<S: Serializer>(decision: &Arc<Decision>, serializer: S) -> Result<S::Ok, S::Error> {
    decision.serialize(serializer)
}

/// What happened to a decision: it was made, or more became known of it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Higher than that of any change before.
    pub number: u64,
    pub decision: Remembered,
}

/// Holds the last decisions.
#[derive(Debug)]
pub struct Decisions {
    capacity: usize,
    run: String,
    recent: Mutex<Ring>,
    /// The number of the last change.
    newest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Entry {
    bytes: usize,
    number: u64,
    /// Of its last change.
    changed: u64,
    made: Instant,
    chosen: Option<String>,
    decision: Arc<Decision>,
}

/// The oldest first.
#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
    last_number: u64,
    last_change: u64,
}

impl Ring {
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.entries.pop_front();
        self.bytes -= oldest.as_ref().map_or(0, |entry| entry.bytes);
        oldest.is_some()
    }

    fn next_change(&mut self) -> u64 {
        self.last_change += 1;
        self.last_change
    }
}

impl Decisions {
    /// Keeps the last `capacity` decisions.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        // Random by its keys, and nothing that anybody could guess wrongly depends on it.
        let run = RandomState::new().build_hasher().finish();
        Self {
            capacity,
            run: format!("{:08x}", run >> 32),
            recent: Mutex::default(),
            newest: watch::Sender::new(0),
        }
    }

    /// Whether any are kept at all; working one out costs more than scoring.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.capacity > 0
    }

    /// What tells this run of the process from others.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The number of the last change, and of those that follow.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Remembers a decision and forgets the oldest beyond the capacity, or beyond what all together may take.
    pub fn record(&self, mut decision: Decision) {
        decision.nodes.truncate(NODES);
        for node in &mut decision.nodes {
            node.peers.truncate(PEERS);
        }
        let bytes = decision.bytes();
        let mut recent = self.lock();
        while recent.entries.len() >= self.capacity || recent.bytes + bytes > BYTES {
            if !recent.forget_oldest() {
                return;
            }
        }
        recent.bytes += bytes;
        recent.last_number += 1;
        let (number, changed) = (recent.last_number, recent.next_change());
        recent.entries.push_back(Entry {
            bytes,
            number,
            changed,
            made: Instant::now(),
            chosen: None,
            decision: Arc::new(decision),
        });
        drop(recent);
        self.newest.send_replace(changed);
    }

    /// Gives the decision `id` the name of its pod (`namespace/name`), which was not known when it was made.
    pub fn name(&self, id: &str, pod: &str) {
        let mut recent = self.lock();
        let changed = recent.last_change + 1;
        let mut newest_first = recent.entries.iter_mut().rev();
        let Some(entry) = newest_first.find(|entry| entry.decision.id.as_deref() == Some(id)) else { return };
        Arc::make_mut(&mut entry.decision).pod = pod.to_owned();
        entry.changed = changed;
        recent.last_change = changed;
        drop(recent);
        self.newest.send_replace(changed);
    }

    /// The pods (`namespace/name`) of which it is not known at `now` where they went, newest first. Pods that wait for long are given up.
    #[must_use]
    pub fn sought(&self, now: Instant) -> Vec<String> {
        let recent = self.lock();
        let young = |entry: &&Entry| now.saturating_duration_since(entry.made) < SOUGHT;
        let newest_first = recent.entries.iter().rev().take_while(young);
        let sought = newest_first.filter(|entry| entry.chosen.is_none());
        sought.take(SOUGHT_AT_ONCE).map(|entry| entry.decision.pod.clone()).collect()
    }

    /// Notes where pods (`namespace/name`) were seen, on their last decisions.
    pub fn found(&self, seen: &[(String, String)]) {
        let mut recent = self.lock();
        let before = recent.last_change;
        for (pod, node) in seen {
            let changed = recent.last_change + 1;
            let of_pod = recent.entries.iter_mut().rev().find(|entry| entry.decision.pod == *pod);
            if let Some(entry) = of_pod.filter(|entry| entry.chosen.is_none()) {
                entry.chosen = Some(node.clone());
                entry.bytes += node.len();
                entry.changed = changed;
                recent.bytes += node.len();
                recent.last_change = changed;
            }
        }
        let last = recent.last_change;
        drop(recent);
        if last != before {
            self.newest.send_replace(last);
        }
    }

    /// The newest decisions first, at most `limit` of those that `filter` lets through.
    #[must_use]
    pub fn recent(&self, limit: usize, filter: &DecisionFilter) -> Vec<Remembered> {
        let recent = self.lock();
        let before = filter.before.as_deref().map(|serial| self.number(serial).unwrap_or(u64::MAX));
        let serial = filter.serial.as_deref().map(|serial| self.number(serial));
        let newest_first = recent.entries.iter().rev();
        newest_first
            .filter(|entry| before.is_none_or(|before| entry.number < before))
            .filter(|entry| serial.is_none_or(|serial| serial == Some(entry.number)))
            .filter(|entry| filter.takes(&entry.decision, entry.chosen.as_deref()))
            .take(limit)
            .map(|entry| self.remembered(entry))
            .collect()
    }

    /// The changes after the one of this number, oldest first, at most `limit`.
    #[must_use]
    pub fn changes(&self, after: u64, limit: usize) -> Vec<Change> {
        let recent = self.lock();
        let mut changed: Vec<&Entry> = recent.entries.iter().filter(|entry| entry.changed > after).collect();
        changed.sort_unstable_by_key(|entry| entry.changed);
        let change = |entry: &Entry| Change { number: entry.changed, decision: self.remembered(entry) };
        changed.into_iter().take(limit).map(change).collect()
    }

    /// The number of the change after which there are at most `count`.
    #[must_use]
    pub fn before_last(&self, count: usize) -> u64 {
        let recent = self.lock();
        let mut changes: Vec<u64> = recent.entries.iter().map(|entry| entry.changed).collect();
        changes.sort_unstable();
        let first = changes.len().checked_sub(count + 1);
        first.and_then(|index| changes.get(index)).copied().unwrap_or(0)
    }

    fn remembered(&self, entry: &Entry) -> Remembered {
        Remembered {
            serial: format!("{}-{}", self.run, entry.number),
            chosen: entry.chosen.clone(),
            decision: entry.decision.clone(),
        }
    }

    /// The number in a serial of this run.
    fn number(&self, serial: &str) -> Option<u64> {
        let (run, number) = serial.split_once('-')?;
        (run == self.run).then(|| number.parse().ok()).flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    mod hostile {
        use super::super::*;
        use crate::decision::tests::{of_pod, scored};
        use crate::decision::{PolicyDecision, brief};
        use netmarks_core::application::Application;
        use netmarks_core::why::{NodeScore, PeerShare};

        fn decision(length: usize) -> Decision {
            let name = "x".repeat(length);
            let application = Application::new("ns", &name);
            let peer = PeerShare {
                application: application.clone(),
                pods: 1,
                outbound_bytes_per_second: 1.0,
                inbound_bytes_per_second: 1.0,
            };
            let node = NodeScore { peers: vec![peer; PEERS], ..scored(&name, 1) };
            let policy = PolicyDecision {
                policy: "p".into(),
                digest: "d".into(),
                fault: Some(brief(name.repeat(100))),
            };
            Decision {
                application: Some(application),
                policies: vec![policy],
                nodes: vec![node; NODES],
                ..of_pod(&name)
            }
        }

        fn of_id(id: &str) -> DecisionFilter {
            DecisionFilter { id: Some(id.to_owned()), ..DecisionFilter::default() }
        }

        #[test]
        fn who_follows_gets_every_change_once_and_in_order() {
            let decisions = Decisions::new(3);
            for pod in ["a", "b", "c", "d"] {
                decisions.record(Decision { pod: pod.to_owned(), id: Some(pod.to_owned()), ..decision(3) });
            }
            let pods = |after| -> Vec<(u64, String, Option<String>)> {
                let changes = decisions.changes(after, 10).into_iter();
                changes.map(|it| (it.number, it.decision.decision.pod.clone(), it.decision.chosen)).collect()
            };
            let made = |number, pod: &str| (number, pod.to_owned(), None);
            assert_eq!(pods(0), [made(2, "b"), made(3, "c"), made(4, "d")], "the oldest is forgotten");
            assert_eq!((decisions.before_last(2), decisions.before_last(9)), (2, 0));
            decisions.name("c", "shop/c-1");
            decisions.found(&[("b".to_owned(), "n1".to_owned()), ("gone".to_owned(), "n2".to_owned())]);
            decisions.found(&[("b".to_owned(), "n2".to_owned())]);
            assert_eq!(pods(4), [made(5, "shop/c-1"), (6, "b".to_owned(), Some("n1".to_owned()))]);
            assert_eq!(*decisions.follow().borrow(), 6);
            // Whatever the wall clock said when they were made.
            assert_eq!(decisions.sought(Instant::now()), ["d", "shop/c-1"]);
            assert!(decisions.sought(Instant::now() + SOUGHT).is_empty());
            let all = decisions.recent(10, &DecisionFilter::default());
            let page = DecisionFilter { before: Some(all[0].serial.clone()), ..DecisionFilter::default() };
            assert_eq!(decisions.recent(10, &page).len(), 2);
            let one = DecisionFilter { serial: Some(all[1].serial.clone()), ..DecisionFilter::default() };
            assert_eq!(decisions.recent(10, &one)[0].serial, all[1].serial);
            let other = DecisionFilter { serial: Some("0-1".to_owned()), ..DecisionFilter::default() };
            assert!(decisions.recent(10, &other).is_empty(), "of another run");
        }

        /// The largest that the door lets through, and larger ones.
        #[test]
        fn a_ring_full_of_the_largest_stays_within_its_budget() {
            for (length, count) in [(253, 2_000), (1 << 14, 100)] {
                let largest = decision(length);
                let text = serde_json::to_string(&largest).unwrap().len();
                assert!(largest.bytes() > text / 2, "{} counted of {text}", largest.bytes());
                let decisions = Decisions::new(100_000);
                for _ in 0..count {
                    decisions.record(decision(length));
                }
                let kept: Vec<_> = decisions.recent(usize::MAX, &DecisionFilter::default());
                let held: usize = kept.iter().map(|kept| kept.decision.bytes()).sum();
                assert!(held <= BYTES && held > BYTES / 2, "{held} bytes of {length}");
            }
        }

        #[test]
        fn a_decision_is_found_by_its_id_and_gets_the_name_of_its_pod() {
            let decisions = Decisions::new(10);
            decisions.record(Decision { id: Some("u-1".to_owned()), ..decision(3) });
            decisions.record(decision(3));
            decisions.name("u-2", "shop/other");
            decisions.name("u-1", "shop/web-abc");
            let named = DecisionFilter { pod: Some("shop/web-abc".to_owned()), ..DecisionFilter::default() };
            let found = decisions.recent(10, &named);
            assert_eq!(found.len(), 1);
            assert_eq!(decisions.recent(10, &of_id("u-1"))[0].decision.pod, "shop/web-abc");
            assert!(decisions.recent(10, &of_id("u-2")).is_empty());
        }

        #[test]
        fn one_beyond_the_whole_budget_is_not_kept() {
            let decisions = Decisions::new(10);
            decisions.record(decision(10));
            decisions.record(decision(1 << 20));
            assert!(decisions.recent(10, &DecisionFilter::default()).len() <= 1);
        }
    }
}
