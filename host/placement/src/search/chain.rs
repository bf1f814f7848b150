//! One chain of simulated annealing.
//!
//! A step sends a pod, or a group of pods, to a node where a pod of a peer is. Where that node is full, pods that lose little go to the
//! room that was left, to one of their own peers or to any node with room.

use crate::search::assignment::Assignment;
use crate::search::problem::{Problem, Room};

/// Pods that may have to make room for one.
const MOST_EVICTED: usize = 4;

/// Pods, or nodes, that are looked at for each choice.
const SAMPLED: usize = 6;

/// Most pods of one application that a step moves.
const LARGEST_GROUP: u32 = 8;

/// Steps that a chain still does for each pod when it is cancelled.
const LAST_STEPS: u64 = 5;

/// One step in so many moves a group.
const GROUP_EVERY: u32 = 5;

/// How far pods that give way may send away others in turn.
const DEPTH: u32 = 2;

/// How often it is looked whether to give up, in steps.
const CANCEL_EVERY: u64 = 1 << 12;

/// The loss that is taken with probability 1/e at the start and at the end, in bytes per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Temperatures {
    pub(crate) hot: f64,
    pub(crate) cold: f64,
}

impl Temperatures {
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { hot: self.hot * factor, cold: self.cold * factor }
    }
}

