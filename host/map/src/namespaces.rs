//! Traffic by namespace, for what is followed over time.

use std::collections::BTreeMap;

use crate::amounts::Amounts;
use crate::scene::Scene;
use crate::split::Splitter;

/// Stands for the namespaces beyond the bound; no namespace has this name.
const OTHERS: &str = "(others)";

/// What the applications of one namespace call.
#[derive(Clone, Debug, PartialEq)]
pub struct NamespaceAmounts {
    pub namespace: String,
    pub amounts: Amounts,
}

/// The bytes per second that are called from each namespace, so that their sum counts every byte once: those of the `most`
/// namespaces that call most, in order of name, and those of all others together.
#[must_use]
pub fn by_namespace(scene: &Scene, most: usize) -> Vec<NamespaceAmounts> {
    let mut sums: BTreeMap<&str, Amounts> = BTreeMap::new();
    let mut splitter = Splitter::new(scene);
    for flow in &scene.flows {
        let source = scene.applications.get(flow.source as usize);
        let namespace = source.map_or("", |source| source.name.namespace());
        *sums.entry(namespace).or_default() += splitter.amounts(flow);
    }
    let mut sums: Vec<(&str, Amounts)> = sums.into_iter().collect();
    sums.sort_by(|left, right| right.1.total().total_cmp(&left.1.total()));
    let rest = sums.split_off(most.min(sums.len()));
    sums.sort_by_key(|(namespace, _)| *namespace);
    if !rest.is_empty() {
        let mut others = Amounts::default();
        rest.into_iter().for_each(|(_, amounts)| others += amounts);
        sums.push((OTHERS, others));
    }
    let named =
        |(namespace, amounts): (&str, Amounts)| NamespaceAmounts { namespace: namespace.to_owned(), amounts };
    sums.into_iter().map(named).collect()
}
