//! Why a pod cannot run on a node.

use std::borrow::Cow;
use std::fmt;

/// The first filter of kube-scheduler that a node fails for a pod. Its text is a clause for a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The cluster has no such node, or the template is another cluster's.
    Unknown,
    /// The node is cordoned.
    Unschedulable,
    /// It has a taint that the pod does not tolerate.
    Taint,
    /// The pod's node selector or node affinity does not match it.
    NodeAffinity,
    /// A port of the node that the pod needs is taken.
    HostPort,
    /// It has no room for another pod.
    TooManyPods,
    /// It has too little left of a resource, by its name.
    Insufficient(Cow<'static, str>),
    /// A volume of the pod cannot be used on it.
    VolumeAffinity,
    /// A volume of the pod is in another zone or region.
    VolumeZone,
    /// It lacks a label that a spread constraint needs.
    SpreadLabel,
    /// Its domain has too many of the pods that a spread constraint counts.
    Spread,
    /// The pods that the pod needs beside it are not there.
    PodAffinity,
    /// Pods that the pod keeps away from are there.
    PodAntiAffinity,
    /// Pods that keep away from the pod are there.
    ExistingAntiAffinity,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown to the model",
            Self::Unschedulable => "cordoned",
            Self::Taint => "has a taint that the pod does not tolerate",
            Self::NodeAffinity => "does not match the pod's node selector or affinity",
            Self::HostPort => "a host port that the pod needs is taken",
            Self::TooManyPods => "has as many pods as it takes",
            Self::Insufficient(resource) => return write!(f, "too little {resource} left"),
            Self::VolumeAffinity => "a volume of the pod cannot be used there",
            Self::VolumeZone => "a volume of the pod is in another zone",
            Self::SpreadLabel => "lacks a label of the pod's spread constraints",
            Self::Spread => "the pod's spread constraints allow no more there",
            Self::PodAffinity => "the pods of the pod's affinity are not there",
            Self::PodAntiAffinity => "pods of the pod's anti-affinity are there",
            Self::ExistingAntiAffinity => "pods there keep away from the pod",
        })
    }
}
