//! Nodes, and how many pods of each template are on them.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::compile::Compiled;
use crate::counts::{Carried, CountId, Counted};
use crate::left_out::LeftOut;
use crate::node::Node;
use crate::objects::{Service, Workload};
use crate::order;
use crate::pod::{HostPort, Pod, PodScheduling};
use crate::resources::ResourceList;
use crate::template::{Template, TemplateId};

static NOTHING: ResourceList = ResourceList::EMPTY;

/// Nodes and the pods on them. A node is its index in [`Cluster::nodes`].
#[derive(Clone, Debug)]
pub struct Cluster {
    nodes: Arc<[Node]>,
    by_name: HashMap<String, usize, foldhash::fast::RandomState>,
    /// The order in which kube-scheduler looks at nodes.
    order: Vec<usize>,
    loads: Vec<Load>,
    compiled: Compiled,
    templates: Vec<Template>,
    known: HashMap<String, TemplateId, foldhash::fast::RandomState>,
}

/// What the pods of a node take.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    /// Their number is in `pods`.
    pub(crate) requested: ResourceList,
    /// CPU and memory as the scores count them.
    pub(crate) non_zero: ResourceList,
    pub(crate) ports: Vec<HostPort>,
}

impl Cluster {
    /// Without pods. The nodes keep their order.
    #[must_use]
    pub fn new(nodes: Vec<Node>) -> Self {
        let by_name = nodes.iter().enumerate().map(|(index, node)| (node.name.clone(), index)).collect();
        Self {
            by_name,
            order: order::by_turns(&nodes),
            loads: vec![Load::default(); nodes.len()],
            compiled: Compiled::new(nodes.len()),
            nodes: nodes.into(),
            templates: Vec::new(),
            known: HashMap::default(),
        }
    }

    /// The Services, for the default spreading of pods. They count for templates made after this.
    #[must_use]
    pub fn with_services(mut self, services: Vec<Service>) -> Self {
        self.compiled.behind.set_services(services);
        self
    }

    /// The workloads, for the default spreading of pods. They count for templates made after this.
    #[must_use]
    pub fn with_workloads(mut self, workloads: Vec<Workload>) -> Self {
        self.compiled.behind.set_workloads(workloads);
        self
    }

    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn shared_nodes(&self) -> Arc<[Node]> {
        Arc::clone(&self.nodes)
    }

    #[must_use]
    pub fn node_index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Compiles a pod. One that differs only in name, node and times from an earlier one gives the same template.
    pub fn template(&mut self, pod: &Pod) -> TemplateId {
        let key = key(pod);
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let (mut template, fresh) = self.compiled.compile(pod, &self.nodes);
        for count in fresh {
            self.introduce(count);
        }
        self.subscribe(&mut template);
        // No machine has the memory for four billion.
        let id = TemplateId(u32::try_from(self.templates.len()).unwrap_or(u32::MAX));
        self.templates.push(template);
        self.known.insert(key, id);
        id
    }

    /// Connects a count that is asked for the first time with the templates and pods that were there before.
    fn introduce(&mut self, id: CountId) {
        let Compiled { counts, .. } = &mut self.compiled;
        let Some(question) = counts.question(id).cloned() else { return };
        match &question.counted {
            counted @ Counted::Matching { .. } => {
                for template in &mut self.templates {
                    if !counted.includes(&template.namespace, &template.labels, template.terminating) {
                        continue;
                    }
                    template.counted_in.push(id);
                    for (node, pods) in &template.placed {
                        counts.add(id, *node, *pods);
                    }
                }
            }
            Counted::Carrying { about, term } => {
                for template in &mut self.templates {
                    if about.matches(&template.namespace, &template.labels) {
                        listen(template, id, *term);
                    }
                }
            }
        }
    }

