//! Turns a pod into a template: looks up everything that its rules name, once.

use k8s_openapi::api::core::v1::{PodAffinityTerm, WeightedPodAffinityTerm};

use crate::counts::{Carried, CountId, Counted, Counts, Question};
use crate::left_out::LeftOut;
use crate::node::Node;
use crate::node_rules::{AllNodeRules, NodeRules, NodeRulesId};
use crate::node_sets::{NodeSetId, NodeSets};
use crate::pod::{HostPort, Pod};
use crate::requests::{DEFAULT_CPU_MILLICORES, DEFAULT_MEMORY_BYTES};
use crate::resources::ResourceList;
use crate::scope::Scope;
use crate::spreading::{self, Behind, Constraint, HOSTNAME, WhenUnsatisfiable};
use crate::template::{HardSpread, Near, SoftConstraint, SoftSpread, Template};
use crate::topology::{NODE, Topologies, TopologyId};

/// Each pod that requires another near attracts others that it would require, by this: `hardPodAffinityWeight`.
const REQUIRED_AFFINITY_WEIGHT: i64 = 1;

/// What templates refer to.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) topologies: Topologies,
    pub(crate) sets: NodeSets,
    pub(crate) counts: Counts,
    pub(crate) rules: AllNodeRules,
    pub(crate) behind: Behind,
}

impl Compiled {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            topologies: Topologies::new(nodes),
            sets: NodeSets::default(),
            counts: Counts::default(),
            rules: AllNodeRules::default(),
            behind: Behind::default(),
        }
    }

    /// The template, in which `repelled_by` and `attraction` are still empty and `counted_in` has the terms that the
    /// pod carries; and the counts that no template needed before.
    pub(crate) fn compile(&mut self, pod: &Pod, nodes: &[Node]) -> (Template, Vec<CountId>) {
        let rules = self.rules.of(pod, nodes);
        let mut compiler = Compiler { compiled: self, pod, nodes, rules, fresh: Vec::new() };
        let mut left_out = pod.scheduling.left_out.clone();
        let hard = compiler.hard_spread();
        let soft = compiler.soft_spread(&mut left_out);
        let affinity = compiler.required_affinity();
        let anti_affinity = compiler.required_anti_affinity();
        let attraction = compiler.preferred();
        let counted_in = compiler.carried();
        let fresh = compiler.fresh;
        if terms(pod).any(|term| Scope::of_term(&pod.namespace, term).needs_namespace_labels()) {
            left_out.push(LeftOut::NamespaceLabels);
        }
        // Nodes are known without their images.
        left_out.push(LeftOut::ImageLocality);
        if pod.scheduling.priority > 0 {
            left_out.push(LeftOut::Preemption);
        }
        left_out.sort_unstable();
        left_out.dedup();
        let template = Template {
            namespace: pod.namespace.clone(),
            labels: pod.labels.clone(),
            terminating: pod.scheduling.terminating,
            requests: pod.scheduling.requests.clone(),
            scored: pod.scheduling.container_requests.clone().unwrap_or_else(|| non_zero(pod)),
            non_zero: non_zero(pod),
            ports: pod.scheduling.host_ports.iter().map(plain_port).collect(),
            rules,
            hard,
            soft,
            affinity,
            anti_affinity,
            repelled_by: Vec::new(),
            attraction,
            counted_in,
            placed: hashbrown::HashMap::default(),
            left_out,
        };
        (template, fresh)
    }
}

struct Compiler<'a> {
    compiled: &'a mut Compiled,
    pod: &'a Pod,
    nodes: &'a [Node],
    rules: NodeRulesId,
    fresh: Vec<CountId>,
}

