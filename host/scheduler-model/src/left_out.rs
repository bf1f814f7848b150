//! What the model does not know or do, as it concerns one pod.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that kube-scheduler regards for a pod and the model does not. Its text is a sentence for a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeftOut {
    /// Nodes that already have the pod's images score up to 100 more.
    ImageLocality,
    /// A claim without a volume: it is bound, or provisioned, for the node that is chosen.
    UnboundVolume,
    /// Limits on how many volumes a node attaches, and on volumes that one pod or node may use at a time.
    VolumeLimits,
    /// Devices and other claims of dynamic resource allocation.
    ResourceClaims,
    /// The pod is held back by scheduling gates.
    SchedulingGates,
    /// The pod belongs to a group that is placed as a whole.
    SchedulingGroup,
    /// The pod would displace others of lower priority; the model displaces nobody.
    Preemption,
    /// The Services and the workload behind the default spreading are unknown.
    DefaultSpreading,
    /// The labels of a namespace that an affinity term selects are unknown.
    NamespaceLabels,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ImageLocality => "Which nodes have its images is unknown.",
            Self::UnboundVolume => "It has a claim that no volume is bound to; any node is taken to suit it.",
            Self::VolumeLimits => "Limits on how many volumes a node attaches are unknown.",
            Self::ResourceClaims => "Its resource claims (devices) are not considered.",
            Self::SchedulingGates => "Its scheduling gates are not considered.",
            Self::SchedulingGroup => "It belongs to a pod group and is placed on its own.",
            Self::Preemption => "Its priority would let it displace other pods; the model displaces nobody.",
            Self::DefaultSpreading => {
                "The selector of its workload is unknown; default spreading counts the pods of its Services and \
                 those with its own labels."
            }
            Self::NamespaceLabels => "Labels of namespaces are unknown, and its affinity selects by them.",
        })
    }
}
