//! Could a pod run on a node? kube-scheduler's filters, in its order.

use std::borrow::Cow;

use crate::cluster::{Cluster, Load};
use crate::node::Node;
use crate::node_rules::NodeRules;
use crate::pod::HostPort;
use crate::reason::Reason;
use crate::template::{Template, TemplateId};

/// Which nodes a pod could run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feasibility {
    /// In their order.
    pub nodes: Vec<usize>,
    /// For each other node the first filter that speaks against it.
    pub others: Vec<(usize, Reason)>,
}

impl Cluster {
    /// The nodes on which one more pod of a template could run, and why not on the others.
    #[must_use]
    pub fn feasible(&self, template: TemplateId) -> Feasibility {
        let mut feasibility = Feasibility::default();
        let filter = Filter::new(self, template);
        for node in 0..self.nodes().len() {
            match filter.as_ref().map_or(Some(Reason::Unknown), |filter| filter.reason_against(node)) {
                None => feasibility.nodes.push(node),
                Some(reason) => feasibility.others.push((node, reason)),
            }
        }
        feasibility
    }

    /// Whether one more pod of a template could run on a node, else the first filter that speaks against it.
    pub fn could_run(&self, template: TemplateId, node: usize) -> Result<(), Reason> {
        let filter = Filter::new(self, template).ok_or(Reason::Unknown)?;
        filter.reason_against(node).map_or(Ok(()), Err)
    }
}

/// The filters for one pod, with what they need of the whole cluster.
pub(crate) struct Filter<'a> {
    cluster: &'a Cluster,
    template: &'a Template,
    rules: &'a NodeRules,
    /// By hard spread constraint.
    least: Vec<i64>,
    /// No pod that it needs beside it is placed yet, and its own affinity term selects it. kube-scheduler then lets it pass.
    first_of_its_kind: bool,
}

impl<'a> Filter<'a> {
    /// `None` for a template of another cluster.
    pub(crate) fn new(cluster: &'a Cluster, template: TemplateId) -> Option<Self> {
        let template = cluster.compiled_pod(template)?;
        let counts = &cluster.compiled().counts;
        let least = template.hard.iter().map(|constraint| {
            let Some(count) = counts.get(constraint.count) else { return 0 };
            if count.domains() < constraint.min_domains { 0 } else { count.least().map_or(0, i64::from) }
        });
        let near = &template.affinity;
        let none_anywhere =
            || near.counts.iter().all(|count| counts.get(*count).is_none_or(|count| count.total() == 0));
        let first_of_its_kind = !near.counts.is_empty() && near.matches_itself && none_anywhere();
        let rules = cluster.compiled().rules.get(template.rules);
        Some(Self { cluster, template, rules, least: least.collect(), first_of_its_kind })
    }

    /// The only nodes that are looked at, if the pod names them.
    pub(crate) fn named(&self) -> Option<&'a [usize]> {
        self.rules.named()
    }

    pub(crate) fn reason_against(&self, node: usize) -> Option<Reason> {
        let against = self.rules.against(node);
        if !against.nothing()
            && let Some(reason) = against.early_reason()
        {
            return Some(reason);
        }
        let (Some(load), Some(of_node)) = (self.cluster.load(node), self.cluster.nodes().get(node)) else {
            return Some(Reason::Unknown);
        };
        if self.template.ports.iter().any(|port| is_taken(port, &load.ports)) {
            return Some(Reason::HostPort);
        }
        lacks(self.template, of_node, load)
            .or_else(|| against.late_reason())
            .or_else(|| self.spreading(node))
            .or_else(|| self.neighbours(node))
    }

    fn spreading(&self, node: usize) -> Option<Reason> {
        let counts = &self.cluster.compiled().counts;
        for (constraint, least) in self.template.hard.iter().zip(&self.least) {
            let Some(near) = counts.get(constraint.count).and_then(|count| count.near(node)) else {
                return Some(Reason::SpreadLabel);
            };
            let with_it = i64::from(near) + i64::from(constraint.counts_itself);
            if with_it - least > constraint.max_skew {
                return Some(Reason::Spread);
            }
        }
        None
    }

    fn neighbours(&self, node: usize) -> Option<Reason> {
        let Template { affinity, anti_affinity, repelled_by, .. } = self.template;
        let near = |count| self.cluster.compiled().counts.get(count)?.near(node);
        // Every label must be there, even for the first pod.
        let allowed = |count| near(count).is_some_and(|pods| pods > 0 || self.first_of_its_kind);
        let any_near = |counts: &[_]| counts.iter().any(|count| near(*count).is_some_and(|pods| pods > 0));
        if !affinity.counts.iter().all(|count| allowed(*count)) {
            Some(Reason::PodAffinity)
        } else if any_near(anti_affinity) {
            Some(Reason::PodAntiAffinity)
        } else if any_near(repelled_by) {
            Some(Reason::ExistingAntiAffinity)
        } else {
            None
        }
    }
}

/// The first resource that a node has too little left of.
fn lacks(template: &Template, node: &Node, load: &Load) -> Option<Reason> {
    let (offered, taken, asked) = (&node.allocatable, &load.requested, &template.requests);
    let short = |asked: u64, offered: u64, taken: u64| asked > 0 && asked > offered.saturating_sub(taken);
    if taken.pods >= offered.pods {
        return Some(Reason::TooManyPods);
    }
    if short(asked.cpu_millicores, offered.cpu_millicores, taken.cpu_millicores) {
        return Some(Reason::Insufficient(Cow::Borrowed("cpu")));
    }
    if short(asked.memory_bytes, offered.memory_bytes, taken.memory_bytes) {
        return Some(Reason::Insufficient(Cow::Borrowed("memory")));
    }
    let (offered_storage, taken_storage) = (offered.ephemeral_storage_bytes, taken.ephemeral_storage_bytes);
    if short(asked.ephemeral_storage_bytes, offered_storage, taken_storage) {
        return Some(Reason::Insufficient(Cow::Borrowed("ephemeral-storage")));
    }
    let of = |list: &crate::ResourceList, name: &str| list.others.get(name).copied().unwrap_or(0);
    let mut others = asked.others.iter();
    let lacking = others.find(|(name, asked)| short(**asked, of(offered, name), of(taken, name)));
    lacking.map(|(name, _)| Reason::Insufficient(Cow::Owned(name.clone())))
}

/// All addresses conflict with each one.
fn is_taken(port: &HostPort, taken: &[HostPort]) -> bool {
    const ALL: &str = "0.0.0.0";
    taken.iter().any(|taken| {
        let addresses_meet = taken.host_ip == port.host_ip || taken.host_ip == ALL || port.host_ip == ALL;
        addresses_meet && taken.protocol == port.protocol && taken.host_port == port.host_port
    })
}
