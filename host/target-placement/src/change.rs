//! Whether something changed enough for another target.

use std::collections::BTreeMap;

use netmarks_placement::Node;

use crate::inventory::Scene;

/// Share (of 1) of the pods that came or went.
const ENOUGH_PODS: f64 = 0.02;

/// Share (of 1) of the traffic that moved from one pair of applications to another, came or went.
const ENOUGH_TRAFFIC: f64 = 0.1;

/// What a target was made for, as far as a change of it matters: not where pods are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MadeFor {
    nodes: Vec<Node>,
    /// Which of them take only pods of applications that run there already.
    closed: Vec<bool>,
    /// By application, the pods that run or are wanted: how many of those that wait have room changes with every other pod.
    replicas: BTreeMap<String, u32>,
    /// Pods of all applications that run. Changes are held against them: what one controller wants may be anything.
    running: u64,
    flows: BTreeMap<(String, String), f64>,
}

impl MadeFor {
    pub(crate) fn new(scene: &Scene) -> Self {
        let inventory = &scene.inventory;
        let name = |index: usize| inventory.applications.get(index).cloned().unwrap_or_default();
        let replicas = scene.replicas().iter().enumerate().map(|(index, pods)| (name(index), *pods));
        // Room changes with every pod that takes no part.
        let node = |node: &Node| Node { cpu_millicores: 0, memory_bytes: 0, max_pods: 0, ..node.clone() };
        let flows = inventory.flows.iter();
        Self {
            nodes: inventory.nodes.iter().map(node).collect(),
            closed: scene.closed().to_vec(),
            replicas: replicas.collect(),
            running: scene.running(),
            flows: flows
                .map(|flow| ((name(flow.source), name(flow.destination)), flow.bytes_per_second))
                .collect(),
        }
    }

    /// Whether another target should be made now.
    pub(crate) fn changed_enough(&self, now: &Self) -> bool {
        if self.nodes != now.nodes || self.closed != now.closed {
            return true;
        }
        let replicas = difference(&self.replicas, &now.replicas, |pods| f64::from(*pods));
        let traffic = difference(&self.flows, &now.flows, |bytes| *bytes);
        replicas > ENOUGH_PODS * self.running as f64
            || traffic > ENOUGH_TRAFFIC * self.flows.values().sum::<f64>()
    }
}

/// Sum over all keys of how far the two are apart.
fn difference<K: Ord, V>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>, amount: impl Fn(&V) -> f64) -> f64 {
    let of = |map: &BTreeMap<K, V>, key: &K| map.get(key).map_or(0.0, &amount);
    let here: f64 = one.iter().map(|(key, value)| (amount(value) - of(other, key)).abs()).sum();
    let only_there = other.iter().filter(|(key, _)| !one.contains_key(*key));
    here + only_there.map(|(_, value)| amount(value)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_for(pods: u32, bytes: f64) -> MadeFor {
        MadeFor {
            nodes: vec![Node { name: "a".into(), ..Node::default() }],
            closed: vec![false],
            replicas: [("shop/web".to_owned(), pods), ("shop/db".to_owned(), 50)].into(),
            running: u64::from(pods) + 50,
            flows: [
                (("shop/web".into(), "shop/db".into()), bytes),
                (("shop/db".into(), "shop/web".into()), 100.0),
            ]
            .into(),
        }
    }

    #[test]
    fn little_is_not_enough() {
        let before = made_for(50, 100.0);
        assert!(!before.changed_enough(&before));
        assert!(!before.changed_enough(&made_for(52, 120.0)));
        assert!(before.changed_enough(&made_for(53, 100.0)), "3 of 100 pods");
        assert!(before.changed_enough(&made_for(50, 79.0)), "21 of 200 bytes");
        let mut other = made_for(50, 100.0);
        other.nodes[0].name = "b".into();
        assert!(before.changed_enough(&other), "another node");
        let closed = MadeFor { closed: vec![true], ..before.clone() };
        assert!(before.changed_enough(&closed) && closed.changed_enough(&before), "one that takes no pods");
        let mut huge = made_for(50, 100.0);
        huge.replicas.insert("shop/huge".to_owned(), u32::MAX);
        let mut more = huge.clone();
        more.replicas.insert("shop/web".to_owned(), 53);
        assert!(huge.changed_enough(&more), "what another wants is not the measure");
        assert!(MadeFor::default().changed_enough(&before));
    }
}
