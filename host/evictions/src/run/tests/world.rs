//! What holds whatever happens while a run is under way: refusals, lost answers, restarts, and others that change the cluster.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// What a world does in a moment; numbers choose among what is there.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// The next questions are answered so.
    Refuse,
    LoseAnswer {
        done: bool,
    },
    /// The program dies and is started again.
    Kill,
    /// Somebody deletes a pod.
    Delete(usize),
    /// Somebody wants a pod less.
    ScaleDown,
    /// A node is cordoned, and may be used again the next time.
    Cordon,
    /// A terminating pod ends.
    End,
    /// A controller replaces what it lacks, on the target or elsewhere.
    Replace {
        on_target: bool,
    },
    /// So many seconds pass.
    Pass(u64),
    Worse(bool),
    /// How many pods the controller wants is known from now as of then, or as it is.
    Stale(bool),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        2 => Just(Turn::Refuse),
        1 => any::<bool>().prop_map(|done| Turn::LoseAnswer { done }),
        1 => Just(Turn::Kill),
        1 => (0..4_usize).prop_map(Turn::Delete),
        1 => Just(Turn::ScaleDown),
        1 => Just(Turn::Cordon),
        8 => Just(Turn::End),
        8 => prop::bool::weighted(0.8).prop_map(|on_target| Turn::Replace { on_target }),
        4 => (1..200_u64).prop_map(Turn::Pass),
        1 => any::<bool>().prop_map(Turn::Worse),
        1 => any::<bool>().prop_map(Turn::Stale),
    ];
    prop::collection::vec(turn, 0..80)
}

/// Pods of one controller, and the run that moves them.
struct World {
    setting: Setting,
    limits: Limits,
    pods: BTreeMap<String, PodSeen>,
    replicas: usize,
    /// How many pods the controller wanted when it was last looked at, where that is not now.
    stale: Option<usize>,
    made: usize,
    now: u64,
    journal: Vec<Event>,
    evicted: BTreeSet<String>,
    /// The uid of the pod whose eviction came to nothing, and nobody was told.
    unanswered: Option<String>,
}

