//! Puts pods for which every node is as good as another where room is left.

use crate::search::assignment::Assignment;
use crate::search::chain::Chain;

/// Nodes that are looked at for a pod before all are.
const SAMPLED: usize = 24;

/// Nodes on which others are asked to make room for a pod that fits nowhere.
const SQUEEZED: usize = 200;

/// Takes the pods off their nodes.
pub(crate) fn lift(assignment: &mut Assignment<'_>, pods: &[usize]) {
    for pod in pods {
        assignment.shift(*pod, None);
    }
}

/// Puts each of the pods somewhere, the largest first: where it was at the start if it fits there, else where it leaves the least room.
/// Pods that talk give way where one fits nowhere. `None` if one fits nowhere even then.
pub(crate) fn settle<'a>(
    mut assignment: Assignment<'a>,
    pods: &[usize],
    seed: u64,
) -> Option<Assignment<'a>> {
    let problem = assignment.problem;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut pods: Vec<usize> = pods.to_vec();
    pods.sort_by_key(|pod| {
        let requests = problem.requests(*pod);
        std::cmp::Reverse((requests.cpu_millicores, requests.memory_bytes))
    });
    let mut waiting = Vec::new();
    for pod in pods {
        match problem.start.get(pod).copied().flatten() {
            Some(node) if assignment.fits(pod, node) => {
                assignment.shift(pod, Some(node));
            }
            _ => waiting.push(pod),
        }
    }
    let mut squeezed = Vec::new();
    for pod in waiting {
        match tightest(&assignment, pod, &mut random) {
            Some(node) => {
                assignment.shift(pod, Some(node));
            }
            None => squeezed.push(pod),
        }
    }
    let mut chain = Chain::new(assignment, random.u64(..));
    for pod in squeezed {
        let mut nodes = (0..SQUEEZED).map(|_| random.usize(..problem.nodes().max(1)));
        // It was somewhere at the start, or it need not be anywhere.
        if !nodes.any(|node| (problem.allowed)(pod, node) && chain.squeeze_in(pod, node))
            && problem.start.get(pod).copied().flatten().is_some()
        {
            return None;
        }
    }
    Some(chain.assignment)
}

/// The node that a pod leaves the least CPU of: of some, or of all if it fits on none of these.
fn tightest(assignment: &Assignment<'_>, pod: usize, random: &mut fastrand::Rng) -> Option<usize> {
    let nodes = assignment.problem.nodes();
    let left = |node: &usize| assignment.room(*node).cpu_millicores;
    let sampled: Vec<usize> = (0..SAMPLED).map(|_| random.usize(..nodes.max(1))).collect();
    let of_some = sampled.into_iter().filter(|node| assignment.may_go(pod, *node)).min_by_key(left);
    of_some.or_else(|| (0..nodes).filter(|node| assignment.may_go(pod, *node)).min_by_key(left))
}
