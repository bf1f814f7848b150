//! What no placement exceeds: a proof for each pair of applications by itself.
//!
//! Pods are whole and nodes are finite. Of a pair with A and B pods at most min(A, B) nodes have pods of both, and what such a node gains is
//! the smaller of both shares that fit there together. The sum over the best so many nodes bounds what the pair gains, whatever else runs.
//! Pairs compete for room, which this does not see: the real best may be lower.

use std::collections::BTreeMap;

use crate::search::problem::{Problem, Room};

/// Groups of nodes that are looked at for each pair. Each is taken to have the most of what any of its nodes has.
const GROUPS: usize = 24;

/// Nodes that are alike, or are taken to be.
struct Group {
    room: Room,
    nodes: usize,
}

/// Bytes per second that no placement within the limits exceeds. Pods' own rules are left out of account.
pub(crate) fn bound(problem: &Problem<'_>) -> f64 {
    let groups = groups(problem);
    let smallest: Vec<Room> = (0..problem.applications()).map(|of| smallest(problem, of)).collect();
    let most: Vec<u32> = (0..problem.applications()).map(|of| most_on_node(problem, of)).collect();
    let facts = |of: usize| Facts {
        pods: problem.pods(of).len(),
        share: problem.share(of),
        requests: smallest.get(of).copied().unwrap_or_default(),
        most: most.get(of).copied().unwrap_or(u32::MAX),
    };
    let mut sum = 0.0;
    for one in 0..problem.applications() {
        let (facts_of_one, own) = (facts(one), problem.own(one));
        sum += own.local + own.spread * largest_share(&groups, &facts_of_one);
        for peer in problem.peers(one).iter().filter(|peer| peer.application > one) {
            let other = facts(peer.application);
            if peer.local > 0.0 {
                sum += peer.local * common(&groups, &facts_of_one, &other);
            }
            if peer.spread > 0.0 {
                let most = largest_share(&groups, &facts_of_one).min(largest_share(&groups, &other));
                sum += peer.spread * most;
            }
        }
    }
    sum.min(problem.traffic)
}

/// What the bound asks of an application.
struct Facts {
    pods: usize,
    share: f64,
    /// The least that any of its pods requests.
    requests: Room,
    most: u32,
}

/// Nodes by what pods that talk can have there.
fn groups(problem: &Problem<'_>) -> Vec<Group> {
    let mut used = vec![Room::default(); problem.nodes()];
    let mut kept = used.clone();
    for (pod, node) in problem.start.iter().enumerate() {
        let Some(node) = *node else { continue };
        let requests = problem.requests(pod);
        if let Some(used) = used.get_mut(node) {
            *used = used.plus(requests);
        }
        // What is fixed of the pair itself takes no room from it.
        if problem.is_fixed(pod)
            && problem.is_indifferent(pod)
            && let Some(kept) = kept.get_mut(node)
        {
            *kept = kept.plus(requests);
        }
    }
    // Where a node has more than it should, all of it may stay.
    let rooms = problem.room.iter().zip(&used).zip(&kept);
    let mut rooms: Vec<Room> = rooms.map(|((room, used), kept)| room.most(*used).minus(*kept)).collect();
    rooms.sort_by_key(|room| std::cmp::Reverse((room.cpu_millicores, room.memory_bytes, room.pods)));
    let mut shapes = BTreeMap::<(i64, i64, i64), usize>::new();
    for room in &rooms {
        *shapes.entry((room.cpu_millicores, room.memory_bytes, room.pods)).or_default() += 1;
    }
    if shapes.len() <= GROUPS {
        let group = |((cpu_millicores, memory_bytes, pods), nodes)| Group {
            room: Room { cpu_millicores, memory_bytes, pods },
            nodes,
        };
        return shapes.into_iter().map(group).collect();
    }
    let of = |rooms: &[Room]| {
        let room = rooms.iter().copied().reduce(Room::most).unwrap_or_default();
        Group { room, nodes: rooms.len() }
    };
    rooms.chunks(rooms.len().div_ceil(GROUPS).max(1)).map(of).collect()
}

/// The most of an application's pods that a node can have: its cap, or what a node has already.
fn most_on_node(problem: &Problem<'_>, application: usize) -> u32 {
    let mut here = BTreeMap::<usize, u32>::new();
    for node in problem.pods(application).iter().filter_map(|pod| problem.start.get(*pod).copied().flatten())
    {
        *here.entry(node).or_default() += 1;
    }
    here.into_values().max().unwrap_or(0).max(problem.most_on_node(application))
}

fn smallest(problem: &Problem<'_>, application: usize) -> Room {
    let requests = problem.pods(application).iter().map(|pod| problem.requests(*pod));
    requests.reduce(Room::least).unwrap_or_default()
}

/// How many pods fit beside so many of another application.
fn fit(room: Room, beside: Room, count: u32, requests: Room) -> u32 {
    let left = |room: i64, beside: i64, requests: i64| {
        let left = room.saturating_sub(beside.saturating_mul(i64::from(count)));
        match (left < 0, requests > 0) {
            (true, _) => 0,
            (false, false) => i64::from(u32::MAX),
            (false, true) => left.checked_div(requests).unwrap_or(0),
        }
    };
    let most = left(room.cpu_millicores, beside.cpu_millicores, requests.cpu_millicores)
        .min(left(room.memory_bytes, beside.memory_bytes, requests.memory_bytes))
        .min(left(room.pods, beside.pods, requests.pods));
    u32::try_from(most).unwrap_or(u32::MAX)
}

/// The largest share (of 1) of an application that one node can have.
fn largest_share(groups: &[Group], of: &Facts) -> f64 {
    let most = groups.iter().map(|group| fit(group.room, Room::default(), 0, of.requests)).max().unwrap_or(0);
    (f64::from(most.min(of.most)) * of.share).min(1.0)
}

/// The largest sum over nodes of the smaller of two applications' shares (of 1).
fn common(groups: &[Group], one: &Facts, other: &Facts) -> f64 {
    // The one with fewer pods is counted up; there are fewer cases.
    let (few, many) = if one.pods <= other.pods { (one, other) } else { (other, one) };
    let mut gains: Vec<(f64, usize)> =
        groups.iter().map(|group| (on_node(group.room, few, many), group.nodes)).collect();
    gains.sort_by(|one, other| other.0.total_cmp(&one.0));
    let (mut left, mut sum) = (few.pods, 0.0);
    for (gain, nodes) in gains {
        sum += gain * nodes.min(left) as f64;
        left = left.saturating_sub(nodes);
    }
    sum.min(1.0)
}

/// The largest smaller share of both that one node can have.
fn on_node(room: Room, few: &Facts, many: &Facts) -> f64 {
    let pods = u32::try_from(few.pods).unwrap_or(u32::MAX).min(few.most);
    let mut best = 0.0f64;
    for count in 1..=pods {
        let share = f64::from(count) * few.share;
        let others = fit(room, few.requests, count, many.requests).min(many.most);
        best = best.max(share.min(f64::from(others) * many.share));
        // From here on more of the one only leaves less for the other.
        if f64::from(others) * many.share <= share {
            break;
        }
    }
    best
}
