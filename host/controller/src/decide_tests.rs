//! The rules of [`super`], step by step and in a loop against a world that changes at random.

use netmarks_policies::Settings;
use proptest::prelude::*;

use super::*;
use crate::resource::ConfigMapSource;

fn config_map() -> Place {
    Place::ConfigMap(ConfigMapSource { name: "policies".into(), key: "zone.wasm".into() })
}

fn tag() -> Place {
    Place::Remote { reference: "r.example/zone:v1".parse().unwrap(), pull_secret: None, interval: 60 }
}

fn wish(mode: Mode) -> Wish {
    Wish { settings: Settings::default(), mode }
}

fn problem(kind: Kind) -> Problem {
    Problem { kind, reason: "Because", message: "it is so".into() }
}

const SECOND: Duration = Duration::from_secs(1);

/// What memory asks for after a component was found and submitted with this outcome.
fn after(place: &Place, outcome: Result<(), Problem>, now: Instant) -> Memory {
    let mut memory = Memory::default();
    assert_eq!(memory.next(place, &wish(Mode::Active), now), Next::Fetch, "nothing is known yet");
    memory.found(place, "sha256:1".into(), "mark".into(), now, 0.5);
    assert!(memory.is_submitted("sha256:1", &wish(Mode::Active), now));
    memory.attempted("sha256:1".into(), wish(Mode::Active), outcome, now, 0.5);
    memory
}

#[test]
fn what_is_settled_rests_until_something_changes() {
    let now = Instant::now();
    let active = wish(Mode::Active);
    for outcome in [Ok(()), Err(problem(Kind::Refused)), Err(problem(Kind::Withdrawn))] {
        let mut memory = after(&config_map(), outcome, now);
        let later = now + 1_000_000 * SECOND;
        assert_eq!(memory.next(&config_map(), &active, later), Next::Rest(None));
        assert!(!memory.is_submitted("sha256:1", &active, later), "the same again");
        // Another wish, another place, or a change of the source.
        assert_eq!(memory.next(&config_map(), &wish(Mode::Shadow), later), Next::Fetch);
        assert!(memory.is_submitted("sha256:1", &wish(Mode::Shadow), later));
        assert_eq!(memory.next(&tag(), &active, later), Next::Fetch);
        memory.outdate();
        assert_eq!(memory.next(&config_map(), &active, later), Next::Fetch);
        assert!(memory.is_submitted("sha256:2", &active, later));
    }
}

#[test]
fn a_tag_is_looked_at_in_its_interval_and_a_digest_never() {
    let now = Instant::now();
    let active = wish(Mode::Active);
    let mut memory = after(&tag(), Ok(()), now);
    let due = now + 60 * SECOND;
    assert_eq!(memory.next(&tag(), &active, now), Next::Rest(Some(due)));
    assert_eq!(memory.next(&tag(), &active, due), Next::Look);
    memory.same(due, 0.5);
    assert_eq!(memory.next(&tag(), &active, due), Next::Rest(Some(due + 60 * SECOND)));
    let digest = format!("r.example/zone@sha256:{:064}", 0);
    let pinned = Place::Remote { reference: digest.parse().unwrap(), pull_secret: None, interval: 60 };
    assert_eq!(after(&pinned, Ok(()), now).next(&pinned, &active, due), Next::Rest(None));
}

