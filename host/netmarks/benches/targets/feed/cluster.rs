//! The objects of the cluster, and what changed, in the order of their versions.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use netmarks_core::application::Application;
use netmarks_core::facts::{NodeFacts, PodFacts};
use serde_json::Value;
use tokio::sync::watch;

use super::objects::{Kind, PodWriter, deployment, node, service};

/// Events that a watch can be resumed from; older ones are gone, as in an API server.
const REMEMBERED: usize = 50_000;

/// Holds what is listed and watched.
pub struct Cluster {
    writer: PodWriter,
    /// Lists that never change, by the path of their resource.
    fixed: HashMap<&'static str, Vec<Value>>,
    state: Mutex<State>,
    /// The version of the last change.
    version: watch::Sender<u64>,
}

struct State {
    /// By number, which is the order of lists.
    pods: BTreeMap<u64, (PodFacts, u64)>,
    numbers: HashMap<String, u64>,
    version: u64,
    /// Each is one line of a watch, with its version.
    events: VecDeque<(u64, Bytes)>,
    listing: Duration,
    listed_bytes: u64,
}

/// One page of a list, as JSON of its items.
pub struct Page {
    pub items: String,
    pub version: u64,
    /// What the next page begins after, if there is one.
    pub next: Option<u64>,
}

/// What a watch has to send.
pub enum News {
    Events(Vec<Bytes>, u64),
    /// What it asks for is forgotten.
    Expired,
}

impl Cluster {
    pub fn new(nodes: &[NodeFacts], pods: &[PodFacts]) -> Self {
        let mut replicas: BTreeMap<Application, u32> = BTreeMap::new();
        for application in pods.iter().filter_map(|pod| pod.application.clone()) {
            *replicas.entry(application).or_default() += 1;
        }
        let fixed = HashMap::from([
            ("nodes", nodes.iter().map(node).collect()),
            (
                "deployments",
                replicas.iter().map(|(application, count)| deployment(application, *count)).collect(),
            ),
            ("services", replicas.keys().map(service).collect()),
            ("statefulsets", Vec::new()),
        ]);
        let numbered = || pods.iter().zip(1u64..);
        let state = State {
            numbers: numbered().map(|(pod, number)| (pod.key.clone(), number)).collect(),
            pods: numbered().map(|(pod, number)| (number, (pod.clone(), 1))).collect(),
            version: 1,
            events: VecDeque::new(),
            listing: Duration::ZERO,
            listed_bytes: 0,
        };
        Self { writer: PodWriter::new(), fixed, state: Mutex::new(state), version: watch::Sender::new(1) }
    }

    /// A page of at most `limit` items after `after`.
    pub fn page(&self, resource: &str, after: u64, limit: usize) -> Page {
        if resource == "pods" {
            return self.pods(after, limit);
        }
        let all = &self.fixed[resource];
        let end = limit.saturating_add(after as usize).min(all.len());
        let items: Vec<String> = all[after as usize..end].iter().map(Value::to_string).collect();
        Page { items: items.join(","), version: 1, next: (end < all.len()).then_some(end as u64) }
    }

    fn pods(&self, after: u64, limit: usize) -> Page {
        let started = Instant::now();
        let mut state = self.lock();
        let mut items = String::with_capacity(limit.min(state.pods.len()) * 6_000);
        let mut last = after;
        for (number, (pod, version)) in
            state.pods.range((Bound::Excluded(after), Bound::Unbounded)).take(limit)
        {
            if !items.is_empty() {
                items.push(',');
            }
            self.writer.write(&mut items, pod, *version, Kind::Implied);
            last = *number;
        }
        let more = state.pods.range((Bound::Excluded(last), Bound::Unbounded)).next().is_some();
        state.listing += started.elapsed();
        state.listed_bytes += items.len() as u64;
        Page { items, version: state.version, next: more.then_some(last) }
    }

    pub fn listed(&self) -> (Duration, u64) {
        let state = self.lock();
        (state.listing, state.listed_bytes)
    }

    pub fn apply(&self, pod: &PodFacts) {
        let mut state = self.lock();
        let next = state.pods.last_key_value().map_or(1, |(number, _)| number + 1);
        let (number, kind) = match state.numbers.get(&pod.key) {
            Some(number) => (*number, "MODIFIED"),
            None => (next, "ADDED"),
        };
        let version = state.version + 1;
        state.numbers.insert(pod.key.clone(), number);
        state.pods.insert(number, (pod.clone(), version));
        self.publish(state, kind, pod);
    }

    pub fn delete(&self, key: &str) {
        let mut state = self.lock();
        let Some(number) = state.numbers.remove(key) else { return };
        let (pod, _) = state.pods.remove(&number).unwrap();
        self.publish(state, "DELETED", &pod);
    }

    /// Tells the watches of a change that was made.
    fn publish(&self, mut state: MutexGuard<'_, State>, kind: &str, pod: &PodFacts) {
        state.version += 1;
        let version = state.version;
        let mut line = format!(r#"{{"type":"{kind}","object":"#);
        self.writer.write(&mut line, pod, version, Kind::Named);
        line.push_str("}\n");
        state.events.push_back((version, line.into()));
        if state.events.len() > REMEMBERED {
            state.events.pop_front();
        }
        drop(state);
        self.version.send_replace(version);
    }

    /// The events after a version.
    pub fn since(&self, version: u64) -> News {
        let state = self.lock();
        let oldest = state.events.front().map_or(state.version + 1, |(oldest, _)| *oldest);
        if version + 1 < oldest {
            return News::Expired;
        }
        let begin = state.events.partition_point(|(of, _)| *of <= version);
        let lines = state.events.range(begin..).map(|(_, line)| line.clone()).collect();
        News::Events(lines, state.version)
    }

    /// Changes with every change.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}