    /// Connects a template that is made for the first time with the counts.
    fn subscribe(&self, template: &mut Template) {
        let counts = &self.compiled.counts;
        for id in counts.about(&template.namespace.clone()) {
            match counts.question(id).map(|question| &question.counted) {
                Some(counted @ Counted::Matching { .. })
                    if counted.includes(&template.namespace, &template.labels, template.terminating) =>
                {
                    template.counted_in.push(id);
                }
                Some(Counted::Carrying { about, term })
                    if about.matches(&template.namespace, &template.labels) =>
                {
                    listen(template, id, *term);
                }
                _ => {}
            }
        }
    }

    /// Puts one pod on a node, whether it fits or not. A node or template of another cluster changes nothing.
    pub fn place(&mut self, template: TemplateId, node: usize) {
        let Some(load) = self.loads.get_mut(node) else { return };
        let Some(template) = self.templates.get_mut(template.0 as usize) else { return };
        *template.placed.entry(node).or_insert(0) += 1;
        load.requested.add(&template.requests);
        load.requested.pods = load.requested.pods.saturating_add(1);
        load.non_zero.add(&template.non_zero);
        load.ports.extend(template.ports.iter().cloned());
        for count in &template.counted_in {
            self.compiled.counts.add(*count, node, 1);
        }
    }

    /// Takes one pod from a node; if none of the template is there, nothing changes.
    pub fn remove(&mut self, template: TemplateId, node: usize) {
        let Some(load) = self.loads.get_mut(node) else { return };
        let Some(template) = self.templates.get_mut(template.0 as usize) else { return };
        let Some(pods) = template.placed.get_mut(&node).filter(|pods| **pods > 0) else { return };
        *pods -= 1;
        if *pods == 0 {
            template.placed.remove(&node);
        }
        load.requested.subtract(&template.requests);
        load.requested.pods = load.requested.pods.saturating_sub(1);
        load.non_zero.subtract(&template.non_zero);
        for port in &template.ports {
            if let Some(taken) = load.ports.iter().position(|taken| taken == port) {
                load.ports.swap_remove(taken);
            }
        }
        for count in &template.counted_in {
            self.compiled.counts.subtract(*count, node, 1);
        }
    }

    /// What the model does not regard for pods of a template.
    #[must_use]
    pub fn left_out(&self, template: TemplateId) -> &[LeftOut] {
        self.compiled_pod(template).map(|template| template.left_out.as_slice()).unwrap_or_default()
    }

    /// What the pods of a node request together; `pods` is their number.
    #[must_use]
    pub fn requested(&self, node: usize) -> &ResourceList {
        self.loads.get(node).map_or(&NOTHING, |load| &load.requested)
    }

    /// By node, the weights of the preferred terms of node affinity that it matches, added up; empty if pods of the template have none.
    #[must_use]
    pub fn preference(&self, template: TemplateId) -> &[i64] {
        let rules = self.compiled_pod(template).map(|template| self.compiled.rules.get(template.rules));
        rules.map_or(&[], |rules| rules.preference())
    }

    /// How many pods of a template are on a node.
    #[must_use]
    pub fn placed(&self, template: TemplateId, node: usize) -> u32 {
        self.compiled_pod(template).and_then(|template| template.placed.get(&node)).copied().unwrap_or(0)
    }

    pub(crate) fn compiled_pod(&self, id: TemplateId) -> Option<&Template> {
        self.templates.get(id.0 as usize)
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    pub(crate) fn load(&self, node: usize) -> Option<&Load> {
        self.loads.get(node)
    }

    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }
}

/// A pod that others carry a term about changes its mind by how many of them are near.
fn listen(template: &mut Template, count: CountId, term: Carried) {
    match term {
        Carried::Repels => template.repelled_by.push(count),
        Carried::Attracts(weight) => template.attraction.push((count, weight)),
    }
}

/// What a template is made of, as text: pods with the same share one.
pub(crate) fn key(pod: &Pod) -> String {
    let pod = Pod {
        name: String::new(),
        node_name: None,
        scheduling: PodScheduling {
            scheduler_name: None,
            creation_timestamp: None,
            start_time: None,
            ..pod.scheduling.clone()
        },
        ..pod.clone()
    };
    // Maps with text keys and plain values: nothing in it can fail.
    serde_json::to_string(&pod).unwrap_or_default()
}