impl World {
    fn new(replicas: usize, limits: Limits, gains: &[f64]) -> Self {
        let names: Vec<String> = (0..replicas).map(|index| format!("cart-{index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut setting = Setting::new(&names, limits);
        let moves = setting.run.moves().iter().zip(gains);
        let moves = moves.map(|(planned, gain)| Move { gain: *gain, ..planned.clone() });
        setting.run = Run::new(moves.collect(), limits, &[]);
        let pods = names
            .iter()
            .map(|name| ((*name).to_owned(), pod(&format!("uid-{name}"), Some("a"), "ReplicaSet")));
        Self {
            setting,
            limits,
            pods: pods.collect(),
            replicas,
            stale: None,
            made: replicas,
            now: 0,
            journal: Vec::new(),
            evicted: BTreeSet::new(),
            unanswered: None,
        }
    }

    fn see(&mut self, name: &str, seen: Option<PodSeen>) {
        self.setting.set(name, seen.clone());
        match seen {
            Some(seen) => drop(self.pods.insert(name.to_owned(), seen)),
            None => drop(self.pods.remove(name)),
        }
    }

    fn terminate(&mut self, name: &str) {
        if let Some(seen) = self.pods.get(name).cloned() {
            self.see(name, Some(PodSeen { terminating: true, ready: false, ..seen }));
        }
    }

    fn record(&mut self, event: Event) {
        self.setting.happens(&event, self.now);
        if matches!(event, Event::Skipped { .. } | Event::Replaced { .. } | Event::Unreplaced { .. }) {
            self.unanswered = None;
        }
        self.journal.push(event);
    }

    fn happens(&mut self, turn: Turn) {
        let terminating = |seen: &PodSeen| seen.terminating;
        match turn {
            Turn::Refuse | Turn::LoseAnswer { .. } => {}
            Turn::Kill => {
                let moves = self.setting.run.moves().to_vec();
                self.setting.run = Run::new(moves, self.limits, &self.journal);
                self.now = 0;
                self.setting.health = Health::Fine;
            }
            Turn::Delete(index) => {
                if let Some((name, seen)) =
                    self.pods.iter().nth(index).map(|(name, seen)| (name.clone(), seen.clone()))
                {
                    // Nobody can tell that from an eviction whose answer was lost.
                    if self.unanswered.as_ref() == Some(&seen.uid) {
                        self.evicted.insert(seen.uid);
                    }
                    self.terminate(&name);
                }
            }
            Turn::ScaleDown => {
                self.replicas = self.replicas.saturating_sub(1);
                let alive: Vec<usize> = self
                    .pods
                    .values()
                    .enumerate()
                    .filter(|(_, seen)| !terminating(seen))
                    .map(|(index, _)| index)
                    .collect();
                if let Some(last) = alive.last().filter(|_| alive.len() > self.replicas) {
                    self.happens(Turn::Delete(*last));
                }
            }
            Turn::Cordon => {
                let ready = self.setting.node == NodeSeen::Ready;
                self.setting.node = if ready { NodeSeen::Cordoned } else { NodeSeen::Ready };
            }
            Turn::End => {
                let ended =
                    self.pods.iter().find(|(_, seen)| terminating(seen)).map(|(name, _)| name.clone());
                if let Some(name) = ended {
                    self.see(&name, None);
                }
            }
            Turn::Replace { on_target } => {
                if self.pods.values().filter(|seen| !terminating(seen)).count() < self.replicas {
                    let node = if on_target { "b" } else { "c" };
                    let name = format!("cart-{}", self.made);
                    self.made += 1;
                    self.see(&name, Some(pod(&format!("uid-{name}"), Some(node), "ReplicaSet")));
                }
            }
            Turn::Pass(seconds) => self.now += seconds,
            Turn::Stale(stale) => self.stale = stale.then_some(self.replicas),
            Turn::Worse(worse) => {
                self.setting.health = match worse {
                    true => Health::Worse { since: seconds(self.now), why: "errors".to_owned() },
                    false => Health::Fine,
                };
            }
        }
    }

    /// Does what the run says, once; whether it has ended.
    fn step(&mut self, answer: Option<Turn>) -> bool {
        let wants = u32::try_from(self.stale.unwrap_or(self.replicas)).unwrap();
        self.setting.controller = Some(ControllerSeen::Wants(wants));
        match self.setting.next(self.now) {
            Action::Finish | Action::Stop(_) => return true,
            Action::Record { event, .. } => {
                if matches!(event, Event::Unreplaced { .. }) {
                    let alive = self.pods.values().filter(|seen| !seen.terminating).count();
                    assert!(alive >= self.replicas, "a replacement comes: {alive} of {}", self.replicas);
                }
                self.record(event);
            }
            Action::Wait { until } => assert!(until > seconds(self.now), "it waits for the past"),
            Action::Measure | Action::Look { .. } | Action::See { .. } => unreachable!("all are known"),
            Action::Evict { number, event } => {
                let name = self.setting.run.moves()[number].parts().1.to_owned();
                let Event::Evicting(subject) = &event else { panic!("{event:?}") };
                let seen = self.pods.get(&name).cloned().unwrap();
                assert_eq!(
                    (&seen.uid, seen.node.as_deref(), seen.terminating),
                    (&subject.pod_uid, Some("a"), false)
                );
                assert_eq!(self.setting.node, NodeSeen::Ready, "the target takes pods");
                assert!(self.setting.health == Health::Fine);
                let under_way = self.journal.iter().fold(0, |under_way, event| match event {
                    Event::Evicted => under_way + 1,
                    Event::Replaced { .. } | Event::Unreplaced { .. } => under_way - 1,
                    _ => under_way,
                });
                assert_eq!(under_way, 0, "one at a time");
                self.record(event.clone());
                self.unanswered = None;
                let done = match answer {
                    Some(Turn::Refuse) => {
                        self.record(refused());
                        return false;
                    }
                    Some(Turn::LoseAnswer { done }) => {
                        self.record(Event::Unanswered { error: "lost".to_owned() });
                        self.unanswered = (!done).then(|| seen.uid.clone());
                        done
                    }
                    _ => {
                        self.record(Event::Evicted);
                        true
                    }
                };
                if done {
                    assert!(self.evicted.insert(seen.uid), "a pod is evicted once");
                    self.terminate(&name);
                }
            }
        }
        false
    }
}

proptest! {
    #[test]
    fn whatever_happens_one_pod_at_a_time_is_evicted_as_planned_and_once(
        turns in turns(), replicas in 1..5_usize, most_elsewhere in 0..4_u32,
        gains in prop::collection::vec(-200.0..1_000.0_f64, 4),
    ) {
        let limits = Limits { most_elsewhere, patience: seconds(300), ..Limits::default() };
        let mut world = World::new(replicas, limits, &gains);
        for turn in turns {
            world.happens(turn);
            world.step(Some(turn));
            let again = Run::new(world.setting.run.moves().to_vec(), limits, &world.journal);
            prop_assert_eq!(again.outcomes(), world.setting.run.outcomes());
            prop_assert_eq!(again.is_evicted(), world.setting.run.is_evicted());
            for (planned, outcome) in again.moves().iter().zip(again.outcomes()) {
                let evicted = world.evicted.contains(&format!("uid-{}", planned.parts().1));
                let ended = !matches!(outcome, Outcome::Skipped(_));
                prop_assert_eq!(evicted, ended, "{}: {:?}", &planned.pod, outcome);
            }
        }
        // Left alone, it ends, and soon.
        world.setting.health = Health::Fine;
        world.stale = None;
        for _ in 0..200 {
            for turn in [Turn::End, Turn::Replace { on_target: true }, Turn::Pass(30)] {
                world.happens(turn);
            }
            if world.step(None) {
                let all = world.setting.run.is_finished();
                prop_assert!(all || matches!(world.setting.next(world.now), Action::Stop(_)));
                return Ok(());
            }
        }
        prop_assert!(false, "it goes on: {:?}", world.setting.next(world.now));
    }
}
