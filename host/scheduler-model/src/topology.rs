//! Domains of topology keys: which nodes share the value of a label.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::node::Node;

/// The node itself: every node is its own domain, whatever its labels say.
pub(crate) const NODE: TopologyId = TopologyId(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TopologyId(usize);

/// One topology key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topology {
    /// By node; `None` for a node without the label.
    domains: Vec<Option<u32>>,
    /// How many there are.
    count: usize,
}

impl Topology {
    fn of_label(key: &str, nodes: &[Node]) -> Self {
        let mut known: HashMap<&str, u32, foldhash::fast::RandomState> = HashMap::default();
        let mut domains = Vec::with_capacity(nodes.len());
        for node in nodes {
            let domain = node.labels.get(key).map(|value| {
                let next = number(known.len());
                *known.entry(value).or_insert(next)
            });
            domains.push(domain);
        }
        Self { domains, count: known.len() }
    }

    pub(crate) fn domain(&self, node: usize) -> Option<usize> {
        self.domains.get(node).copied().flatten().map(|domain| domain as usize)
    }

    pub(crate) fn domains(&self) -> usize {
        self.count
    }
}

/// The topology keys that some pod names.
#[derive(Clone, Debug)]
pub(crate) struct Topologies {
    all: Vec<Arc<Topology>>,
    by_key: HashMap<String, TopologyId, foldhash::fast::RandomState>,
    empty: Arc<Topology>,
}

impl Topologies {
    pub(crate) fn new(nodes: usize) -> Self {
        let itself = Topology { domains: (0..nodes).map(|node| Some(number(node))).collect(), count: nodes };
        Self { all: vec![Arc::new(itself)], by_key: HashMap::default(), empty: Arc::default() }
    }

    pub(crate) fn of(&mut self, key: &str, nodes: &[Node]) -> TopologyId {
        if let Some(id) = self.by_key.get(key) {
            return *id;
        }
        let id = TopologyId(self.all.len());
        self.all.push(Arc::new(Topology::of_label(key, nodes)));
        self.by_key.insert(key.to_owned(), id);
        id
    }

    pub(crate) fn get(&self, id: TopologyId) -> &Arc<Topology> {
        self.all.get(id.0).unwrap_or(&self.empty)
    }
}

/// Nodes are far fewer than four billion.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
