//! How many pods of interest are in each domain of a topology, kept up to date as pods come and go.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::node_sets::{NodeSetId, NodeSets};
use crate::scope::Scope;
use crate::selector::Labels;
use crate::topology::{Topologies, Topology, TopologyId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CountId(usize);

/// Which pods are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// Those that match every scope; `living` leaves out those that are being deleted.
    Matching { scopes: Vec<Scope>, living: bool },
    /// Those that have a term of affinity about pods of this scope.
    Carrying { about: Scope, term: Carried },
}

/// What a term of a pod means for others that come near it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Carried {
    /// They may not.
    Repels,
    /// Their score changes by this for each.
    Attracts(i64),
}

impl Counted {
    /// The namespaces outside which no pod matters to it; `None` if any might.
    fn namespaces(&self) -> Option<&[String]> {
        match self {
            Self::Matching { scopes, .. } => scopes.iter().find_map(Scope::namespaces),
            Self::Carrying { about, .. } => about.namespaces(),
        }
    }

    /// Whether a pod counts by its labels alone.
    pub(crate) fn includes(&self, namespace: &str, labels: &Labels, terminating: bool) -> bool {
        match self {
            Self::Matching { scopes, living } => {
                !(*living && terminating) && scopes.iter().all(|scope| scope.matches(namespace, labels))
            }
            Self::Carrying { .. } => false,
        }
    }
}

/// What identifies a count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) counted: Counted,
    pub(crate) topology: TopologyId,
    /// Pods on other nodes do not count; `None` for all nodes.
    pub(crate) nodes: Option<NodeSetId>,
}

/// One count, by domain.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    topology: Arc<Topology>,
    nodes: Option<Arc<[bool]>>,
    values: Vec<u32>,
    /// The domains that have a node that counts; `None` if all have one, as without a limit.
    domains: Option<Vec<usize>>,
    total: u64,
}

impl Count {
    fn new(topology: &Arc<Topology>, nodes: Option<&Arc<[bool]>>, all_nodes: usize) -> Self {
        let domains = nodes.map(|nodes| {
            let counts = |node: &usize| nodes.get(*node).copied().unwrap_or(false);
            let counting = (0..all_nodes).filter(counts).filter_map(|node| topology.domain(node));
            let mut domains: Vec<usize> = counting.collect();
            domains.sort_unstable();
            domains.dedup();
            domains
        });
        Self {
            topology: Arc::clone(topology),
            nodes: nodes.cloned(),
            values: vec![0; topology.domains()],
            domains,
            total: 0,
        }
    }

    fn domain_if_counted(&self, node: usize) -> Option<usize> {
        let counts = self.nodes.as_ref().is_none_or(|nodes| nodes.get(node).copied().unwrap_or(false));
        if counts { self.topology.domain(node) } else { None }
    }

    fn add(&mut self, node: usize, pods: u32) {
        let Some(domain) = self.domain_if_counted(node) else { return };
        if let Some(value) = self.values.get_mut(domain) {
            *value = value.saturating_add(pods);
            self.total = self.total.saturating_add(u64::from(pods));
        }
    }

    fn subtract(&mut self, node: usize, pods: u32) {
        let Some(domain) = self.domain_if_counted(node) else { return };
        if let Some(value) = self.values.get_mut(domain) {
            *value = value.saturating_sub(pods);
            self.total = self.total.saturating_sub(u64::from(pods));
        }
    }

    /// In the domain of a node; `None` if the node has none.
    pub(crate) fn near(&self, node: usize) -> Option<u32> {
        self.values.get(self.topology.domain(node)?).copied()
    }

    /// The lowest count of all domains with a node that counts; `None` if no domain has one.
    pub(crate) fn least(&self) -> Option<u32> {
        let Some(domains) = &self.domains else { return self.values.iter().min().copied() };
        domains.iter().filter_map(|domain| self.values.get(*domain)).min().copied()
    }

    /// Domains that have a node that counts.
    pub(crate) fn domains(&self) -> usize {
        self.domains.as_ref().map_or(self.values.len(), Vec::len)
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

/// All counts that some pod needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    all: Vec<Count>,
    questions: Vec<Question>,
    known: HashMap<Question, CountId, foldhash::fast::RandomState>,
    by_namespace: HashMap<String, Vec<CountId>, foldhash::fast::RandomState>,
    anywhere: Vec<CountId>,
}

impl Counts {
    /// The count for a question, and whether nobody asked it before: then it must be filled.
    pub(crate) fn of(
        &mut self,
        question: Question,
        topologies: &Topologies,
        sets: &NodeSets,
        nodes: usize,
    ) -> (CountId, bool) {
        if let Some(id) = self.known.get(&question) {
            return (*id, false);
        }
        let id = CountId(self.all.len());
        let set = question.nodes.and_then(|set| sets.get(set));
        self.all.push(Count::new(topologies.get(question.topology), set, nodes));
        match question.counted.namespaces() {
            None => self.anywhere.push(id),
            Some(namespaces) => {
                for namespace in namespaces {
                    self.by_namespace.entry_ref(namespace.as_str()).or_default().push(id);
                }
            }
        }
        self.questions.push(question.clone());
        self.known.insert(question, id);
        (id, true)
    }

    pub(crate) fn get(&self, id: CountId) -> Option<&Count> {
        self.all.get(id.0)
    }

    pub(crate) fn question(&self, id: CountId) -> Option<&Question> {
        self.questions.get(id.0)
    }

    /// The counts to which pods of a namespace may matter.
    pub(crate) fn about(&self, namespace: &str) -> impl Iterator<Item = CountId> + '_ {
        self.by_namespace.get(namespace).into_iter().flatten().chain(&self.anywhere).copied()
    }

    pub(crate) fn add(&mut self, id: CountId, node: usize, pods: u32) {
        if let Some(count) = self.all.get_mut(id.0) {
            count.add(node, pods);
        }
    }

    pub(crate) fn subtract(&mut self, id: CountId, node: usize, pods: u32) {
        if let Some(count) = self.all.get_mut(id.0) {
            count.subtract(node, pods);
        }
    }
}