impl Compiler<'_> {
    fn count(&mut self, counted: Counted, topology: TopologyId, nodes: Option<NodeSetId>) -> CountId {
        let Compiled { topologies, sets, counts, .. } = &mut *self.compiled;
        let question = Question { counted, topology, nodes };
        let (id, fresh) = counts.of(question, topologies, sets, self.nodes.len());
        if fresh {
            self.fresh.push(id);
        }
        id
    }

    fn topology(&mut self, key: &str) -> TopologyId {
        self.compiled.topologies.of(key, self.nodes)
    }

    /// Pods that a constraint of the pod counts.
    fn spread_count(
        &mut self,
        constraint: &Constraint,
        topology: TopologyId,
        nodes: Option<NodeSetId>,
    ) -> CountId {
        // An empty selector counts nothing, as in kube-scheduler, though it selects everything.
        let selector = constraint.selector.clone().filter(|selector| !selector.is_empty());
        let scopes = vec![Scope::of_namespace(&self.pod.namespace, selector)];
        self.count(Counted::Matching { scopes, living: true }, topology, nodes)
    }

    /// The nodes on which pods count for a constraint.
    fn counting_nodes(&mut self, constraint: &Constraint, labels: &[TopologyId]) -> Option<NodeSetId> {
        let Compiled { topologies, sets, rules, .. } = &mut *self.compiled;
        let rules: &NodeRules = rules.get(self.rules);
        let counts = |node: usize| {
            let against = rules.against(node);
            labels.iter().all(|label| topologies.get(*label).domain(node).is_some())
                && !(constraint.honours_affinity && against.affinity())
                && !(constraint.honours_taints && against.taint())
        };
        let members = (0..self.nodes.len()).map(counts).collect();
        sets.of(members)
    }

    fn hard_spread(&mut self) -> Vec<HardSpread> {
        let constraints = spreading::own(self.pod, WhenUnsatisfiable::DoNotSchedule);
        let labels: Vec<_> = constraints.iter().map(|constraint| self.topology(&constraint.key)).collect();
        let mut hard = Vec::with_capacity(constraints.len());
        for (constraint, topology) in constraints.iter().zip(&labels) {
            let nodes = self.counting_nodes(constraint, &labels);
            let selector = constraint.selector.as_ref();
            hard.push(HardSpread {
                count: self.spread_count(constraint, *topology, nodes),
                max_skew: constraint.max_skew,
                min_domains: constraint.min_domains,
                counts_itself: selector.is_some_and(|selector| selector.matches(&self.pod.labels)),
            });
        }
        hard
    }

    fn soft_spread(&mut self, left_out: &mut Vec<LeftOut>) -> SoftSpread {
        let needs_all_labels = !self.pod.scheduling.topology_spread_constraints.is_empty();
        let constraints = if needs_all_labels {
            spreading::own(self.pod, WhenUnsatisfiable::ScheduleAnyway)
        } else {
            let (selector, workload_known) = self.compiled.behind.selector(self.pod);
            if !workload_known {
                left_out.push(LeftOut::DefaultSpreading);
            }
            spreading::defaults(&selector)
        };
        let labels: Vec<_> = constraints.iter().map(|constraint| self.topology(&constraint.key)).collect();
        let required = if needs_all_labels { labels.as_slice() } else { &[] };
        let mut soft = Vec::with_capacity(constraints.len());
        for (constraint, topology) in constraints.iter().zip(&labels) {
            let by_node = constraint.key == HOSTNAME;
            let count = if by_node {
                self.spread_count(constraint, NODE, None)
            } else {
                let nodes = self.counting_nodes(constraint, required);
                self.spread_count(constraint, *topology, nodes)
            };
            let max_skew = constraint.max_skew;
            soft.push(SoftConstraint { topology: *topology, count, by_node, max_skew });
        }
        SoftSpread { constraints: soft, needs_all_labels }
    }

    fn required_affinity(&mut self) -> Near {
        let pod = self.pod;
        let terms = required(pod);
        let scopes: Vec<_> = terms.iter().map(|term| Scope::of_term(&pod.namespace, term)).collect();
        let matches_itself = scopes.iter().all(|scope| scope.matches(&pod.namespace, &pod.labels));
        let mut counts = Vec::with_capacity(terms.len());
        for term in terms {
            let topology = self.topology(&term.topology_key);
            let counted = Counted::Matching { scopes: scopes.clone(), living: false };
            counts.push(self.count(counted, topology, None));
        }
        Near { counts, matches_itself }
    }

    fn required_anti_affinity(&mut self) -> Vec<CountId> {
        let terms = required_anti(self.pod);
        terms.iter().map(|term| self.matching(term)).collect()
    }

    fn preferred(&mut self) -> Vec<(CountId, i64)> {
        let (affinity, anti) = (preferred(self.pod), preferred_anti(self.pod));
        let for_it = affinity.iter().map(|term| (self.matching(&term.pod_affinity_term), term.weight.into()));
        let mut attraction: Vec<_> = for_it.collect();
        let against = anti.iter().map(|term| (self.matching(&term.pod_affinity_term), term.weight));
        attraction.extend(against.map(|(count, weight)| (count, -i64::from(weight))));
        attraction
    }

    /// Pods that a term means.
    fn matching(&mut self, term: &PodAffinityTerm) -> CountId {
        let scopes = vec![Scope::of_term(&self.pod.namespace, term)];
        let topology = self.topology(&term.topology_key);
        self.count(Counted::Matching { scopes, living: false }, topology, None)
    }

    /// The terms that the pod has about others that come near it.
    fn carried(&mut self) -> Vec<CountId> {
        let pod = self.pod;
        let mut all: Vec<(&PodAffinityTerm, Carried)> = Vec::new();
        all.extend(required_anti(pod).iter().map(|term| (term, Carried::Repels)));
        all.extend(required(pod).iter().map(|term| (term, Carried::Attracts(REQUIRED_AFFINITY_WEIGHT))));
        let weighted =
            |term: &WeightedPodAffinityTerm, sign: i64| Carried::Attracts(sign * i64::from(term.weight));
        all.extend(preferred(pod).iter().map(|term| (&term.pod_affinity_term, weighted(term, 1))));
        all.extend(preferred_anti(pod).iter().map(|term| (&term.pod_affinity_term, weighted(term, -1))));
        let mut counts = Vec::with_capacity(all.len());
        for (term, carried) in all {
            let about = Scope::of_term(&pod.namespace, term);
            let topology = self.topology(&term.topology_key);
            counts.push(self.count(Counted::Carrying { about, term: carried }, topology, None));
        }
        counts
    }
}

