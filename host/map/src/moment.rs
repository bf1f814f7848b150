//! One moment of a cluster by numbers, and what changes it into the next.

use std::collections::BTreeMap;

use crate::encoding::{put, put_rate, rounded, take, take_rate};
use crate::scene::number;

/// A flow that changed by less than one part in so many is kept as it was.
const UNCHANGED: f64 = 256.0;

/// One moment, by numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    /// Pods by node, of nodes that there are.
    pub(crate) nodes: BTreeMap<u32, u32>,
    /// Pods by application and node. An application without pods that there is has 0 on the number that no node has.
    pub(crate) pods: BTreeMap<(u32, u32), u32>,
    /// Bytes per second by source and destination.
    pub(crate) flows: BTreeMap<(u32, u32), f32>,
    /// When the flows were measured.
    pub(crate) flows_at: Option<f64>,
}

/// No node's number: the place of what is nowhere.
pub(crate) const NOWHERE: u32 = u32::MAX;

impl State {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        (self.nodes.len() + self.pods.len() + self.flows.len()) * 24
    }
}

/// What makes `after` of `before`: the time of the flows, and three lists of changes, each preceded by its length. Flows that hardly
/// changed stay as they were.
pub(crate) fn change(before: &State, after: &State) -> Box<[u8]> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&after.flows_at.unwrap_or(f64::NAN).to_bits().to_be_bytes());
    let nodes = changed(&before.nodes, &after.nodes, |one, other| one == other);
    put(&mut bytes, number(nodes.len()));
    for (node, pods) in nodes {
        put(&mut bytes, node);
        // 0 is gone.
        put(&mut bytes, pods.map_or(0, |pods| pods.saturating_add(1)));
    }
    let pods = changed(&before.pods, &after.pods, |one, other| one == other);
    put(&mut bytes, number(pods.len()));
    for ((application, node), pods) in pods {
        put(&mut bytes, application);
        put(&mut bytes, node.wrapping_add(1));
        put(&mut bytes, pods.map_or(0, |pods| pods.saturating_add(1)));
    }
    let flows = changed(&before.flows, &after.flows, |one, other| is_same(*one, *other));
    put(&mut bytes, number(flows.len()));
    let mut last = 0;
    for ((source, destination), rate) in flows {
        // They are in order, so sources are given as differences.
        put(&mut bytes, source - last);
        last = source;
        put(&mut bytes, destination);
        bytes.push(u8::from(rate.is_some()));
        if let Some(rate) = rate {
            put_rate(&mut bytes, f64::from(rate));
        }
    }
    bytes.into()
}

fn is_same(one: f32, other: f32) -> bool {
    f64::from((one - other).abs()) <= f64::from(one) / UNCHANGED
}

/// The entries of `after` that `before` has otherwise or not, and those that are gone.
fn changed<K: Ord + Copy, V: Copy>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    same: impl Fn(&V, &V) -> bool,
) -> Vec<(K, Option<V>)> {
    let kept = |key: &K, value: &V| before.get(key).is_some_and(|old| same(old, value));
    let mut changes: Vec<(K, Option<V>)> = after
        .iter()
        .filter(|(key, value)| !kept(key, value))
        .map(|(key, value)| (*key, Some(*value)))
        .collect();
    changes.extend(before.keys().filter(|key| !after.contains_key(key)).map(|key| (*key, None)));
    changes.sort_unstable_by_key(|(key, _)| *key);
    changes
}

/// Makes the change.
pub(crate) fn apply(state: &mut State, mut bytes: &[u8]) {
    let Some((at, rest)) = bytes.split_first_chunk::<8>() else { return };
    bytes = rest;
    let at = f64::from_bits(u64::from_be_bytes(*at));
    state.flows_at = (!at.is_nan()).then_some(at);
    for _ in 0..take(&mut bytes) {
        let (node, pods) = (take(&mut bytes), take(&mut bytes));
        set(&mut state.nodes, node, pods.checked_sub(1));
    }
    for _ in 0..take(&mut bytes) {
        let (application, node, pods) = (take(&mut bytes), take(&mut bytes), take(&mut bytes));
        set(&mut state.pods, (application, node.wrapping_sub(1)), pods.checked_sub(1));
    }
    let mut source = 0;
    for _ in 0..take(&mut bytes) {
        source += take(&mut bytes);
        let destination = take(&mut bytes);
        let there = bytes.split_first().is_some_and(|(flag, _)| *flag == 1);
        bytes = bytes.get(1..).unwrap_or_default();
        let rate = there.then(|| rounded(take_rate(&mut bytes)));
        set(&mut state.flows, (source, destination), rate);
    }
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}