pub(crate) struct Chain<'a> {
    pub(crate) assignment: Assignment<'a>,
    random: fastrand::Rng,
    /// What the step under way has moved, and from where.
    undo: Vec<(usize, Option<usize>)>,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(assignment: Assignment<'a>, seed: u64) -> Self {
        Self { assignment, random: fastrand::Rng::with_seed(seed), undo: Vec::new() }
    }

    fn problem(&self) -> &'a Problem<'a> {
        self.assignment.problem
    }

    /// Tries so many steps with `pods`, or fewer if `cancelled` says so.
    pub(crate) fn anneal(
        &mut self,
        pods: &[usize],
        steps: u64,
        temperatures: Temperatures,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) {
        let Temperatures { hot, cold } = temperatures;
        let mut temperature = hot;
        let falls = (cold / hot).powf(CANCEL_EVERY as f64 / steps.max(1) as f64);
        let (mut step, mut steps) = (0, steps);
        while step < steps {
            if step % CANCEL_EVERY == 0 && step > 0 {
                temperature *= falls;
                if temperature > cold && cancelled() {
                    // It must not end hot.
                    temperature = cold;
                    steps = steps.min(step + LAST_STEPS * pods.len() as u64);
                }
            }
            step += 1;
            let Some(pod) = self.random.choice(pods).copied() else { return };
            let gain =
                if self.random.u32(..GROUP_EVERY) == 0 { self.send_group(pod) } else { self.send_one(pod) };
            match gain {
                Some(gain) if gain >= 0.0 || self.random.f64() < (gain / temperature).exp() => {
                    self.undo.clear();
                }
                _ => self.take_back(),
            }
        }
    }

    /// Puts a pod that is nowhere on a node, with others sent away from there. Whether that could be done.
    pub(crate) fn squeeze_in(&mut self, pod: usize, node: usize) -> bool {
        let done = self.make_room(pod, node, None, None, DEPTH).is_some();
        if done {
            self.shift(pod, Some(node));
            self.undo.clear();
        } else {
            self.take_back();
        }
        done
    }

    fn shift(&mut self, pod: usize, to: Option<usize>) -> f64 {
        self.undo.push((pod, self.assignment.node(pod)));
        let before = self.assignment.price_of(pod);
        self.assignment.shift(pod, to) + before - self.assignment.price_of(pod)
    }

    fn take_back(&mut self) {
        while let Some((pod, from)) = self.undo.pop() {
            self.assignment.shift(pod, from);
        }
    }

    /// Moves a pod beside a peer. Returns what that gains; `None`, with the moves so far not taken back, if it cannot be done.
    fn send_one(&mut self, pod: usize) -> Option<f64> {
        let application = self.problem().application(pod)?;
        let target = self.beside_a_peer(application)?;
        let from = self.assignment.node(pod);
        if from == Some(target) || !(self.problem().allowed)(pod, target) {
            return None;
        }
        // It leaves first, so that others can take its place.
        let mut gain = self.shift(pod, None);
        gain += self.make_room(pod, target, from, Some(application), DEPTH)?;
        gain += self.shift(pod, Some(target));
        Some(gain)
    }

    /// Moves pods of one application, and with them as large a part of a peer, from one node to another.
    fn send_group(&mut self, pod: usize) -> Option<f64> {
        let problem = self.problem();
        let application = problem.application(pod)?;
        let from = self.assignment.node(pod)?;
        let target = if self.random.u32(..GROUP_EVERY) == 0 {
            self.random.usize(..problem.nodes().max(1))
        } else {
            self.beside_a_peer(application)?
        };
        if target == from {
            return None;
        }
        let here = self.assignment.count(application, from);
        let size = 1 + self.random.u32(..here.clamp(1, LARGEST_GROUP));
        let mut group = Vec::with_capacity(2 * LARGEST_GROUP as usize);
        self.pick(application, from, size, &mut group);
        if self.random.bool() {
            let peer = self.peer(application)?;
            let part = f64::from(size) * problem.share(application) / problem.share(peer);
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number of pods, cut to a few"
            )]
            let part = part.round().clamp(1.0, f64::from(LARGEST_GROUP)) as u32;
            self.pick(peer, from, part, &mut group);
        }
        let mut gain = 0.0;
        for pod in &group {
            if !(problem.allowed)(*pod, target) {
                return None;
            }
            gain += self.shift(*pod, None);
        }
        for pod in group {
            gain += self.make_room(pod, target, Some(from), Some(application), DEPTH)?;
            gain += self.shift(pod, Some(target));
        }
        Some(gain)
    }

    /// Adds movable pods of an application that are on a node to a group.
    fn pick(&self, application: usize, node: usize, most: u32, group: &mut Vec<usize>) {
        let problem = self.problem();
        let here = self.assignment.on_node(node).iter().copied();
        let pods =
            here.filter(|pod| problem.application(*pod) == Some(application) && !problem.is_fixed(*pod));
        group.extend(pods.take(most as usize));
    }

    /// One of an application's peers; heavier ones more often.
    fn peer(&mut self, application: usize) -> Option<usize> {
        let peers = self.problem().peers(application);
        let mut left = self.random.f64() * self.problem().traffic(application);
        let chosen = peers.iter().find(|peer| {
            left -= peer.bytes();
            left <= 0.0
        });
        Some(chosen.or(peers.last())?.application)
    }

    /// A node that has a pod of one of the application's peers.
    fn beside_a_peer(&mut self, application: usize) -> Option<usize> {
        let of = self.peer(application).unwrap_or(application);
        let pod = self.random.choice(self.problem().pods(of)).copied()?;
        self.assignment.node(pod)
    }

    /// Sends pods away from `node` until `pod` fits. Returns what that gains.
    fn make_room(
        &mut self,
        pod: usize,
        node: usize,
        back: Option<usize>,
        keep: Option<usize>,
        depth: u32,
    ) -> Option<f64> {
        if !self.assignment.is_below_caps(pod, node) {
            return None;
        }
        let mut gain = 0.0;
        for _ in 0..MOST_EVICTED {
            if self.assignment.fits(pod, node) {
                return Some(gain);
            }
            gain += self.evict(pod, node, back, keep, depth)?;
        }
        self.assignment.fits(pod, node).then_some(gain)
    }

    /// Sends away from `node` the one of some pods that loses least for the room that it makes for `pod`.
    fn evict(
        &mut self,
        pod: usize,
        node: usize,
        back: Option<usize>,
        keep: Option<usize>,
        depth: u32,
    ) -> Option<f64> {
        let problem = self.problem();
        let missing = problem.requests(pod).minus(self.assignment.room(node));
        let mut cheapest: Option<(usize, f64)> = None;
        for _ in 0..SAMPLED {
            let Some(other) = self.random.choice(self.assignment.on_node(node)).copied() else { break };
            let application = problem.application(other);
            if (application.is_some() && application == keep) || problem.is_fixed(other) {
                continue;
            }
            let part = part(problem.requests(other), missing);
            if part <= 0.0 {
                continue;
            }
            let loss = self.assignment.loss(other) / part;
            if cheapest.is_none_or(|(_, least)| loss < least) {
                cheapest = Some((other, loss));
            }
        }
        let (other, _) = cheapest?;
        let gain = self.shift(other, None);
        if let Some(to) = self.elsewhere(other, node, back) {
            return Some(gain + self.shift(other, Some(to)));
        }
        if depth == 0 {
            return None;
        }
        let to =
            match problem.application(other).filter(|_| !problem.is_indifferent(other) && self.random.bool())
            {
                Some(of) => self.beside_a_peer(of)?,
                None => self.random.usize(..problem.nodes().max(1)),
            };
        if to == node || Some(to) == back || !(problem.allowed)(other, to) {
            return None;
        }
        let made = self.make_room(other, to, back, keep, depth - 1)?;
        Some(gain + made + self.shift(other, Some(to)))
    }

    /// Where a pod that was sent away from `node` loses least, of some nodes.
    fn elsewhere(&mut self, pod: usize, node: usize, back: Option<usize>) -> Option<usize> {
        let problem = self.problem();
        let indifferent = problem.is_indifferent(pod);
        let mut best: Option<(usize, f64)> = None;
        for choice in 0..SAMPLED {
            let to = match choice {
                0 => back,
                1 | 2 if !indifferent => problem.application(pod).and_then(|of| self.beside_a_peer(of)),
                _ => Some(self.random.usize(..problem.nodes().max(1))),
            };
            let Some(to) = to.filter(|to| *to != node && self.assignment.may_go(pod, *to)) else { continue };
            if indifferent {
                return Some(to);
            }
            let gain = self.assignment.gain_there(pod, to);
            if best.is_none_or(|(_, most)| gain > most) {
                best = Some((to, gain));
            }
        }
        best.map(|(to, _)| to)
    }
}

/// How much (up to 1) of what is missing a pod makes free: the scarcest counts.
fn part(requests: Room, missing: Room) -> f64 {
    let part = |requests: i64, missing: i64| {
        if missing > 0 { (requests as f64 / missing as f64).min(1.0) } else { 1.0 }
    };
    part(requests.cpu_millicores, missing.cpu_millicores)
        .min(part(requests.memory_bytes, missing.memory_bytes))
        .min(part(requests.pods, missing.pods))
}
