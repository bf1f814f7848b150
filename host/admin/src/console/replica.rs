//! Where the next replica of an application would go, by what is live now.

use netmarks_core::application::Application;
use netmarks_core::errors::chain;
use netmarks_core::facts::Resources;
use netmarks_core::request::PendingPod;
use netmarks_core::why::NodeScore;
use netmarks_map::{ApplicationView, Node, Scene};
use netmarks_scoring::{Empty, Scorer};
use serde::Serialize;
use utoipa::ToSchema;

/// Nodes that are shown.
const NODES: usize = 5;

/// The best nodes of an application's next replica.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct NextReplica {
    /// The policies that answered, as `NAME@REVISION`.
    policy_set: String,
    /// Why no node has a score, if none has.
    empty: Option<Empty>,
    /// Why the policies did not answer, if they did not.
    fault: Option<String>,
    /// Nodes that have room by what one replica requests, and take pods; taints that pods may tolerate, affinity and spreading are not
    /// looked at.
    candidates: usize,
    /// The best first, at most 5.
    nodes: Vec<NodeScore>,
}

/// Scores the nodes of `scene` for one more replica; runs policies on the calling thread.
pub(super) fn next_replica(scorer: &Scorer, scene: &Scene, view: &ApplicationView) -> NextReplica {
    let ApplicationView { application, cpu_millicores, memory_bytes, .. } = view;
    let requests = Resources { cpu_millicores: *cpu_millicores, memory_bytes: *memory_bytes };
    let (namespace, name) = application.split_once('/').unwrap_or(("", application));
    let pod = PendingPod {
        key: format!("{application}-next"),
        application: Some(Application::new(namespace, name)),
        requests,
        ..PendingPod::default()
    };
    let names: Vec<&str> =
        scene.nodes.iter().filter(|node| has_room(node, requests)).map(|node| node.name.as_str()).collect();
    let answer = scorer.decide(&pod, &names);
    let (policy_set, empty) = (answer.policy_set(), answer.empty);
    let (nodes, fault) = match answer.ranking(&names, NODES, true) {
        Ok(nodes) => (nodes, None),
        Err(error) => (Vec::new(), Some(chain(&error))),
    };
    NextReplica { policy_set, empty, fault, candidates: names.len(), nodes }
}

fn has_room(node: &Node, requests: Resources) -> bool {
    let mut after = node.requested;
    after.add(requests);
    let fits = |after: u64, most: u64| most == 0 || after <= most;
    !node.closed
        && fits(after.cpu_millicores, node.allocatable.cpu_millicores)
        && fits(after.memory_bytes, node.allocatable.memory_bytes)
        && (node.max_pods == 0 || node.pods < node.max_pods)
}
