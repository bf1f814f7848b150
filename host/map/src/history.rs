//! The last moments of a cluster: the oldest as a whole, and what changed from each to the next.
//!
//! Nodes and applications are numbered by name as they are first seen. When most numbers are of what is gone, all is written again;
//! when memory or time is over, the oldest moment gives way.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use netmarks_core::application::Application;
use netmarks_core::facts::Resources;
use serde::Serialize;
use utoipa::ToSchema;

use crate::amounts::Amounts;
use crate::encoding::rounded;
use crate::moment::{NOWHERE, State, apply, change};
use crate::scene::{Flow, Node, Placed, Scene, SceneApplication, Zone, number};
use crate::split::Splitter;

/// About what one entry of a table takes beside its name.
const ENTRY: usize = 48;

/// One moment that can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Frame {
    /// When it was, in seconds since the Unix epoch.
    pub at: f64,
    /// Running or starting.
    pub pods: u32,
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// Holds the last moments.
#[derive(Debug)]
pub struct History {
    most_bytes: usize,
    seconds: f64,
    nodes: Names<Node>,
    applications: Names<About>,
    oldest: State,
    newest: State,
    frames: VecDeque<(Frame, Box<[u8]>)>,
    bytes_of_frames: usize,
    /// Numbers that were in use when all was last written again.
    used: usize,
}

/// What is known of an application beside its pods and flows.
#[derive(Clone, Debug, PartialEq)]
struct About {
    replicas: u32,
    requests: Resources,
    local_routing: bool,
}

/// Numbers for names, each with what was last known of it.
#[derive(Clone, Debug)]
struct Names<T> {
    numbers: HashMap<Arc<str>, u32, RandomState>,
    entries: Vec<(Arc<str>, T, Zone)>,
    bytes: usize,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), entries: Vec::new(), bytes: 0 }
    }
}

impl<T: Clone> Names<T> {
    /// The number of a name, of which now this is known.
    fn number(&mut self, name: &str, known: &T, zone: &Zone) -> u32 {
        if let Some(found) = self.numbers.get(name) {
            if let Some(entry) = self.entries.get_mut(*found as usize) {
                entry.1 = known.clone();
                entry.2 = zone.clone();
            }
            return *found;
        }
        let found = number(self.entries.len());
        let name: Arc<str> = name.into();
        let zone_bytes = [&zone.name, &zone.region].into_iter().flatten().map(String::len).sum::<usize>();
        self.bytes += 2 * name.len() + zone_bytes + ENTRY + size_of::<(Arc<str>, T, Zone)>();
        self.numbers.insert(name.clone(), found);
        self.entries.push((name, known.clone(), zone.clone()));
        found
    }
}

impl History {
    /// Keeps what was in the last `seconds`, in at most about `most_bytes`; 0 keeps nothing.
    #[must_use]
    pub fn new(most_bytes: usize, seconds: f64) -> Self {
        Self {
            most_bytes,
            seconds,
            nodes: Names::default(),
            applications: Names::default(),
            oldest: State::default(),
            newest: State::default(),
            frames: VecDeque::new(),
            bytes_of_frames: 0,
            used: 0,
        }
    }

