//! How many points kube-scheduler's own score plugins can give a node, and how many nodes get that far.
//!
//! It restates what kube-scheduler is built with, so it is a file of its own: the one to look at when a new
//! version of Kubernetes comes.

use serde::Deserialize;

/// Most points of one plugin of weight 1.
pub(super) const MOST: i64 = 100;

/// By what kube-scheduler multiplies an extender's scores, beside the extender's weight.
pub(super) const FACTOR: i64 = 10;

/// The default score plugins and their weights, of `k8s.io/kubernetes/pkg/scheduler/apis/config/v1/default_plugins.go`.
/// DynamicResources is left out: it scores only pods that claim devices.
const DEFAULTS: [(&str, i64); 7] = [
    ("TaintToleration", 3),
    ("NodeAffinity", 2),
    ("PodTopologySpread", 2),
    ("InterPodAffinity", 2),
    ("NodeResourcesFit", 1),
    ("NodeResourcesBalancedAllocation", 1),
    ("ImageLocality", 1),
];

/// However large the cluster, so many nodes are scored.
const LEAST_NODES: usize = 100;

/// However large the cluster, so many percent of its nodes are scored.
const LEAST_PERCENT: usize = 5;

/// The plugins that a profile changes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Plugins {
    score: Set,
    multi_point: Set,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Set {
    enabled: Vec<Plugin>,
    disabled: Vec<Plugin>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Plugin {
    name: String,
    weight: i64,
}

impl Plugins {
    /// The most points that all plugins of the profile can give one node together.
    pub(super) fn most_points(&self) -> i64 {
        let mut weights: Vec<(String, i64)> =
            DEFAULTS.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
        for set in [&self.multi_point, &self.score] {
            for Plugin { name, .. } in &set.disabled {
                weights.retain(|(known, _)| name != "*" && known != name);
            }
            for Plugin { name, weight } in &set.enabled {
                match weights.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => *known = (*weight).max(1),
                    // Of others named at `multiPoint` it is not known whether they score at all.
                    None if std::ptr::eq(set, &self.score) => weights.push((name.clone(), (*weight).max(1))),
                    None => {}
                }
            }
        }
        weights.iter().map(|(_, weight)| weight * MOST).sum()
    }
}

/// How many of `nodes` kube-scheduler finds fit before it stops looking, with this `percentageOfNodesToScore`; 0 or none
/// is its own choice.
pub(super) fn nodes_scored(nodes: usize, percentage: Option<i64>) -> usize {
    let percent = match usize::try_from(percentage.unwrap_or(0)).unwrap_or(0) {
        0 => 50_usize.saturating_sub(nodes / 125).max(LEAST_PERCENT),
        percent => percent,
    };
    if nodes < LEAST_NODES || percent >= 100 {
        return nodes;
    }
    (nodes * percent / 100).max(LEAST_NODES).min(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugins(json: &str) -> Plugins {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn profiles_change_the_total() {
        assert_eq!(Plugins::default().most_points(), 1_200);
        assert_eq!(
            plugins(r#"{"score": {"disabled": [{"name": "PodTopologySpread"}]}}"#).most_points(),
            1_000
        );
        let only = r#"{"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "ImageLocality", "weight": 5}]}}"#;
        assert_eq!(plugins(only).most_points(), 500);
        let more = r#"{"multiPoint": {"enabled": [{"name": "NodeAffinity", "weight": 4}, {"name": "Unknown"}]},
                       "score": {"enabled": [{"name": "Own"}, {"name": "TaintToleration"}]}}"#;
        assert_eq!(plugins(more).most_points(), 1_300);
    }

    #[test]
    fn the_table_of_the_documentation_holds() {
        let scored: Vec<usize> = [1, 99, 100, 150, 500, 1_000, 5_000, 10_000]
            .iter()
            .map(|nodes| nodes_scored(*nodes, None))
            .collect();
        assert_eq!(scored, [1, 99, 100, 100, 230, 420, 500, 500]);
        assert_eq!(nodes_scored(5_000, Some(100)), 5_000);
        assert_eq!(nodes_scored(5_000, Some(50)), 2_500);
        assert_eq!(nodes_scored(130, Some(1)), 100);
        assert_eq!(nodes_scored(5_000, Some(0)), 500);
    }
}
