//! The search against an exact solver, and against placements that are known to be best.

use std::time::Duration;

use microlp::{ComparisonOp, OptimizationDirection, Problem as Program, Variable};

use super::*;
use crate::inventory::{Flow, Node, Pod};

/// What the search may fall short of.
const SHORT: f64 = 0.02;

/// Pods of one application that are alike.
struct Group {
    pods: i32,
    cpu_millicores: u64,
    memory_bytes: u64,
}

fn group(random: &mut fastrand::Rng, most: usize) -> Group {
    let pods = i32::try_from(1 + random.usize(..most)).unwrap();
    Group { pods, cpu_millicores: 100 * random.u64(1..9), memory_bytes: 100 * random.u64(1..7) }
}

/// Applications of such groups; each but the first talks to one before it.
fn inventory(groups: &[Group], nodes: Vec<Node>, random: &mut fastrand::Rng) -> Inventory {
    let pod = |(index, group): (usize, &Group)| {
        let pod = Pod {
            application: Some(index),
            cpu_millicores: group.cpu_millicores,
            memory_bytes: group.memory_bytes,
            ..Pod::default()
        };
        vec![pod; usize::try_from(group.pods).unwrap()]
    };
    let flow = |destination| Flow {
        source: random.usize(..destination),
        destination,
        bytes_per_second: (4.0 * random.f64()).exp(),
        calls_per_second: 0.0,
    };
    Inventory {
        nodes,
        applications: (0..groups.len()).map(|index| format!("x/{index}")).collect(),
        pods: groups.iter().enumerate().flat_map(pod).collect(),
        flows: (1..groups.len()).map(flow).collect(),
    }
}

/// A small cluster of unequal nodes whose CPU is used to between 60 and 85%.
fn small(seed: u64) -> (Vec<Group>, Inventory) {
    let mut random = fastrand::Rng::with_seed(seed);
    let nodes = random.usize(2..13);
    let groups: Vec<Group> =
        (0..random.usize(2..=(24 / nodes).clamp(2, 8))).map(|_| group(&mut random, 6)).collect();
    let all: u64 = groups.iter().map(|group| group.cpu_millicores * u64::try_from(group.pods).unwrap()).sum();
    let each = all as f64 / random.f64().mul_add(0.25, 0.6) / nodes as f64;
    let node = |_| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some thousand millicores"
        )]
        let steps = (each * random.f64().mul_add(0.6, 0.7) / 400.0).ceil() as u64;
        Node { cpu_millicores: 400 * steps, memory_bytes: 600 * steps, max_pods: 20, ..Node::default() }
    };
    let nodes = (0..nodes).map(node).collect();
    let inventory = inventory(&groups, nodes, &mut random);
    (groups, inventory)
}

/// The most shares of both that fit on a node together: the smaller of them.
fn common(one: &Group, other: &Group, node: &Node) -> f64 {
    let counts = (1..=one.pods).flat_map(|count| (1..=other.pods).map(move |others| (count, others)));
    let fit = |(count, others): &(i32, i32)| {
        let sum = |of: fn(&Group) -> u64| {
            of(one) * u64::from(count.unsigned_abs()) + of(other) * u64::from(others.unsigned_abs())
        };
        sum(|group| group.cpu_millicores) <= node.cpu_millicores
            && sum(|group| group.memory_bytes) <= node.memory_bytes
    };
    let share = |count: i32, of: &Group| f64::from(count) / f64::from(of.pods);
    counts.filter(fit).map(|(count, others)| share(count, one).min(share(others, other))).fold(0.0, f64::max)
}

