//! The rules of [`super`], step by step and in a loop against a world that changes at random.

use netmarks_policies::Settings;
use proptest::prelude::*;

use super::*;
use crate::resource::ConfigMapSource;

fn config_map() -> Location {
    Location::ConfigMap(ConfigMapSource { name: "policies".into(), key: "zone.wasm".into() })
}

fn tag() -> Location {
    Location::Remote { reference: "r.example/zone:v1".parse().unwrap(), pull_secret: None, interval: 60 }
}

fn desired(mode: Mode) -> DesiredPolicy {
    DesiredPolicy { settings: Settings::default(), mode }
}

fn failure(kind: FailureKind) -> PolicyFailure {
    PolicyFailure { kind, reason: "Because", message: "it is so".into() }
}

fn digest(content: u8) -> Digest {
    Digest::of(&[content])
}

const SECOND: Duration = Duration::from_secs(1);

/// The history after a component was read and submitted with this result.
fn after(location: &Location, outcome: Result<(), PolicyFailure>, now: Instant) -> History {
    let mut history = History::default();
    assert_eq!(history.next(location, &desired(Mode::Active), now), Next::Fetch, "nothing is known yet");
    history.record_component(location, digest(1), "version".into(), now, 0.5);
    assert!(history.should_submit(&digest(1), &desired(Mode::Active), now));
    history.record_submission(digest(1), desired(Mode::Active), outcome, now, 0.5);
    history
}

#[test]
fn what_is_settled_rests_until_something_changes() {
    let now = Instant::now();
    let active = desired(Mode::Active);
    for outcome in [Ok(()), Err(failure(FailureKind::Rejected)), Err(failure(FailureKind::Withdrawn))] {
        let mut history = after(&config_map(), outcome, now);
        let later = now + 1_000_000 * SECOND;
        assert_eq!(history.next(&config_map(), &active, later), Next::Wait(None));
        assert!(!history.should_submit(&digest(1), &active, later), "the same again");
        // Another desired, another location, or a change of the source.
        assert_eq!(history.next(&config_map(), &desired(Mode::Shadow), later), Next::Fetch);
        assert!(history.should_submit(&digest(1), &desired(Mode::Shadow), later));
        assert_eq!(history.next(&tag(), &active, later), Next::Fetch);
        history.invalidate();
        assert_eq!(history.next(&config_map(), &active, later), Next::Fetch);
        assert!(history.should_submit(&digest(2), &active, later));
    }
}

#[test]
fn a_tag_is_rechecked_in_its_interval_and_a_digest_never() {
    let now = Instant::now();
    let active = desired(Mode::Active);
    let mut history = after(&tag(), Ok(()), now);
    let due = now + 60 * SECOND;
    assert_eq!(history.next(&tag(), &active, now), Next::Wait(Some(due)));
    assert_eq!(history.next(&tag(), &active, due), Next::Recheck);
    history.record_unchanged(due, 0.5);
    assert_eq!(history.next(&tag(), &active, due), Next::Wait(Some(due + 60 * SECOND)));
    let digest = format!("r.example/zone@sha256:{:064}", 0);
    let pinned = Location::Remote { reference: digest.parse().unwrap(), pull_secret: None, interval: 60 };
    assert_eq!(after(&pinned, Ok(()), now).next(&pinned, &active, due), Next::Wait(None));
}