fn required(pod: &Pod) -> &[PodAffinityTerm] {
    let affinity = pod.scheduling.affinity.as_ref().and_then(|affinity| affinity.pod_affinity.as_ref());
    let terms = affinity.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_deref());
    terms.unwrap_or_default()
}

fn required_anti(pod: &Pod) -> &[PodAffinityTerm] {
    let affinity = pod.scheduling.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let terms = affinity.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_deref());
    terms.unwrap_or_default()
}

fn preferred(pod: &Pod) -> &[WeightedPodAffinityTerm] {
    let affinity = pod.scheduling.affinity.as_ref().and_then(|affinity| affinity.pod_affinity.as_ref());
    let terms = affinity.and_then(|it| it.preferred_during_scheduling_ignored_during_execution.as_deref());
    terms.unwrap_or_default()
}

fn preferred_anti(pod: &Pod) -> &[WeightedPodAffinityTerm] {
    let affinity = pod.scheduling.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let terms = affinity.and_then(|it| it.preferred_during_scheduling_ignored_during_execution.as_deref());
    terms.unwrap_or_default()
}

fn terms(pod: &Pod) -> impl Iterator<Item = &PodAffinityTerm> {
    let weighted = preferred(pod).iter().chain(preferred_anti(pod)).map(|term| &term.pod_affinity_term);
    required(pod).iter().chain(required_anti(pod)).chain(weighted)
}

fn non_zero(pod: &Pod) -> ResourceList {
    let of_one_container = || {
        let or = |requested: u64, default: u64| if requested == 0 { default } else { requested };
        let cpu = or(pod.scheduling.requests.cpu_millicores, DEFAULT_CPU_MILLICORES);
        ResourceList::new(cpu, or(pod.scheduling.requests.memory_bytes, DEFAULT_MEMORY_BYTES))
    };
    pod.scheduling.non_zero_requests.clone().unwrap_or_else(of_one_container)
}

/// With what is left out of its text filled in.
fn plain_port(port: &HostPort) -> HostPort {
    let or = |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
    HostPort {
        host_ip: or(&port.host_ip, "0.0.0.0"),
        protocol: or(&port.protocol, "TCP"),
        host_port: port.host_port,
    }
}