/// Whether any placement gains so much, by branch and bound; `None` if that could not be found out.
fn gains(groups: &[Group], inventory: &Inventory, at_least: f64) -> Option<bool> {
    let mut program = Program::new(OptimizationDirection::Maximize);
    let counts: Vec<Vec<Variable>> = groups
        .iter()
        .map(|group| inventory.nodes.iter().map(|_| program.add_integer_var(0.0, (0, group.pods))).collect())
        .collect();
    for (group, counts) in groups.iter().zip(&counts) {
        let sum: Vec<(Variable, f64)> = counts.iter().map(|count| (*count, 1.0)).collect();
        program.add_constraint(sum, ComparisonOp::Eq, f64::from(group.pods));
    }
    for (index, node) in inventory.nodes.iter().enumerate() {
        let sum = |of: fn(&Group) -> u64| -> Vec<(Variable, f64)> {
            groups.iter().zip(&counts).map(|(group, counts)| (counts[index], of(group) as f64)).collect()
        };
        program.add_constraint(
            sum(|group| group.cpu_millicores),
            ComparisonOp::Le,
            node.cpu_millicores as f64,
        );
        program.add_constraint(sum(|group| group.memory_bytes), ComparisonOp::Le, node.memory_bytes as f64);
        program.add_constraint(sum(|_| 1), ComparisonOp::Le, f64::from(node.max_pods));
    }
    let mut objective = Vec::new();
    for flow in &inventory.flows {
        for (index, node) in inventory.nodes.iter().enumerate() {
            let kept = program.add_var(0.0, (0.0, 1.0));
            objective.push((kept, flow.bytes_per_second));
            let most = common(&groups[flow.source], &groups[flow.destination], node);
            for end in [flow.source, flow.destination] {
                // Pods are whole: one of few is a large share, of which only so much can meet its peer there.
                let share = (1.0 / f64::from(groups[end].pods)).min(most);
                program.add_constraint([(kept, 1.0), (counts[end][index], -share)], ComparisonOp::Le, 0.0);
            }
        }
    }
    program.add_constraint(objective, ComparisonOp::Ge, at_least);
    program.set_time_limit(Duration::from_secs(60));
    match program.solve() {
        Ok(outcome) => outcome.into_solution().is_ok().then_some(true),
        Err(microlp::Error::Infeasible) => Some(false),
        Err(_) => None,
    }
}

fn found(inventory: &Inventory, steps: u64, seed: u64) -> Packed {
    let effort = Effort { steps, time: None, seed, threads: 2 };
    pack(inventory, &inventory.initial(), &Goal::default(), effort, &|_, _| true, &|| false)
}

#[test]
fn no_placement_of_small_clusters_gains_much_more_and_none_more_than_the_bound() {
    let mut cases = 0;
    for seed in 1.. {
        let (groups, inventory) = small(seed);
        let packed = found(&inventory, 100_000, seed);
        if packed.placement.contains(&None) || packed.bound <= 0.0 {
            continue; // It is not even known whether all pods fit, or there is nothing to gain.
        }
        let gains = |at_least| gains(&groups, &inventory, at_least);
        let more = packed.gained * (1.0 + SHORT);
        assert_eq!(gains(more), Some(false), "seed {seed}: {} of {}", packed.gained, packed.bound);
        if more < packed.bound {
            assert_eq!(gains(packed.bound * (1.0 + 1e-6)), Some(false), "seed {seed}: {}", packed.bound);
        }
        cases += 1;
        if cases == 200 {
            break;
        }
    }
}

#[test]
fn groups_that_fill_a_node_each_are_found_together() {
    for seed in 1..=20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut groups, mut nodes, mut flows) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..12 {
            let (first, mut left, mut node) = (groups.len(), 5, Node { max_pods: 20, ..Node::default() });
            while left > 0 {
                let group = group(&mut random, 3.min(left));
                let pods = u64::try_from(group.pods).unwrap();
                left -= usize::try_from(pods).unwrap();
                node.cpu_millicores += pods * group.cpu_millicores;
                node.memory_bytes += pods * group.memory_bytes;
                if groups.len() > first {
                    flows.push((random.usize(first..groups.len()), groups.len()));
                }
                groups.push(group);
            }
            node.cpu_millicores += node.cpu_millicores * 3 / 20;
            node.memory_bytes += node.memory_bytes * 3 / 20;
            nodes.push(node);
        }
        let mut inventory = inventory(&groups, nodes, &mut random);
        inventory.flows = flows
            .into_iter()
            .map(|(source, destination)| Flow {
                source,
                destination,
                bytes_per_second: (4.0 * random.f64()).exp(),
                calls_per_second: 0.0,
            })
            .collect();
        random.shuffle(&mut inventory.pods);
        assert_eq!(inventory.pods.len(), 60);
        let packed = found(&inventory, 1_000_000, seed);
        assert!(packed.placement.iter().all(Option::is_some), "seed {seed}");
        let best = inventory.bytes_per_second();
        assert!(packed.gained >= (1.0 - SHORT) * best, "seed {seed}: {} of {best}", packed.gained);
    }
}
