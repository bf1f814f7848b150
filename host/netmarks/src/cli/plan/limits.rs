//! What a plan may do, as flags.

use std::collections::BTreeSet;

use netmarks_planner::{Limits, PlanError};
use netmarks_sources::snapshot_file::SnapshotFile;

use super::amounts::{amount, share};

/// What the plan may do. Shares are of 1.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitFlags {
    /// Most pods that move
    #[arg(long, value_name = "NUMBER")]
    moves: Option<usize>,
    /// Most of all pods that move
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().share_of_pods, value_parser = share)]
    share_of_pods: f64,
    /// Most pods of one application that move
    #[arg(long, value_name = "NUMBER")]
    per_application: Option<usize>,
    /// Most pods that leave one node, and most that come to one
    #[arg(long, value_name = "NUMBER")]
    per_node: Option<usize>,
    /// End where the plan has this much of what all moves would gain
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().stop_at, value_parser = share)]
    stop_at: f64,
    /// Bytes per second that a move must gain; by default a hundredth of what a pod exchanges on average
    #[arg(long, value_name = "NUMBER", value_parser = amount)]
    least_gain: Option<f64>,
    /// Most of an application's pods that a node gets
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().most_on_node, value_parser = share)]
    most_on_node: f64,
    /// Most of an application's pods that a zone gets
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().most_in_zone, value_parser = share)]
    most_in_zone: f64,
    /// What stays free of a node's CPU and memory when a pod comes to it
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().headroom, value_parser = share)]
    headroom: f64,
    /// Keep every application on as many nodes and in as many zones as it is
    #[arg(long)]
    keep_spread: bool,
    /// Move pods of StatefulSets, too
    #[arg(long)]
    stateful: bool,
    /// Move an application's only running pod, too
    #[arg(long)]
    singletons: bool,
    /// Move pods of this namespace and of no other. May be given more than once
    #[arg(long = "namespace", value_name = "NAME", conflicts_with = "frozen_namespaces")]
    namespaces: Vec<String>,
    /// Move no pod of this namespace. May be given more than once
    #[arg(long = "frozen-namespace", value_name = "NAME")]
    frozen_namespaces: Vec<String>,
    /// Let nothing leave this node and nothing come to it. May be given more than once
    #[arg(long = "frozen-node", value_name = "NAME")]
    frozen_nodes: Vec<String>,
}

/// The flags of [`LimitFlags`]; they say how a plan is made, so one that is read has no use for them.
pub(super) const NAMES: [&str; 15] = [
    "moves",
    "share_of_pods",
    "per_application",
    "per_node",
    "stop_at",
    "least_gain",
    "most_on_node",
    "most_in_zone",
    "headroom",
    "keep_spread",
    "stateful",
    "singletons",
    "namespaces",
    "frozen_namespaces",
    "frozen_nodes",
];

impl LimitFlags {
    /// The limits for this snapshot.
    ///
    /// # Errors
    /// For a namespace that has no pods.
    pub(super) fn of(self, snapshot: &SnapshotFile) -> Result<Limits, PlanError> {
        let Self {
            moves,
            share_of_pods,
            per_application,
            per_node,
            stop_at,
            least_gain,
            most_on_node,
            most_in_zone,
            headroom,
            keep_spread,
            stateful,
            singletons,
            namespaces,
            frozen_namespaces,
            frozen_nodes,
        } = self;
        let frozen_namespaces =
            if namespaces.is_empty() { frozen_namespaces } else { others(&namespaces, snapshot)? };
        Ok(Limits {
            moves,
            share_of_pods,
            per_application,
            per_node,
            stop_at,
            least_gain_bytes_per_second: least_gain,
            most_on_node,
            most_in_zone,
            headroom,
            keep_spread,
            stateful,
            singletons,
            frozen_namespaces,
            frozen_nodes,
        })
    }
}

/// Every namespace that has pods, but for these.
fn others(namespaces: &[String], snapshot: &SnapshotFile) -> Result<Vec<String>, PlanError> {
    let of_pods = snapshot.pods.iter().filter(|pod| !pod.is_terminating());
    let of_pods = of_pods.filter_map(|pod| Some(pod.name.split_once('/')?.0.to_owned()));
    let mut all: BTreeSet<String> = of_pods.collect();
    if let Some(missing) = namespaces.iter().find(|namespace| !all.contains(*namespace)) {
        return Err(PlanError::NoNamespace(missing.clone()));
    }
    all.retain(|namespace| !namespaces.contains(namespace));
    Ok(all.into_iter().collect())
}
