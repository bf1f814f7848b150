//! Node selectors and node affinity, compiled once.

use k8s_openapi::api::core::v1 as api;

use crate::node::Node;
use crate::pod::Pod;
use crate::selector::{Requirement, Selector};

const NAME: &str = "metadata.name";

/// Terms of which one must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeTerms(Vec<NodeTerm>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct NodeTerm {
    labels: Selector,
    /// Rules for the node's name, the one field there is.
    name: Vec<Requirement>,
}

impl NodeTerm {
    /// `None` for an empty term, which matches nothing.
    fn from_api(term: &api::NodeSelectorTerm) -> Option<Self> {
        let of = |requirements: &Option<Vec<api::NodeSelectorRequirement>>| -> Vec<Requirement> {
            let requirements = requirements.iter().flatten();
            let compiled = requirements.map(|one| {
                Requirement::new(&one.key, &one.operator, one.values.as_deref().unwrap_or_default())
            });
            compiled.collect()
        };
        let (labels, name) = (of(&term.match_expressions), of(&term.match_fields));
        let empty = labels.is_empty() && name.is_empty();
        (!empty).then(|| Self { labels: Selector::of(labels), name })
    }

    fn matches(&self, node: &Node) -> bool {
        let field = |key: &str| (key == NAME).then_some(node.name.as_str());
        self.labels.matches(&node.labels) && self.name.iter().all(|rule| rule.allows(field(&rule.key)))
    }
}

impl NodeTerms {
    pub(crate) fn from_api(selector: &api::NodeSelector) -> Self {
        Self(selector.node_selector_terms.iter().filter_map(NodeTerm::from_api).collect())
    }

    pub(crate) fn match_node(&self, node: &Node) -> bool {
        self.0.iter().any(|term| term.matches(node))
    }
}

/// Preferred terms of node affinity, each with its weight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreferredTerms(Vec<(NodeTerm, i64)>);

impl PreferredTerms {
    #[must_use]
    pub fn from_api(terms: &[api::PreferredSchedulingTerm]) -> Self {
        let weighted = |term: &api::PreferredSchedulingTerm| {
            Some((NodeTerm::from_api(&term.preference)?, i64::from(term.weight)))
        };
        Self(terms.iter().filter_map(weighted).collect())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum of the weights of the terms that match.
    pub(crate) fn preference(&self, node: &Node) -> i64 {
        let matching = self.0.iter().filter(|(term, _)| term.matches(node));
        matching.map(|(_, weight)| weight).sum()
    }
}

/// What a pod asks of its node's labels and name.
pub(crate) struct NodeAffinity {
    selector: Selector,
    required: Option<NodeTerms>,
    preferred: PreferredTerms,
    /// Names of the only nodes that are looked at, if every required term names some.
    named: Option<Vec<String>>,
}

impl NodeAffinity {
    pub(crate) fn of(pod: &Pod) -> Self {
        let affinity = pod.scheduling.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
        let required = affinity
            .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
        let preferred = affinity
            .and_then(|affinity| affinity.preferred_during_scheduling_ignored_during_execution.as_deref());
        Self {
            selector: Selector::of_labels(&pod.scheduling.node_selector),
            required: required.map(NodeTerms::from_api),
            preferred: PreferredTerms::from_api(preferred.unwrap_or_default()),
            named: required.and_then(named),
        }
    }

    pub(crate) fn allows(&self, node: &Node) -> bool {
        self.selector.matches(&node.labels)
            && self.required.as_ref().is_none_or(|required| required.match_node(node))
    }

    pub(crate) fn preferred(&self) -> &PreferredTerms {
        &self.preferred
    }

    pub(crate) fn named(&self) -> Option<&[String]> {
        self.named.as_deref()
    }
}

/// The nodes that the terms name, if each of them names some: as for pods of a DaemonSet.
fn named(selector: &api::NodeSelector) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for term in &selector.node_selector_terms {
        let fields = term.match_fields.iter().flatten();
        let by_name = fields.filter(|field| field.key == NAME && field.operator == "In");
        let mut of_term: Option<Vec<String>> = None;
        for values in by_name.map(|field| field.values.clone().unwrap_or_default()) {
            of_term = Some(match of_term {
                Some(before) => before.into_iter().filter(|name| values.contains(name)).collect(),
                None => values,
            });
        }
        names.extend(of_term?);
    }
    names.sort_unstable();
    names.dedup();
    (!selector.node_selector_terms.is_empty()).then_some(names)
}
