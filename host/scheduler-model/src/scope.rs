//! Which pods a term of a pod affinity means.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodAffinityTerm;

use crate::selector::{Labels, Selector};

/// The label that every namespace has, with its name; others are unknown here.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Pods of some namespaces with some labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    namespaces: Vec<String>,
    /// Further namespaces; `None` for no others.
    by_label: Option<Selector>,
    /// `None` means no pod.
    pods: Option<Selector>,
}

impl Scope {
    /// Pods of one namespace.
    pub(crate) fn of_namespace(namespace: &str, pods: Option<Selector>) -> Self {
        Self { namespaces: vec![namespace.to_owned()], by_label: None, pods }
    }

    /// Of a term of a pod in `namespace`.
    pub(crate) fn of_term(namespace: &str, term: &PodAffinityTerm) -> Self {
        let mut namespaces = term.namespaces.clone().unwrap_or_default();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.push(namespace.to_owned());
        }
        namespaces.sort_unstable();
        let by_label = Selector::from_api(term.namespace_selector.as_ref());
        Self { namespaces, by_label, pods: Selector::from_api(term.label_selector.as_ref()) }
    }

    pub(crate) fn matches(&self, namespace: &str, labels: &Labels) -> bool {
        let inside = || {
            self.namespaces.iter().any(|one| one == namespace)
                || self.by_label.as_ref().is_some_and(|selector| {
                    selector.matches(&BTreeMap::from([(NAMESPACE_NAME.to_owned(), namespace.to_owned())]))
                })
        };
        inside() && self.pods.as_ref().is_some_and(|selector| selector.matches(labels))
    }

    /// Its namespaces, if they are a fixed list.
    pub(crate) fn namespaces(&self) -> Option<&[String]> {
        self.by_label.is_none().then_some(&self.namespaces)
    }

    /// Whether it asks for labels of namespaces that are unknown here.
    pub(crate) fn needs_namespace_labels(&self) -> bool {
        let selector = self.by_label.iter();
        selector.flat_map(Selector::requirements).any(|requirement| requirement.key != NAMESPACE_NAME)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

    use super::*;

    fn labels(key: &str, value: &str) -> Labels {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    fn selector(key: &str, value: &str) -> Option<LabelSelector> {
        Some(LabelSelector { match_labels: Some(labels(key, value)), ..LabelSelector::default() })
    }

    #[test]
    fn a_term_without_namespaces_means_those_of_its_pod() {
        let term = PodAffinityTerm { label_selector: selector("app", "a"), ..PodAffinityTerm::default() };
        let scope = Scope::of_term("shop", &term);
        assert!(scope.matches("shop", &labels("app", "a")));
        assert!(!scope.matches("shop", &labels("app", "b")));
        assert!(!scope.matches("other", &labels("app", "a")));
    }

    #[test]
    fn namespaces_are_selected_by_name_and_an_empty_selector_means_all() {
        let by_name = PodAffinityTerm {
            label_selector: selector("app", "a"),
            namespace_selector: selector(NAMESPACE_NAME, "other"),
            ..PodAffinityTerm::default()
        };
        let scope = Scope::of_term("shop", &by_name);
        assert!(scope.matches("other", &labels("app", "a")) && !scope.matches("shop", &labels("app", "a")));
        assert!(!scope.needs_namespace_labels());
        let all = PodAffinityTerm { namespace_selector: Some(LabelSelector::default()), ..by_name };
        assert!(Scope::of_term("shop", &all).matches("anywhere", &labels("app", "a")));
        let by_team = PodAffinityTerm { namespace_selector: selector("team", "a"), ..all };
        assert!(Scope::of_term("shop", &by_team).needs_namespace_labels());
    }
}
