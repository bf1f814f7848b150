//! A pod, compiled: what the filters and scores read.

use hashbrown::HashMap;

use crate::counts::CountId;
use crate::left_out::LeftOut;
use crate::node_rules::NodeRulesId;
use crate::pod::HostPort;
use crate::resources::ResourceList;
use crate::selector::Labels;
use crate::topology::TopologyId;

/// A pod compiled by [`crate::Cluster::template`]. Pods that differ only in name share one. It means something to that
/// cluster and its clones alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub(crate) u32);

#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) namespace: String,
    pub(crate) labels: Labels,
    pub(crate) terminating: bool,
    pub(crate) requests: ResourceList,
    /// CPU and memory as the scores count them on a node.
    pub(crate) non_zero: ResourceList,
    /// And before it is on a node.
    pub(crate) scored: ResourceList,
    pub(crate) ports: Vec<HostPort>,
    pub(crate) rules: NodeRulesId,
    pub(crate) hard: Vec<HardSpread>,
    pub(crate) soft: SoftSpread,
    pub(crate) affinity: Near,
    /// Required anti-affinity: no pod of these counts may be near.
    pub(crate) anti_affinity: Vec<CountId>,
    /// Pods of these counts keep this one away.
    pub(crate) repelled_by: Vec<CountId>,
    /// Each pod near changes the score by this.
    pub(crate) attraction: Vec<(CountId, i64)>,
    /// The counts that include its pods; one may be there twice.
    pub(crate) counted_in: Vec<CountId>,
    /// How many of its pods are on which node.
    pub(crate) placed: HashMap<usize, u32, foldhash::fast::RandomState>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// A constraint that excludes nodes.
#[derive(Clone, Debug)]
pub(crate) struct HardSpread {
    pub(crate) count: CountId,
    pub(crate) max_skew: i64,
    pub(crate) min_domains: usize,
    /// Whether the pod itself is of those that are counted.
    pub(crate) counts_itself: bool,
}

/// Constraints that lower the score.
#[derive(Clone, Debug, Default)]
pub(crate) struct SoftSpread {
    pub(crate) constraints: Vec<SoftConstraint>,
    /// Nodes without a label of any constraint score nothing. The defaults need none.
    pub(crate) needs_all_labels: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct SoftConstraint {
    /// Of its label.
    pub(crate) topology: TopologyId,
    pub(crate) count: CountId,
    /// Whether each node counts for itself.
    pub(crate) by_node: bool,
    pub(crate) max_skew: i64,
}

/// Required affinity: pods of all these counts must be near.
#[derive(Clone, Debug, Default)]
pub(crate) struct Near {
    pub(crate) counts: Vec<CountId>,
    /// Whether the pod matches its own terms: then the first of its kind may start anywhere.
    pub(crate) matches_itself: bool,
}
