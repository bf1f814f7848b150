//! What of a node and a pod never changes, decided once for each node and shared by all pods that ask the same.

use hashbrown::HashMap;
use serde::Serialize;

use crate::node::Node;
use crate::node_affinity::NodeAffinity;
use crate::pod::{Pod, Volume};
use crate::reason::Reason;
use crate::{taints, volumes};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeRulesId(usize);

/// What speaks against a node; several things may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Against(u8);

impl Against {
    const CORDON: u8 = 1;
    const TAINT: u8 = 1 << 1;
    const AFFINITY: u8 = 1 << 2;
    const VOLUME_AFFINITY: u8 = 1 << 3;
    const VOLUME_ZONE: u8 = 1 << 4;
    const UNKNOWN: u8 = 1 << 5;

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    pub(crate) fn nothing(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn affinity(self) -> bool {
        self.has(Self::AFFINITY)
    }

    pub(crate) fn taint(self) -> bool {
        self.has(Self::TAINT)
    }

    /// The first of the filters that kube-scheduler asks before those of ports and resources.
    pub(crate) fn early_reason(self) -> Option<Reason> {
        let reasons = [
            (Self::UNKNOWN, Reason::Unknown),
            (Self::CORDON, Reason::Unschedulable),
            (Self::TAINT, Reason::Taint),
            (Self::AFFINITY, Reason::NodeAffinity),
        ];
        reasons.into_iter().find_map(|(flag, reason)| self.has(flag).then_some(reason))
    }

    /// The first of those after them.
    pub(crate) fn late_reason(self) -> Option<Reason> {
        let reasons =
            [(Self::VOLUME_AFFINITY, Reason::VolumeAffinity), (Self::VOLUME_ZONE, Reason::VolumeZone)];
        reasons.into_iter().find_map(|(flag, reason)| self.has(flag).then_some(reason))
    }
}

/// The tables of one set of rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeRules {
    against: Vec<Against>,
    /// Soft taints that are not tolerated; empty if no node has any.
    avoided: Vec<i64>,
    /// Weights of preferred node affinity; empty if the pod has no such terms.
    preference: Vec<i64>,
    /// The only nodes that are looked at.
    named: Option<Vec<usize>>,
}

impl NodeRules {
    fn new(pod: &Pod, nodes: &[Node]) -> Self {
        let affinity = NodeAffinity::of(pod);
        let cordon_tolerated = taints::tolerate_cordon(&pod.scheduling.tolerations);
        let against = |node: &Node| {
            let flags = [
                (Against::CORDON, node.unschedulable && !cordon_tolerated),
                (Against::TAINT, !taints::tolerated(&node.taints, &pod.scheduling.tolerations)),
                (Against::AFFINITY, !affinity.allows(node)),
                (Against::VOLUME_AFFINITY, !volumes::affinity_allows(&pod.scheduling.volumes, node)),
                (Against::VOLUME_ZONE, !volumes::zones_allow(&pod.scheduling.volumes, node)),
            ];
            Against(flags.into_iter().filter_map(|(flag, raised)| raised.then_some(flag)).sum())
        };
        let mut avoided: Vec<i64> =
            nodes.iter().map(|node| taints::avoided(&node.taints, &pod.scheduling.tolerations)).collect();
        if avoided.iter().all(|avoided| *avoided == 0) {
            avoided = Vec::new();
        }
        let preferred = affinity.preferred();
        let preference = if preferred.is_empty() {
            Vec::new()
        } else {
            nodes.iter().map(|node| preferred.preference(node)).collect()
        };
        let named = affinity.named().map(|names| {
            let listed = |node: &Node| names.binary_search(&node.name).is_ok();
            nodes.iter().enumerate().filter(|(_, node)| listed(node)).map(|(index, _)| index).collect()
        });
        Self { against: nodes.iter().map(against).collect(), avoided, preference, named }
    }

    pub(crate) fn against(&self, node: usize) -> Against {
        self.against.get(node).copied().unwrap_or(Against(Against::UNKNOWN))
    }

    /// Soft taints that the pod does not tolerate, by node; empty if no node has any.
    pub(crate) fn avoided(&self) -> &[i64] {
        &self.avoided
    }

    /// Weights of preferred node affinity by node; empty if the pod has no such terms.
    pub(crate) fn preference(&self) -> &[i64] {
        &self.preference
    }

    pub(crate) fn named(&self) -> Option<&[usize]> {
        self.named.as_deref()
    }
}

/// All sets of rules, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllNodeRules {
    all: Vec<NodeRules>,
    known: HashMap<String, NodeRulesId, foldhash::fast::RandomState>,
    empty: NodeRules,
}

impl AllNodeRules {
    pub(crate) fn of(&mut self, pod: &Pod, nodes: &[Node]) -> NodeRulesId {
        let key = key(pod);
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = NodeRulesId(self.all.len());
        self.all.push(NodeRules::new(pod, nodes));
        self.known.insert(key, id);
        id
    }

    pub(crate) fn get(&self, id: NodeRulesId) -> &NodeRules {
        self.all.get(id.0).unwrap_or(&self.empty)
    }
}

/// What of a pod the rules depend on, as text.
fn key(pod: &Pod) -> String {
    #[derive(Serialize)]
    struct Key<'a> {
        selector: &'a std::collections::BTreeMap<String, String>,
        affinity: Option<&'a k8s_openapi::api::core::v1::NodeAffinity>,
        tolerations: &'a [k8s_openapi::api::core::v1::Toleration],
        volumes: &'a [Volume],
    }
    let affinity = pod.scheduling.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let key = Key {
        selector: &pod.scheduling.node_selector,
        affinity,
        tolerations: &pod.scheduling.tolerations,
        volumes: &pod.scheduling.volumes,
    };
    // Maps with text keys and plain values: nothing in it can fail.
    serde_json::to_string(&key).unwrap_or_default()
}