#[test]
fn failures_are_retried_later_and_later() {
    let mut now = Instant::now();
    let active = desired(Mode::Active);
    let mut history = History::default();
    let mut pauses = Vec::new();
    for _ in 0..11 {
        history.record_read_failure(&tag(), failure(FailureKind::Fetch), false, now, 0.5);
        let Next::Wait(Some(due)) = history.next(&tag(), &active, now) else { panic!("it does not rest") };
        pauses.push(due.duration_since(now).as_secs());
        now = due;
        assert_eq!(history.next(&tag(), &active, now), Next::Fetch);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    // Another location starts from the beginning.
    history.record_read_failure(&config_map(), failure(FailureKind::Fetch), false, now, 0.5);
    assert_eq!(history.next(&config_map(), &active, now), Next::Wait(Some(now + SECOND)));

    let mut history = after(&config_map(), Err(failure(FailureKind::Transient)), now);
    assert!(!history.should_submit(&digest(1), &active, now));
    now += SECOND;
    assert_eq!(history.next(&config_map(), &active, now), Next::Fetch);
    assert!(history.should_submit(&digest(1), &active, now));
    history.record_submission(digest(1), active.clone(), Err(failure(FailureKind::Blocked)), now, 0.5);
    assert_eq!(history.next(&config_map(), &active, now), Next::Wait(Some(now + 2 * SECOND)));
}

#[test]
fn an_unreachable_source_is_not_reported_at_first() {
    let start = Instant::now();
    let active = desired(Mode::Active);
    let registered = Registered { desired: Some((Mode::Active, None)), ..Registered::default() };
    let unreachable = |history: &mut History, now| {
        history.record_read_failure(&tag(), failure(FailureKind::Unreachable), true, now, 0.5);
        history.condition(&active, &registered).state
    };
    let mut history = after(&tag(), Ok(()), start);
    let mut now = start + 60 * SECOND;
    let mut states = Vec::new();
    for _ in 0..7 {
        assert_eq!(history.next(&tag(), &active, now), Next::Recheck);
        states.push((now.duration_since(start).as_secs(), unreachable(&mut history, now)));
        let Next::Wait(Some(due)) = history.next(&tag(), &active, now) else { panic!("it does not rest") };
        now = due;
    }
    assert!(states[..6].iter().all(|(_, state)| *state == ReplicaState::Active), "{states:?}");
    // The first recheck was due after 60 s; 1 + 2 + 4 + 8 + 16 + 32 s later its failure is reported.
    assert_eq!(states[6], (123, ReplicaState::FetchFailed));
    // An answer ends the count. A refusal is reported at once, and so is a missing answer when the component is needed.
    let mut history = after(&tag(), Ok(()), start);
    unreachable(&mut history, start);
    history.record_unchanged(start, 0.5);
    assert_eq!(history.next(&tag(), &active, start), Next::Wait(Some(start + 60 * SECOND)));
    history.record_read_failure(&tag(), failure(FailureKind::Fetch), true, start, 0.5);
    assert_eq!(history.condition(&active, &registered).state, ReplicaState::FetchFailed);
    let mut history = after(&tag(), Ok(()), start);
    history.record_read_failure(&tag(), failure(FailureKind::Unreachable), false, start, 0.5);
    assert_eq!(history.condition(&active, &registered).state, ReplicaState::FetchFailed);
}

#[test]
fn the_condition_follows_from_the_last_step_and_the_registry() {
    let now = Instant::now();
    let active = desired(Mode::Active);
    let registered = |desired: Option<(Mode, Option<&str>)>| Registered {
        desired: desired.map(|(mode, reason)| (mode, reason.map(str::to_owned))),
        ..Registered::default()
    };
    let reported = |history: &History, registered: &Registered| {
        let ReplicaCondition { state, reason, .. } = history.condition(&active, registered);
        (state, reason)
    };
    let none = Registered::default();
    assert_eq!(reported(&History::default(), &none), (ReplicaState::Pending, "Fetching"));
    for (kind, state) in [
        (FailureKind::Rejected, ReplicaState::Rejected),
        (FailureKind::Blocked, ReplicaState::Rejected),
        (FailureKind::Withdrawn, ReplicaState::Degraded),
        (FailureKind::Transient, ReplicaState::Pending),
    ] {
        assert_eq!(reported(&after(&tag(), Err(failure(kind)), now), &none), (state, "Because"));
    }
    let mut taken = after(&tag(), Ok(()), now);
    assert_eq!(reported(&taken, &registered(Some((Mode::Active, None)))), (ReplicaState::Active, "Active"));
    assert_eq!(
        reported(&taken, &registered(Some((Mode::Ready, None)))),
        (ReplicaState::Degraded, "RolledBack")
    );
    assert_eq!(reported(&taken, &none), (ReplicaState::Degraded, "RolledBack"));
    let faulty = registered(Some((Mode::Ready, Some("slow"))));
    assert_eq!(reported(&taken, &faulty), (ReplicaState::Degraded, "TooManyFaults"));
    taken.record_read_failure(&tag(), failure(FailureKind::Fetch), true, now, 0.5);
    assert_eq!(reported(&taken, &faulty), (ReplicaState::FetchFailed, "Because"));
}

/// What can happen between two reconciles.
#[derive(Clone, Debug)]
enum Change {
    DesiredPolicy(Mode),
    Content(u8),
    Unreachable(bool),
    Verdict(Option<FailureKind>),
    Pass(u64),
}

fn change() -> impl Strategy<Value = Change> {
    let kinds = [FailureKind::Rejected, FailureKind::Blocked, FailureKind::Withdrawn, FailureKind::Transient];
    prop_oneof![
        prop::sample::select(vec![Mode::Active, Mode::Shadow, Mode::Ready]).prop_map(Change::DesiredPolicy),
        (0u8..3).prop_map(Change::Content),
        any::<bool>().prop_map(Change::Unreachable),
        prop::option::of(prop::sample::select(kinds.to_vec())).prop_map(Change::Verdict),
        (1u64..400).prop_map(Change::Pass),
    ]
}

/// A source, a registry and a clock, and what reconciles did with them.
struct World {
    history: History,
    location: Location,
    desired: DesiredPolicy,
    content: u8,
    unreachable: bool,
    verdict: Option<FailureKind>,
    now: Instant,
    submitted: Vec<(u8, Mode)>,
}

impl World {
    /// Acts as reconciles do until nothing is due; returns when something will be.
    fn settle(&mut self) -> Option<Instant> {
        for _ in 0..4 {
            let next = self.history.next(&self.location, &self.desired, self.now);
            let digest = digest(self.content);
            let version = digest.to_string();
            match next {
                Next::Wait(until) => {
                    assert!(until.is_none_or(|until| until > self.now), "it would spin");
                    return until;
                }
                Next::Fetch | Next::Recheck if self.unreachable => {
                    let (failure, is_recheck) = (failure(FailureKind::Unreachable), next == Next::Recheck);
                    self.history.record_read_failure(&self.location, failure, is_recheck, self.now, 0.5);
                }
                Next::Recheck if self.history.version() == Some(version.as_str()) => {
                    self.history.record_unchanged(self.now, 0.5);
                }
                Next::Fetch | Next::Recheck => {
                    self.history.record_component(&self.location, digest, version, self.now, 0.5);
                    if self.history.should_submit(&digest, &self.desired, self.now) {
                        self.submitted.push((self.content, self.desired.mode));
                        let outcome = self.verdict.map_or(Ok(()), |kind| Err(failure(kind)));
                        self.history.record_submission(digest, self.desired.clone(), outcome, self.now, 0.5);
                    }
                }
            }
        }
        panic!("it does not come to rest: {:?}", self.history);
    }
}

proptest! {
    /// Whatever happens: it comes to rest, nothing settled is submitted twice in a row, and once the world stands still
    /// and is well, what it wants is what was submitted last.
    #[test]
    fn it_settles_whatever_happens(changes in prop::collection::vec(change(), 1..40)) {
        let mut world = World {
            history: History::default(),
            location: tag(),
            desired: desired(Mode::Active),
            content: 0,
            unreachable: false,
            verdict: None,
            now: Instant::now(),
            submitted: Vec::new(),
        };
        for change in changes {
            match change {
                Change::DesiredPolicy(mode) => world.desired.mode = mode,
                Change::Content(content) => world.content = content,
                Change::Unreachable(unreachable) => world.unreachable = unreachable,
                Change::Verdict(verdict) => world.verdict = verdict,
                Change::Pass(seconds) => world.now += SECOND * u32::try_from(seconds).unwrap(),
            }
            let before = world.submitted.len();
            let settled = world.history.submission.as_ref().is_some_and(|submission| submission.retry_at.is_none());
            world.settle();
            if settled && before > 0 {
                let repeated = world.submitted[before..].iter().filter(|next| **next == world.submitted[before - 1]);
                prop_assert_eq!(repeated.count(), 0, "settled, and submitted again");
            }
        }
        (world.unreachable, world.verdict) = (false, None);
        for _ in 0..4 {
            if let Some(until) = world.settle() {
                world.now = until;
            }
        }
        world.settle();
        prop_assert_eq!(world.submitted.last(), Some(&(world.content, world.desired.mode)));
    }
}