    /// About how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let names = self.nodes.bytes + self.applications.bytes;
        names + self.oldest.bytes() + self.newest.bytes() + self.bytes_of_frames
    }

    /// How much it may take.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// What can be asked for, the oldest first.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.frames.iter().map(|(frame, _)| *frame).collect()
    }

    /// Keeps `scene`, which is of the time `at` (seconds since the Unix epoch). After a clock that went back, what is of a later time is
    /// forgotten.
    pub fn push(&mut self, at: f64, scene: &Scene) {
        if self.most_bytes == 0 {
            return;
        }
        if self.frames.back().is_some_and(|(last, _)| last.at >= at) {
            *self = Self::new(self.most_bytes, self.seconds);
        }
        let state = self.state(scene);
        let frame = Frame {
            at,
            pods: scene.nodes.iter().fold(0, |sum, node| sum.saturating_add(node.pods)),
            amounts: totals(scene),
        };
        if self.frames.is_empty() {
            self.oldest = state.clone();
            self.newest = state;
            self.frames.push_back((frame, Box::default()));
            self.bytes_of_frames += ENTRY + size_of::<Frame>();
        } else {
            let change = change(&self.newest, &state);
            apply(&mut self.newest, &change);
            self.bytes_of_frames += change.len() + ENTRY + size_of::<Frame>();
            self.frames.push_back((frame, change));
        }
        while self.frames.len() > 1 && (self.is_over(at) || self.bytes() > self.most_bytes) {
            self.forget_oldest();
        }
        if self.nodes.entries.len() + self.applications.entries.len() > 2 * self.used + 1024 {
            self.write_again();
        }
        // One moment alone can be more than all may take.
        if self.bytes() > self.most_bytes {
            *self = Self::new(self.most_bytes, self.seconds);
        }
    }

    /// How the cluster looked at `at` (seconds since the Unix epoch); `None` before the oldest moment, or without any moment.
    #[must_use]
    pub fn at(&self, at: f64) -> Option<Scene> {
        let count = self.frames.iter().take_while(|(frame, _)| frame.at <= at).count();
        if count == 0 {
            return None;
        }
        let mut state = self.oldest.clone();
        for (_, change) in self.frames.iter().take(count).skip(1) {
            apply(&mut state, change);
        }
        Some(self.scene(&state))
    }

    fn is_over(&self, now: f64) -> bool {
        self.frames.front().is_some_and(|(frame, _)| now - frame.at > self.seconds)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, change)) = self.frames.pop_front() {
            self.bytes_of_frames -= change.len() + ENTRY + size_of::<Frame>();
        }
        if let Some((_, change)) = self.frames.front_mut() {
            apply(&mut self.oldest, change);
            self.bytes_of_frames -= change.len();
            *change = Box::default();
        }
    }

    /// Gives numbers only to what is in any of the moments.
    fn write_again(&mut self) {
        let mut again = Self::new(self.most_bytes, self.seconds);
        let mut state = self.oldest.clone();
        for (index, (frame, change)) in self.frames.iter().enumerate() {
            if index > 0 {
                apply(&mut state, change);
            }
            let next = again.state(&self.scene(&state));
            let mut change = Box::default();
            if index == 0 {
                again.oldest = next.clone();
                again.newest = next;
            } else {
                change = self::change(&again.newest, &next);
                apply(&mut again.newest, &change);
            }
            again.bytes_of_frames += change.len() + ENTRY + size_of::<Frame>();
            again.frames.push_back((*frame, change));
        }
        again.used = again.nodes.entries.len() + again.applications.entries.len();
        *self = again;
    }

    fn state(&mut self, scene: &Scene) -> State {
        let zone = |node: &Node| scene.zones.get(node.zone as usize).cloned().unwrap_or_default();
        let mut state = State { flows_at: scene.at, ..State::default() };
        let mut nodes = Vec::with_capacity(scene.nodes.len());
        for node in &scene.nodes {
            let known = Node { name: String::new(), ..node.clone() };
            let found = self.nodes.number(&node.name, &known, &zone(node));
            nodes.push(found);
            state.nodes.insert(found, node.pods);
        }
        let mut applications = Vec::with_capacity(scene.applications.len());
        for application in &scene.applications {
            let SceneApplication { name, placement, replicas, requests, local_routing } = application;
            let about = About { replicas: *replicas, requests: *requests, local_routing: *local_routing };
            let found = self.applications.number(name.as_str(), &about, &Zone::default());
            applications.push(found);
            if placement.is_empty() {
                state.pods.insert((found, NOWHERE), 0);
            }
            for placed in placement {
                if let Some(node) = nodes.get(placed.node as usize) {
                    state.pods.insert((found, *node), placed.pods);
                }
            }
        }
        for flow in &scene.flows {
            let ends = [flow.source, flow.destination].map(|end| applications.get(end as usize).copied());
            if let [Some(source), Some(destination)] = ends {
                state.flows.insert((source, destination), rounded(flow.bytes_per_second));
            }
        }
        state
    }

    fn scene(&self, state: &State) -> Scene {
        let mut rows: Vec<(&Zone, &str, u32, Node)> = Vec::with_capacity(state.nodes.len());
        for (found, pods) in &state.nodes {
            if let Some((name, known, zone)) = self.nodes.entries.get(*found as usize) {
                let node = Node { name: name.to_string(), pods: *pods, ..known.clone() };
                rows.push((zone, name, *found, node));
            }
        }
        rows.sort_unstable_by(|left, right| (left.0, left.1).cmp(&(right.0, right.1)));
        let mut scene = Scene { at: state.flows_at, ..Scene::default() };
        let mut node_of = HashMap::with_capacity(rows.len());
        for (zone, _, found, node) in rows {
            if scene.zones.last() != Some(zone) {
                scene.zones.push(zone.clone());
            }
            node_of.insert(found, number(scene.nodes.len()));
            scene.nodes.push(Node { zone: number(scene.zones.len() - 1), ..node });
        }
        let mut placements: BTreeMap<u32, Vec<Placed>> = BTreeMap::new();
        for ((application, node), pods) in &state.pods {
            let placement = placements.entry(*application).or_default();
            placement.extend(node_of.get(node).map(|node| Placed { node: *node, pods: *pods }));
        }
        let named = |(found, mut placement): (u32, Vec<Placed>)| {
            let (name, about, _) = self.applications.entries.get(found as usize)?;
            placement.sort_unstable_by_key(|placed| placed.node);
            let (namespace, own) = name.split_once('/').unwrap_or(("", name));
            let About { replicas, requests, local_routing } = about.clone();
            let name = Application::new(namespace, own);
            Some((found, SceneApplication { name, placement, replicas, requests, local_routing }))
        };
        let mut applications: Vec<_> = placements.into_iter().filter_map(named).collect();
        applications.sort_unstable_by(|left, right| left.1.name.cmp(&right.1.name));
        let application_of: HashMap<u32, u32> =
            applications.iter().enumerate().map(|(index, (found, _))| (*found, number(index))).collect();
        scene.applications = applications.into_iter().map(|(_, application)| application).collect();
        let flow = |((source, destination), rate): (&(u32, u32), &f32)| {
            Some(Flow {
                source: *application_of.get(source)?,
                destination: *application_of.get(destination)?,
                bytes_per_second: f64::from(*rate),
            })
        };
        scene.flows = state.flows.iter().filter_map(flow).collect();
        scene.flows.sort_unstable_by_key(|flow| (flow.source, flow.destination));
        scene
    }
}

fn totals(scene: &Scene) -> Amounts {
    let mut splitter = Splitter::new(scene);
    let mut totals = Amounts::default();
    for flow in &scene.flows {
        totals += splitter.amounts(flow);
    }
    totals
}
