//! How well do nodes suit a pod? kube-scheduler's score plugins, normalised and weighted as in its default profile.

mod pod_affinity;
mod resources;
mod soft_rules;
mod spreading;

use std::fmt;

use crate::cluster::Cluster;
use crate::node_affinity::PreferredTerms;
use crate::template::Template;

/// The best score of a plugin before its weight.
pub(crate) const MOST: i64 = 100;

/// A score plugin of the default profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plugin {
    TaintToleration,
    NodeAffinity,
    NodeResourcesFit,
    PodTopologySpread,
    InterPodAffinity,
    NodeResourcesBalancedAllocation,
    /// The extender; it is not a plugin of kube-scheduler, but its scores are added as if it were.
    Extender,
}

impl Plugin {
    /// Those that are asked for every pod.
    pub(crate) const ALL: [Self; 6] = [
        Self::TaintToleration,
        Self::NodeAffinity,
        Self::NodeResourcesFit,
        Self::PodTopologySpread,
        Self::InterPodAffinity,
        Self::NodeResourcesBalancedAllocation,
    ];

    /// By what its scores of 0 to 100 are multiplied; the extender's weight is in its scores.
    #[must_use]
    pub fn weight(self) -> i64 {
        match self {
            Self::TaintToleration => 3,
            Self::NodeAffinity | Self::PodTopologySpread | Self::InterPodAffinity => 2,
            Self::NodeResourcesFit | Self::NodeResourcesBalancedAllocation | Self::Extender => 1,
        }
    }

    /// Writes the normalised score of each candidate. `added` are preferred terms that the pod has beside those of its template.
    pub(crate) fn score(
        self,
        cluster: &Cluster,
        pod: &Template,
        added: &PreferredTerms,
        candidates: &[usize],
        scores: &mut Vec<i64>,
    ) {
        scores.clear();
        match self {
            Self::TaintToleration => soft_rules::taints(cluster, pod, candidates, scores),
            Self::NodeAffinity => soft_rules::node_affinity(cluster, pod, added, candidates, scores),
            Self::NodeResourcesFit => resources::least_allocated(cluster, pod, candidates, scores),
            Self::PodTopologySpread => spreading::score(cluster, pod, candidates, scores),
            Self::InterPodAffinity => pod_affinity::score(cluster, pod, candidates, scores),
            Self::NodeResourcesBalancedAllocation => {
                resources::balanced_allocation(cluster, pod, candidates, scores);
            }
            Self::Extender => {}
        }
        // A plugin that a pod does not concern writes nothing.
        scores.resize(candidates.len(), 0);
    }
}

impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
