//! Nodes by column: which of them, and what is said of each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::amounts::Ends;
use crate::scene::{Node, Scene, number};
use crate::text::{digits, escaped};

/// Most nodes, and bytes of their columns: names can be long.
const NODES: usize = 5_000;
const NODE_BYTES: usize = 230_000;

/// Nodes by column, in the order of their zones and names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeColumns {
    /// What all names begin with.
    pub prefix: String,
    /// What all names end with.
    pub suffix: String,
    /// The rest of each name.
    pub names: Vec<String>,
    /// Indexes into `zones`.
    pub zone: Vec<u32>,
    pub pods: Vec<u32>,
    /// 0 where it is unknown.
    pub max_pods: Vec<u32>,
    /// What its pods request of the CPU that they may, per mille; -1 where that is unknown.
    pub cpu: Vec<i32>,
    /// The same of memory.
    pub memory: Vec<i32>,
    /// 1 where it takes no pod that does not tolerate it.
    pub closed: Vec<u8>,
    /// Bytes per second with both ends here.
    pub within: Vec<u64>,
    /// Bytes per second with one end on another node.
    pub beyond: Vec<u64>,
    /// Nodes that were asked for and are not here: those with the least traffic.
    pub left_out: usize,
}

/// The nodes that are shown, in their order.
pub(crate) struct Chosen {
    pub(crate) nodes: Vec<u32>,
    pub(crate) left_out: usize,
    /// What their columns take, about.
    pub(crate) bytes: usize,
}

/// Chooses among the nodes of a zone of this name, if there is one, and among those of these names, if there are any.
pub(crate) fn choose(
    scene: &Scene,
    (zone, names): (Option<&str>, &[String]),
    pods: &[u32],
    ends: &[Ends],
) -> Chosen {
    let in_zone = |node: &Node| {
        let of_node = scene.zones.get(node.zone as usize).and_then(|zone| zone.name.as_deref());
        zone.is_none_or(|name| of_node.unwrap_or_default() == name)
    };
    let asked = |node: &Node| names.is_empty() || names.contains(&node.name);
    let all = scene.nodes.iter().enumerate().filter(|(_, node)| in_zone(node) && asked(node));
    let mut chosen: Vec<u32> = all.map(|(index, _)| number(index)).collect();
    let count = chosen.len();
    let (prefix, suffix) = around(chosen.iter().map(|node| scene.node_name(*node)));
    let cost = |index: &u32| {
        let Some(node) = scene.nodes.get(*index as usize) else { return 0 };
        let ends = ends.get(*index as usize).copied().unwrap_or_default();
        let pods = pods.get(*index as usize).copied().unwrap_or(0);
        let numbers = [u64::from(pods), u64::from(node.max_pods), whole(ends.within), whole(ends.beyond)];
        // Zone, both kinds of room and whether it is closed take 15 at most, commas included.
        let numbers = 15 + numbers.map(digits).iter().sum::<usize>() + numbers.len();
        escaped(&node.name).saturating_sub(prefix + suffix) + numbers
    };
    let mut bytes = prefix + suffix + chosen.iter().map(cost).sum::<usize>();
    if count > NODES || bytes > NODE_BYTES {
        let traffic = |node: &u32| ends.get(*node as usize).copied().unwrap_or_default().total();
        chosen.sort_by(|left, right| traffic(right).total_cmp(&traffic(left)).then(left.cmp(right)));
        bytes = prefix + suffix;
        let fits = |node: &&u32| {
            let fits = bytes + cost(node) <= NODE_BYTES;
            bytes += if fits { cost(node) } else { 0 };
            fits
        };
        let kept = chosen.iter().take(NODES).take_while(fits).count();
        chosen.truncate(kept);
        chosen.sort_unstable();
    }
    let left_out = count - chosen.len();
    Chosen { nodes: chosen, left_out, bytes }
}

/// How many bytes all names share at the beginning and, beyond those, at the end.
fn around<'n>(mut names: impl Iterator<Item = &'n str> + Clone) -> (usize, usize) {
    let Some(first) = names.next() else { return (0, 0) };
    let all = names.clone();
    let prefix = names.fold(first.len(), |length, name| {
        let same = first.bytes().zip(name.bytes()).take_while(|(one, other)| one == other).count();
        length.min(same)
    });
    let prefix = first.floor_char_boundary(prefix);
    let suffix = all.fold(first.len() - prefix, |length, name| {
        let same = first.bytes().rev().zip(name.bytes().rev()).take_while(|(one, other)| one == other);
        length.min(same.count()).min(name.len().saturating_sub(prefix))
    });
    (prefix, first.len() - first.ceil_char_boundary(first.len() - suffix))
}

/// The columns of the chosen nodes.
pub(crate) fn columns(
    scene: &Scene,
    chosen: &[u32],
    groups: &[u32],
    pods: &[u32],
    ends: &[Ends],
) -> NodeColumns {
    let name = |node: &u32| scene.node_name(*node);
    // One name alone is all prefix, which would be hard to read.
    let (prefix, suffix) = if chosen.len() < 2 { (0, 0) } else { around(chosen.iter().map(name)) };
    let first = chosen.first().map(name).unwrap_or_default();
    let part = |from: usize, to: usize, name: &str| name.get(from..to).unwrap_or_default().to_owned();
    let mut columns = NodeColumns {
        prefix: part(0, prefix, first),
        suffix: part(first.len() - suffix, first.len(), first),
        ..NodeColumns::default()
    };
    for index in chosen {
        let Some(node) = scene.nodes.get(*index as usize) else { continue };
        let ends = ends.get(*index as usize).copied().unwrap_or_default();
        let Node { name, zone, allocatable, requested, pods: _, max_pods, closed } = node;
        columns.names.push(part(prefix, name.len() - suffix, name));
        columns.zone.push(groups.get(*zone as usize).copied().unwrap_or(0));
        columns.pods.push(pods.get(*index as usize).copied().unwrap_or(0));
        columns.max_pods.push(*max_pods);
        columns.cpu.push(per_mille(requested.cpu_millicores, allocatable.cpu_millicores));
        columns.memory.push(per_mille(requested.memory_bytes, allocatable.memory_bytes));
        columns.closed.push(u8::from(*closed));
        columns.within.push(whole(ends.within));
        columns.beyond.push(whole(ends.beyond));
    }
    columns
}

/// At most 9,999, -1 where nothing is known.
pub(crate) fn per_mille(part: u64, whole: u64) -> i32 {
    let share = u128::from(part) * 1_000;
    share
        .checked_div(u128::from(whole))
        .map_or(-1, |share| i32::try_from(share).map_or(9_999, |it| it.min(9_999)))
}

/// Whole bytes per second.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast cuts to the range, and NaN is 0"
)]
pub(crate) fn whole(amount: f64) -> u64 {
    amount.round() as u64
}
