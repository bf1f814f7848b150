//! What is preferred of what was scored: a few terms, because each costs the scheduler an evaluation per candidate node.
//!
//! The nodes as good as the best stand in one term, the next best in a second one with a lower weight, and the best zone in a third: it keeps a
//! pod in its zone where kube-scheduler looks at a sample of the nodes that lacks the best ones.
//! kube-scheduler adds up the weights of the terms that a node matches, stretches the sums so that the best node has 100, and
//! counts that twice.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm};

pub const HOSTNAME: &str = "kubernetes.io/hostname";
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// The zone's weight is this part of the best nodes'.
const ZONE_PART: u32 = 4;

/// A node that could take the pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredNode<'a> {
    pub name: &'a str,
    /// Its label `kubernetes.io/hostname`, which need not be its name.
    pub hostname: Option<&'a str>,
    /// Its share of the best score, 0 to 1.
    pub share: f64,
}

/// How many terms there are, and how they are graded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grading {
    /// 1 to 3.
    pub terms: usize,
    pub nodes_per_term: usize,
    /// A node with this part of the best share is as good as the best.
    pub as_good: f64,
    /// Of the best nodes, 1 to 100.
    pub weight: u32,
}

/// A preferred term of node affinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// 1 to 100.
    pub weight: u32,
    pub nodes: Nodes,
}

/// Which nodes a term prefers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// By their host names.
    Hostnames(Vec<String>),
    /// One without a host name, by its own: Kubernetes takes one name a term.
    Name(String),
    Zone(String),
}

/// The terms for the nodes that could take a pod, and for the zone where its traffic is, if there is one to prefer. Empty if no node is
/// better than another.
#[must_use]
pub fn grade(mut nodes: Vec<ScoredNode<'_>>, zone: Option<&str>, grading: &Grading) -> Vec<Term> {
    let all = nodes.len();
    nodes.retain(|node| node.share > 0.0);
    // Stable, so that equals keep the order that the caller gave them.
    nodes.sort_by(|left, right| right.share.total_cmp(&left.share));
    let Some(best) = nodes.first().map(|node| node.share) else { return Vec::new() };
    let tier = |nodes: &[ScoredNode<'_>], from: f64| {
        nodes.iter().take_while(|node| node.share >= from * grading.as_good).count()
    };
    let (first, rest) = nodes.split_at(tier(&nodes, best));
    if first.len() == all {
        return Vec::new();
    }
    let weight = |part: f64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let weight = (f64::from(grading.weight) * part.clamp(0.0, 1.0)).round() as u32;
        weight.clamp(1, 100)
    };
    let mut terms = vec![Term { weight: weight(1.0), nodes: named(first, grading.nodes_per_term) }];
    if let Some(next) = rest.first().map(|node| node.share).filter(|_| grading.terms > 1) {
        let second = rest.get(..tier(rest, next)).unwrap_or_default();
        terms.push(Term { weight: weight(next / best), nodes: named(second, grading.nodes_per_term) });
    }
    if let Some(zone) = zone.filter(|_| grading.terms > 2) {
        let weight = (grading.weight / ZONE_PART).clamp(1, 100);
        terms.push(Term { weight, nodes: Nodes::Zone(zone.to_owned()) });
    }
    terms
}

