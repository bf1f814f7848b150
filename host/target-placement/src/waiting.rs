//! How many of the pods that controllers want and that do not run yet take part in a search.
//!
//! `spec.replicas` is whatever somebody wrote, and a quota may keep nearly all of those pods from ever running. So they are numbers until
//! it is known how many could run: no more take part than there is room for.

use netmarks_core::application::Application;
use netmarks_core::facts::Resources;
use netmarks_core::snapshot::{ApplicationRow, NodeRow, Snapshot};

use crate::config::TargetConfig;

/// Pods that a kubelet takes unless it is told otherwise.
const DEFAULT_PODS: u32 = 110;

/// How many pods a node takes.
pub(crate) fn most_pods(node: &NodeRow) -> u32 {
    if node.max_pods == 0 { DEFAULT_PODS } else { node.max_pods }
}

/// Whether more pods of applications run or start than a target is computed for.
#[must_use]
pub fn too_large(snapshot: &Snapshot, config: &TargetConfig) -> bool {
    running(snapshot) > config.max_pods as u64
}

/// How many pods of applications run or start.
pub(crate) fn running(snapshot: &Snapshot) -> u64 {
    snapshot.applications().map(|(_, row)| u64::from(row.pods)).sum()
}

/// By application, how many of the pods that it still lacks take part: all of them, as long as open `nodes` have room for so many and there are
/// no more than `max_pods` with those that run. Of an application that has pods without a choice none do.
pub(crate) fn taking_part(
    nodes: impl Iterator<Item = NodeRow>,
    applications: &[(&Application, &ApplicationRow)],
    max_pods: usize,
) -> Vec<u64> {
    let mut room = Room::default();
    // A closed node takes only pods of applications that run there already, as a rule none.
    nodes.filter(|node| !node.closed).for_each(|node| room.add(&node));
    let running: u64 = applications.iter().map(|(_, row)| u64::from(row.pods)).sum();
    let wanted = |(_, row): &(&Application, &ApplicationRow)| match row.confined {
        0 => u64::from(row.replicas(0).saturating_sub(row.pods)).min(room.takes(row.mean_requests())),
        _ => 0,
    };
    let mut waiting: Vec<u64> = applications.iter().map(wanted).collect();
    share_out(&mut waiting, room.pods.min((max_pods as u64).saturating_sub(running)));
    waiting
}

/// Lowers the numbers until their sum is at most `most`: only those that are larger than an equal part.
fn share_out(numbers: &mut [u64], most: u64) {
    let mut by_size: Vec<&mut u64> = numbers.iter_mut().collect();
    by_size.sort();
    let (mut left, mut others) = (most, by_size.len() as u64);
    for number in by_size {
        *number = (*number).min(left / others.max(1));
        left -= *number;
        others -= 1;
    }
}

/// What nodes have left together.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    resources: Resources,
    pods: u64,
}

impl Room {
    fn add(&mut self, node: &NodeRow) {
        let NodeRow { allocatable: all, requested: used, .. } = node;
        self.resources.add(Resources {
            cpu_millicores: all.cpu_millicores.saturating_sub(used.cpu_millicores),
            memory_bytes: all.memory_bytes.saturating_sub(used.memory_bytes),
        });
        self.pods += u64::from(most_pods(node).saturating_sub(node.pods));
    }

    /// No more pods than this that request so much each.
    fn takes(&self, each: Resources) -> u64 {
        let of = |left: u64, each: u64| left.checked_div(each).unwrap_or(u64::MAX);
        let Resources { cpu_millicores, memory_bytes } = self.resources;
        self.pods.min(of(cpu_millicores, each.cpu_millicores)).min(of(memory_bytes, each.memory_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_much_gives_way_and_nobody_else() {
        let shared = |numbers: &[u64], most| {
            let mut numbers = numbers.to_vec();
            share_out(&mut numbers, most);
            numbers
        };
        assert_eq!(shared(&[2, u64::MAX, 0, 3], 20), [2, 15, 0, 3]);
        assert_eq!(shared(&[9, 1, 9], 8), [3, 1, 4]);
        assert_eq!(shared(&[4, 2], 6), [4, 2]);
        assert_eq!(shared(&[4, 2], 0), [0, 0]);
        assert!(shared(&[], 5).is_empty());
    }
}