#[test]
fn failures_are_retried_later_and_later() {
    let mut now = Instant::now();
    let active = wish(Mode::Active);
    let mut memory = Memory::default();
    let mut pauses = Vec::new();
    for _ in 0..11 {
        memory.not_found(&tag(), problem(Kind::Fetch), false, now, 0.5);
        let Next::Rest(Some(due)) = memory.next(&tag(), &active, now) else { panic!("it does not rest") };
        pauses.push(due.duration_since(now).as_secs());
        now = due;
        assert_eq!(memory.next(&tag(), &active, now), Next::Fetch);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    // Another place begins anew.
    memory.not_found(&config_map(), problem(Kind::Fetch), false, now, 0.5);
    assert_eq!(memory.next(&config_map(), &active, now), Next::Rest(Some(now + SECOND)));

    let mut memory = after(&config_map(), Err(problem(Kind::Passing)), now);
    assert!(!memory.is_submitted("sha256:1", &active, now));
    now += SECOND;
    assert_eq!(memory.next(&config_map(), &active, now), Next::Fetch);
    assert!(memory.is_submitted("sha256:1", &active, now));
    memory.attempted("sha256:1".into(), active.clone(), Err(problem(Kind::Blocked)), now, 0.5);
    assert_eq!(memory.next(&config_map(), &active, now), Next::Rest(Some(now + 2 * SECOND)));
}

#[test]
fn silence_is_no_news_at_first() {
    let start = Instant::now();
    let active = wish(Mode::Active);
    let standing = Standing { wanted: Some((Mode::Active, None)), ..Standing::default() };
    let silent = |memory: &mut Memory, now| {
        memory.not_found(&tag(), problem(Kind::Unreachable), true, now, 0.5);
        memory.saying(&active, &standing).state
    };
    let mut memory = after(&tag(), Ok(()), start);
    let mut now = start + 60 * SECOND;
    let mut states = Vec::new();
    for _ in 0..7 {
        assert_eq!(memory.next(&tag(), &active, now), Next::Look);
        states.push((now.duration_since(start).as_secs(), silent(&mut memory, now)));
        let Next::Rest(Some(due)) = memory.next(&tag(), &active, now) else { panic!("it does not rest") };
        now = due;
    }
    assert!(states[..6].iter().all(|(_, state)| *state == ReplicaState::Active), "{states:?}");
    // The first look was due after 60 s; 1 + 2 + 4 + 8 + 16 + 32 s later it is news.
    assert_eq!(states[6], (123, ReplicaState::FetchFailed));
    // An answer makes good; an answer that refuses is news at once; and so is silence when the bytes are needed.
    let mut memory = after(&tag(), Ok(()), start);
    silent(&mut memory, start);
    memory.same(start, 0.5);
    assert_eq!(memory.next(&tag(), &active, start), Next::Rest(Some(start + 60 * SECOND)));
    memory.not_found(&tag(), problem(Kind::Fetch), true, start, 0.5);
    assert_eq!(memory.saying(&active, &standing).state, ReplicaState::FetchFailed);
    let mut memory = after(&tag(), Ok(()), start);
    memory.not_found(&tag(), problem(Kind::Unreachable), false, start, 0.5);
    assert_eq!(memory.saying(&active, &standing).state, ReplicaState::FetchFailed);
}

#[test]
fn what_is_said_follows_from_the_last_step_and_the_registry() {
    let now = Instant::now();
    let active = wish(Mode::Active);
    let standing = |wanted: Option<(Mode, Option<&str>)>| Standing {
        wanted: wanted.map(|(mode, reason)| (mode, reason.map(str::to_owned))),
        ..Standing::default()
    };
    let said = |memory: &Memory, standing: &Standing| {
        let Saying { state, reason, .. } = memory.saying(&active, standing);
        (state, reason)
    };
    let none = Standing::default();
    assert_eq!(said(&Memory::default(), &none), (ReplicaState::Pending, "Fetching"));
    for (kind, state) in [
        (Kind::Refused, ReplicaState::Rejected),
        (Kind::Blocked, ReplicaState::Rejected),
        (Kind::Withdrawn, ReplicaState::Degraded),
        (Kind::Passing, ReplicaState::Pending),
    ] {
        assert_eq!(said(&after(&tag(), Err(problem(kind)), now), &none), (state, "Because"));
    }
    let mut taken = after(&tag(), Ok(()), now);
    assert_eq!(said(&taken, &standing(Some((Mode::Active, None)))), (ReplicaState::Active, "Active"));
    assert_eq!(said(&taken, &standing(Some((Mode::Ready, None)))), (ReplicaState::Degraded, "RolledBack"));
    assert_eq!(said(&taken, &none), (ReplicaState::Degraded, "RolledBack"));
    let faulty = standing(Some((Mode::Ready, Some("slow"))));
    assert_eq!(said(&taken, &faulty), (ReplicaState::Degraded, "TooManyFaults"));
    taken.not_found(&tag(), problem(Kind::Fetch), true, now, 0.5);
    assert_eq!(said(&taken, &faulty), (ReplicaState::FetchFailed, "Because"));
}

/// What can happen between two turns of a worker.
#[derive(Clone, Debug)]
enum Change {
    Wish(Mode),
    Content(u8),
    Unreachable(bool),
    Judgement(Option<Kind>),
    Pass(u64),
}

fn change() -> impl Strategy<Value = Change> {
    let kinds = [Kind::Refused, Kind::Blocked, Kind::Withdrawn, Kind::Passing];
    prop_oneof![
        prop::sample::select(vec![Mode::Active, Mode::Shadow, Mode::Ready]).prop_map(Change::Wish),
        (0u8..3).prop_map(Change::Content),
        any::<bool>().prop_map(Change::Unreachable),
        prop::option::of(prop::sample::select(kinds.to_vec())).prop_map(Change::Judgement),
        (1u64..400).prop_map(Change::Pass),
    ]
}

/// A source, a registry and a clock, and what a worker did with them.
struct World {
    memory: Memory,
    place: Place,
    wish: Wish,
    content: u8,
    unreachable: bool,
    judgement: Option<Kind>,
    now: Instant,
    submitted: Vec<(u8, Mode)>,
}

impl World {
    /// As a worker does: acts until there is nothing to do now. Returns when there will be.
    fn settle(&mut self) -> Option<Instant> {
        for _ in 0..4 {
            let next = self.memory.next(&self.place, &self.wish, self.now);
            let digest = format!("sha256:{}", self.content);
            match next {
                Next::Rest(until) => {
                    assert!(until.is_none_or(|until| until > self.now), "it would spin");
                    return until;
                }
                Next::Fetch | Next::Look if self.unreachable => {
                    let (silent, only_looking) = (problem(Kind::Unreachable), next == Next::Look);
                    self.memory.not_found(&self.place, silent, only_looking, self.now, 0.5);
                }
                Next::Look if self.memory.mark() == Some(digest.as_str()) => self.memory.same(self.now, 0.5),
                Next::Fetch | Next::Look => {
                    self.memory.found(&self.place, digest.clone(), digest.clone(), self.now, 0.5);
                    if self.memory.is_submitted(&digest, &self.wish, self.now) {
                        self.submitted.push((self.content, self.wish.mode));
                        let outcome = self.judgement.map_or(Ok(()), |kind| Err(problem(kind)));
                        self.memory.attempted(digest, self.wish.clone(), outcome, self.now, 0.5);
                    }
                }
            }
        }
        panic!("it does not come to rest: {:?}", self.memory);
    }
}

proptest! {
    /// Whatever happens: it comes to rest, nothing settled is submitted twice in a row, and once the world stands still
    /// and is well, what it wants is what was submitted last.
    #[test]
    fn it_settles_whatever_happens(changes in prop::collection::vec(change(), 1..40)) {
        let mut world = World {
            memory: Memory::default(),
            place: tag(),
            wish: wish(Mode::Active),
            content: 0,
            unreachable: false,
            judgement: None,
            now: Instant::now(),
            submitted: Vec::new(),
        };
        for change in changes {
            match change {
                Change::Wish(mode) => world.wish.mode = mode,
                Change::Content(content) => world.content = content,
                Change::Unreachable(unreachable) => world.unreachable = unreachable,
                Change::Judgement(judgement) => world.judgement = judgement,
                Change::Pass(seconds) => world.now += SECOND * u32::try_from(seconds).unwrap(),
            }
            let before = world.submitted.len();
            let settled = world.memory.attempt.as_ref().is_some_and(|attempt| attempt.again.is_none());
            world.settle();
            if settled && before > 0 {
                let repeated = world.submitted[before..].iter().filter(|next| **next == world.submitted[before - 1]);
                prop_assert_eq!(repeated.count(), 0, "settled, and submitted again");
            }
        }
        (world.unreachable, world.judgement) = (false, None);
        for _ in 0..4 {
            if let Some(until) = world.settle() {
                world.now = until;
            }
        }
        world.settle();
        prop_assert_eq!(world.submitted.last(), Some(&(world.content, world.wish.mode)));
    }
}
