//! What a plan is worth, as data.

use std::fmt;

use netmarks_core::application::Application;
use netmarks_placement::Routing;
use serde::{Deserialize, Serialize};

/// What a plan gains, how near that is to what could be, and what it leaves out. Traffic is in bytes per second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanReport {
    pub nodes: usize,
    pub pods: usize,
    pub applications: usize,
    pub flows: usize,
    /// Traffic that has pods at both ends.
    pub bytes_per_second: f64,
    pub before: Standing,
    pub after: Standing,
    /// What all moves would gain within nodes, without `moves`, `share_of_pods` and `stop_at`.
    pub all_moves_gain: f64,
    /// How many those are.
    pub all_moves: usize,
    /// What a search keeps within nodes that knows the limits and does not ask kube-scheduler.
    pub found: f64,
    /// What the same search keeps without `most_on_node` and `most_in_zone`.
    pub found_without_caps: f64,
    /// What no placement of the pods that may move exceeds.
    pub bound: f64,
    pub ended: PlanEnd,
    /// What the first moves gain, by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<CurvePoint>,
    /// Each Service that has traffic, the heaviest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceRouting>,
    /// Pods with traffic that are not moved, by why, the most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOutPods>,
    /// Sentences about what the snapshot and the model lack, and policies that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// Figures of one placement. Shares are of 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Bytes per second, by the routing of each Service.
    pub within_nodes: f64,
    /// The same within zones.
    pub within_zones: f64,
    /// Of the rest, in the currency of the prices; absent without prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_month: Option<f64>,
    /// By the model of response times; absent without traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_p99_ms: Option<f64>,
    /// CPU that is requested of the fullest node.
    pub cpu_most: f64,
    pub largest_share_on_node: f64,
    pub largest_share_in_zone: f64,
}

/// Why a plan has no more moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanEnd {
    /// No other move was found that is worth it.
    #[default]
    NothingLeft,
    /// It has what it should have of what all moves gain.
    StopAt,
    /// The number of moves is used up.
    Moves,
}

/// What the first moves of a plan gain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    pub moves: usize,
    /// Of all pods, of 1.
    pub share_of_pods: f64,
    /// Bytes per second.
    pub within_nodes: f64,
    /// Bytes per second.
    pub within_zones: f64,
    /// Of what all moves gain within nodes, of 1.
    pub share_of_gain: f64,
}

/// How calls to a Service are routed, and what another setting would do after the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRouting {
    /// `namespace/name`.
    pub service: String,
    pub application: Application,
    /// What is exchanged with those who call it.
    pub bytes_per_second: f64,
    /// As calls are routed now.
    pub routing: Routing,
    /// Bytes per second that stay within nodes before the plan, as calls are routed now.
    pub within_nodes_before: f64,
    /// The same after the plan.
    pub within_nodes_after: f64,
    /// The same within zones.
    pub within_zones_after: f64,
    /// After the plan, where calls prefer their node.
    pub same_node: Preference,
    /// After the plan, where calls prefer their zone.
    pub same_zone: Preference,
    pub advice: Advice,
}

/// What a routing would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preference {
    /// Bytes per second.
    pub within_nodes: f64,
    /// Bytes per second.
    pub within_zones: f64,
    /// How many times the mean of the application's pods the busiest gets.
    pub busiest: f64,
}

/// What to do about the routing of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// Nothing: another setting keeps no more near.
    Keep,
    /// `trafficDistribution: PreferSameNode`.
    PreferSameNode,
    /// `trafficDistribution: PreferSameZone`.
    PreferSameZone,
    /// Istio's locality load balancing, by a DestinationRule.
    IstioLocality,
    /// Nothing: more would stay near, and too few pods would get too many of the calls.
    TooUneven,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "-",
            Self::PreferSameNode => "PreferSameNode",
            Self::PreferSameZone => "PreferSameZone",
            Self::IstioLocality => "DestinationRule",
            Self::TooUneven => "too uneven",
        })
    }
}

/// Pods that are not moved for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOutPods {
    pub why: Obstacle,
    pub pods: usize,
    /// One of them.
    pub example: String,
}

/// Why a pod is not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// It has no node yet.
    Pending,
    /// A DaemonSet or the node itself made it.
    BelongsToNode,
    NoController,
    /// Neither a ReplicaSet, a ReplicationController nor a StatefulSet.
    OtherController,
    Stateful,
    OnlyPod,
    FrozenNamespace,
    FrozenNode,
    /// Its PodDisruptionBudget allows no disruption.
    BudgetSpent,
    /// Several PodDisruptionBudgets select it.
    SeveralBudgets,
    /// kube-scheduler would choose another node, where it gains less.
    OtherNode,
    /// kube-scheduler would choose the node that it is on.
    SameNode,
    /// kube-scheduler would choose one of several nodes at random, and it would gain less on some.
    Tie,
    /// No node takes the replacement while the old pod ends.
    NoNode,
    /// The cap on a node or zone.
    Cap,
    /// The application would be on fewer nodes or in fewer zones.
    Spread,
    /// Too little would stay free.
    Headroom,
    /// More would cross zones, or cost more.
    AcrossZones,
    /// The moves of its application, or of a node, are used up.
    MovesSpent,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "has no node yet",
            Self::BelongsToNode => "belongs to its node: a DaemonSet or the node itself made it",
            Self::NoController => "has no controller that would make another",
            Self::OtherController => {
                "its controller is neither a ReplicaSet, a ReplicationController nor a StatefulSet"
            }
            Self::Stateful => "belongs to a StatefulSet; --stateful moves it",
            Self::OnlyPod => "is the only pod of its application that runs; --singletons moves it",
            Self::FrozenNamespace => "its namespace is frozen",
            Self::FrozenNode => "is on a frozen node, or kube-scheduler would choose one",
            Self::BudgetSpent => "its PodDisruptionBudget allows no disruption now",
            Self::SeveralBudgets => "several PodDisruptionBudgets select it, so it cannot be evicted",
            Self::OtherNode => "kube-scheduler would choose a node where it gains less",
            Self::SameNode => "kube-scheduler would choose the node that it is on",
            Self::Tie => "kube-scheduler would choose among several nodes at random, some of which gain less",
            Self::NoNode => "no node has room for the new pod while the old one ends",
            Self::Cap => "a node or zone would have too much of its application",
            Self::Spread => "its application would be on fewer nodes or in fewer zones",
            Self::Headroom => "too little of the node would stay free",
            Self::AcrossZones => "more would cross zones, or cost more, on the way",
            Self::MovesSpent => "the moves of its application or of a node are used up",
        })
    }
}
