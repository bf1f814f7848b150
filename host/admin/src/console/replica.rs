//! Where the next replica of an application would go, by what is live now.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use netmarks_core::application::Application;
use netmarks_core::errors::chain;
use netmarks_core::facts::Resources;
use netmarks_core::request::PendingPod;
use netmarks_core::why::NodeScore;
use netmarks_map::{LONGEST_NAME, Node, Scene, SceneApplication, shortened};
use netmarks_scoring::{Empty, Scorer};
use netmarks_state::ClusterState;
use serde::Serialize;
use utoipa::ToSchema;

/// Nodes that are shown, and of each its heaviest peers and as much of what the policies say.
const NODES: usize = 5;
const PEERS: usize = 10;
const PARTS: usize = 20;

/// Bytes of a fault that are shown; the log has all of it.
const FAULT: usize = 1_024;

/// Pods of which one is looked for that the filters know.
const LIKE: usize = 16;

/// The best nodes of an application's next replica.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct NextReplica {
    /// The policies that answered, as `NAME@REVISION`.
    policy_set: String,
    /// Why no node has a score, if none has.
    #[schema(required)]
    empty: Option<Empty>,
    /// Why the policies did not answer, if they did not.
    #[schema(required)]
    fault: Option<String>,
    /// Nodes that could take another replica.
    candidates: usize,
    /// By what.
    judged_by: Judge,
    /// The best first, at most 5.
    nodes: Vec<NodeScore>,
}

/// What says which nodes could take another replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Judge {
    /// The scheduler's filters, for another pod like one that runs: room, taints, affinity, spreading, ports and volumes.
    SchedulerFilters,
    /// Whether a node takes pods and has room by what a replica requests; nothing else.
    Requests,
}

/// Where another pod like a running one could go: its name to names of nodes.
type AnotherOf = dyn Fn(&str) -> Option<Vec<String>> + Send + Sync;

/// Says where another pod like a running one could go; cheap to clone.
#[derive(Clone)]
pub(super) struct Filters(Arc<AnotherOf>);

impl Filters {
    pub(super) fn new(filters: impl Fn(&str) -> Option<Vec<String>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(filters))
    }

    /// The nodes that could take another pod of `application`, by the first of its pods that is known.
    pub(super) fn candidates(&self, state: &ClusterState, application: &str) -> Option<HashSet<String>> {
        let pods: Vec<String> = state.read(|index| {
            let of = |pod: &netmarks_core::index::IndexedPod<'_>| {
                pod.node.is_some() && pod.application.is_some_and(|found| found.as_str() == application)
            };
            index.pods().filter(of).take(LIKE).map(|pod| pod.key.to_owned()).collect()
        });
        pods.iter().find_map(|pod| (self.0)(pod)).map(HashSet::from_iter)
    }
}

impl fmt::Debug for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filters")
    }
}

/// Scores the nodes of `scene` for one more replica, those of `candidates` where they are known; runs policies on the calling thread.
pub(super) fn next_replica(
    scorer: &Scorer,
    scene: &Scene,
    application: &SceneApplication,
    candidates: Option<&HashSet<String>>,
) -> NextReplica {
    let SceneApplication { name, requests, .. } = application;
    let requests = *requests;
    let pod = PendingPod {
        key: format!("{name}-next"),
        application: Some(name.clone()),
        requests,
        ..PendingPod::default()
    };
    let takes = |node: &&Node| match candidates {
        Some(candidates) => candidates.contains(&node.name),
        None => has_room(node, requests),
    };
    let names: Vec<&str> = scene.nodes.iter().filter(takes).map(|node| node.name.as_str()).collect();
    let judged_by = if candidates.is_some() { Judge::SchedulerFilters } else { Judge::Requests };
    let answer = scorer.decide(&pod, &names);
    let (policy_set, empty) = (answer.policy_set(), answer.empty);
    let (nodes, fault) = match answer.ranking(&names, NODES, true) {
        Ok(nodes) => (nodes.into_iter().map(bounded).collect(), None),
        Err(error) => (Vec::new(), Some(shortened(&chain(&error), FAULT))),
    };
    NextReplica { policy_set, empty, fault, candidates: names.len(), judged_by, nodes }
}

/// As much of a node's score as is shown, however many peers there are and whatever they are called.
fn bounded(mut node: NodeScore) -> NodeScore {
    let named = |application: &Application| {
        let name = shortened(application.as_str(), LONGEST_NAME);
        let (namespace, own) = name.split_once('/').unwrap_or(("", &name));
        Application::new(namespace, own)
    };
    node.node = shortened(&node.node, LONGEST_NAME);
    node.peers.truncate(PEERS);
    for peer in &mut node.peers {
        peer.application = named(&peer.application);
    }
    node.parts.truncate(PARTS);
    for part in &mut node.parts {
        part.label = shortened(&part.label, LONGEST_NAME);
        part.peer = part.peer.as_ref().map(named);
    }
    node
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

#[cfg(test)]
mod tests {
    use super::*;
    use netmarks_core::why::{ExplainedPart, PeerShare};

    mod hostile {
        use super::*;

        #[test]
        fn many_peers_with_long_names_leave_room_for_the_rest_of_the_answer() {
            let name = "\u{1}".repeat(63_000);
            let application = Application::new("shop", &name);
            let peer = |weight: u32| PeerShare {
                application: application.clone(),
                pods: 1,
                outbound_bytes_per_second: f64::from(weight),
                inbound_bytes_per_second: 1e9 / 3.0,
            };
            let part = ExplainedPart {
                policy: "netmarks".to_owned(),
                label: name.clone(),
                peer: Some(application.clone()),
                amount: 1e9 / 3.0,
            };
            let node = NodeScore {
                node: name,
                score: 10,
                raw: 1e9 / 3.0,
                policies: Vec::new(),
                parts: vec![part; 256],
                peers: (0..500).rev().map(peer).collect(),
            };
            let shown = bounded(node);
            assert_eq!(shown.peers.first().map(|peer| peer.outbound_bytes_per_second), Some(499.0));
            assert!(shown.peers.iter().all(|peer| peer.application.namespace() == "shop"));
            let size = NODES * serde_json::to_string(&shown).unwrap().len();
            // What else an application's answer holds takes 140 kB at most.
            assert!(size < 160_000, "{size} bytes");
        }
    }
}
