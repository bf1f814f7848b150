//! Whether the pod of a move is as planned, and would be replaced.

use crate::event::Skip;
use crate::moves::Move;
use crate::seen::{Controller, PodSeen, Pods};

/// Kinds of controllers that do not replace a pod on another node: they keep it to its node, run to an end, or are the kubelet.
const NOT_REPLACING: [&str; 3] = ["DaemonSet", "Job", "Node"];

/// The pod of a move and its controller, if it is as planned and would be replaced.
pub(crate) fn movable<'a>(planned: &Move, pods: &'a Pods) -> Result<(&'a PodSeen, &'a Controller), Skip> {
    let seen = pods.get(&planned.pod).ok_or(Skip::Gone)?;
    if planned.uid.as_ref().is_some_and(|uid| *uid != seen.uid) {
        return Err(Skip::Other);
    }
    if seen.terminating {
        return Err(Skip::Terminating);
    }
    match &seen.node {
        Some(node) if *node == planned.from => {}
        Some(node) if planned.is_there(node) => return Err(Skip::There),
        node => return Err(Skip::Elsewhere { node: node.clone() }),
    }
    match &seen.controller {
        Some(controller) if !NOT_REPLACING.contains(&controller.kind.as_str()) => Ok((seen, controller)),
        other => {
            Err(Skip::NotReplaced { controller: other.as_ref().map(|controller| controller.kind.clone()) })
        }
    }
}