/// One term has host names or one name. So where the best of the nodes has a host name, those without are left out.
fn named(nodes: &[ScoredNode<'_>], most: usize) -> Nodes {
    match nodes.first() {
        Some(ScoredNode { hostname: None, name, .. }) => Nodes::Name((*name).to_owned()),
        _ => Nodes::Hostnames(
            nodes.iter().filter_map(|node| node.hostname).take(most).map(str::to_owned).collect(),
        ),
    }
}

impl Term {
    /// As Kubernetes has it.
    #[must_use]
    pub fn to_api(&self) -> PreferredSchedulingTerm {
        let is_in = |key: &str, values: &[String]| {
            let (key, values) = (key.to_owned(), Some(values.to_vec()));
            Some(vec![NodeSelectorRequirement { key, operator: "In".to_owned(), values }])
        };
        let one = std::slice::from_ref;
        let labels = |rules| NodeSelectorTerm { match_expressions: rules, match_fields: None };
        let preference = match &self.nodes {
            Nodes::Hostnames(names) => labels(is_in(HOSTNAME, names)),
            Nodes::Name(name) => {
                NodeSelectorTerm { match_expressions: None, match_fields: is_in("metadata.name", one(name)) }
            }
            Nodes::Zone(zone) => labels(is_in(ZONE, one(zone))),
        };
        PreferredSchedulingTerm { preference, weight: i32::try_from(self.weight).unwrap_or(100) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const DEFAULTS: Grading = Grading { terms: 3, nodes_per_term: 8, as_good: 0.9, weight: 100 };

    fn node(name: &str, share: f64) -> ScoredNode<'_> {
        ScoredNode { name, hostname: Some(name), share }
    }

    fn hostnames(weight: u32, names: &[&str]) -> Term {
        Term { weight, nodes: Nodes::Hostnames(names.iter().map(|name| (*name).to_owned()).collect()) }
    }

    fn four() -> Vec<ScoredNode<'static>> {
        vec![node("a", 0.5), node("b", 1.0), node("c", 0.0), node("d", 0.95), node("e", 0.46), node("f", 0.1)]
    }

    #[test]
    fn the_best_stand_together_then_the_next_best_then_the_zone() {
        let zone = Term { weight: 25, nodes: Nodes::Zone("z".to_owned()) };
        let expected = [hostnames(100, &["b", "d"]), hostnames(50, &["a", "e"]), zone];
        assert_eq!(grade(four(), Some("z"), &DEFAULTS), expected);
        assert_eq!(grade(four(), None, &DEFAULTS), expected[..2]);
        assert_eq!(grade(four(), Some("z"), &Grading { terms: 2, ..DEFAULTS }), expected[..2]);
        assert_eq!(grade(four(), Some("z"), &Grading { terms: 1, ..DEFAULTS }), expected[..1]);
        let small = grade(four(), Some("z"), &Grading { weight: 1, nodes_per_term: 1, ..DEFAULTS });
        let zone = Term { weight: 1, nodes: Nodes::Zone("z".to_owned()) };
        assert_eq!(small, [hostnames(1, &["b"]), hostnames(1, &["a"]), zone]);
    }

    #[test]
    fn nothing_is_preferred_where_all_are_as_good() {
        assert!(grade(vec![], Some("z"), &DEFAULTS).is_empty());
        assert!(grade(vec![node("a", 0.0)], Some("z"), &DEFAULTS).is_empty());
        assert!(grade(vec![node("a", 1.0), node("b", 0.95)], Some("z"), &DEFAULTS).is_empty());
        assert_eq!(grade(vec![node("a", 1.0), node("b", 0.0)], None, &DEFAULTS), [hostnames(100, &["a"])]);
    }

    #[test]
    fn a_host_name_is_the_label_and_a_node_without_goes_by_its_name() {
        let label = ScoredNode { name: "ip-10-0-0-1", hostname: Some("worker.example"), share: 1.0 };
        let without = ScoredNode { name: "b", hostname: None, share: 0.5 };
        let terms = grade(vec![label, without, node("c", 0.48), node("d", 0.0)], None, &DEFAULTS);
        let named = Term { weight: 50, nodes: Nodes::Name("b".to_owned()) };
        assert_eq!(terms, [hostnames(100, &["worker.example"]), named.clone()]);
        let written = serde_json::to_value(named.to_api()).unwrap();
        let fields = json!([{"key": "metadata.name", "operator": "In", "values": ["b"]}]);
        assert_eq!(written, json!({"weight": 50, "preference": {"matchFields": fields}}));
        let beside = ScoredNode { share: 0.99, ..without };
        let terms = grade(vec![label, beside, node("d", 0.0)], None, &DEFAULTS);
        assert_eq!(terms, [hostnames(100, &["worker.example"])], "a term has one or the other");
    }

    proptest! {
        /// Whatever the scores: few terms, valid weights that fall, no node twice, none without a name.
        #[test]
        fn terms_are_few_valid_and_apart(
            shares in prop::collection::vec(0.0..1.0f64, 0..60), terms in 1..4usize, nodes_per_term in 1..20usize,
            as_good in 0.01..1.0f64, weight in 1..101u32, hostnames in any::<u64>(),
        ) {
            let names: Vec<String> = (0..shares.len()).map(|number| format!("n{number}")).collect();
            let nodes: Vec<ScoredNode<'_>> = names.iter().zip(&shares).enumerate().map(|(number, (name, share))| {
                let hostname = (hostnames >> number & 1 == 0).then_some(name.as_str());
                ScoredNode { name, hostname, share: *share }
            }).collect();
            let grading = Grading { terms, nodes_per_term, as_good, weight };
            let found = grade(nodes, Some("z"), &grading);
            prop_assert!(found.len() <= terms);
            let mut seen = std::collections::BTreeSet::new();
            for term in &found {
                prop_assert!((1..=100).contains(&term.weight) && term.weight <= weight);
                let names = match &term.nodes {
                    Nodes::Hostnames(names) => names.clone(),
                    Nodes::Name(name) | Nodes::Zone(name) => vec![name.clone()],
                };
                prop_assert!(!names.is_empty() && names.len() <= nodes_per_term);
                for name in names {
                    prop_assert!(seen.insert(name));
                }
            }
            let falls = found.windows(2).all(|pair| match &pair[1].nodes {
                Nodes::Zone(_) => true,
                _ => pair[0].weight >= pair[1].weight,
            });
            prop_assert!(falls);
        }
    }
}
