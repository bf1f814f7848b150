//! How evenly nodes are filled, and what the loss of a node or a zone would take.

use serde::Serialize;

use crate::inventory::{Inventory, Placement};
use crate::occupancy::Occupancy;

/// How evenly requests fill the nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Balance {
    /// Standard deviation, over nodes, of the share (of 1) of CPU that is requested.
    pub cpu_deviation: f64,
    /// The same for memory.
    pub memory_deviation: f64,
    /// The fullest node's share (of 1) of CPU that is requested.
    pub cpu_most: f64,
}

/// What one failure would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Concentration {
    /// Largest share (of 1) that a node has of the pods of an application with two or more.
    pub on_node: f64,
    /// The same for a zone; 1 where there is only one.
    pub in_zone: f64,
}

/// The share (of 1) of CPU and memory that is requested of each node; a node without any counts as empty.
pub(crate) fn utilisation(inventory: &Inventory, placement: &Placement) -> Vec<(f64, f64)> {
    let mut requested = vec![(0u64, 0u64); inventory.nodes.len()];
    for (pod, node) in inventory.pods.iter().zip(placement) {
        if let Some((cpu, memory)) = node.and_then(|node| requested.get_mut(node)) {
            *cpu = cpu.saturating_add(pod.cpu_millicores);
            *memory = memory.saturating_add(pod.memory_bytes);
        }
    }
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let nodes = inventory.nodes.iter().zip(requested);
    nodes
        .map(|(node, (cpu, memory))| (share(cpu, node.cpu_millicores), share(memory, node.memory_bytes)))
        .collect()
}

pub(crate) fn balance(utilisation: &[(f64, f64)]) -> Balance {
    let deviation = |of: fn(&(f64, f64)) -> f64| {
        let count = utilisation.len().max(1) as f64;
        let mean = utilisation.iter().map(of).sum::<f64>() / count;
        (utilisation.iter().map(|node| (of(node) - mean).powi(2)).sum::<f64>() / count).sqrt()
    };
    Balance {
        cpu_deviation: deviation(|(cpu, _)| *cpu),
        memory_deviation: deviation(|(_, memory)| *memory),
        cpu_most: utilisation.iter().map(|(cpu, _)| *cpu).fold(0.0, f64::max),
    }
}

pub(crate) fn concentration(inventory: &Inventory, occupancy: &Occupancy) -> Concentration {
    let zones = inventory.zones();
    let mut most = Concentration::default();
    for application in (0..occupancy.len()).filter(|application| occupancy.pods(*application) >= 2) {
        let mut in_zone = std::collections::BTreeMap::<usize, f64>::new();
        for (node, share) in occupancy.shares(application) {
            most.on_node = most.on_node.max(share);
            if let Some(zone) = zones.get(node) {
                *in_zone.entry(*zone).or_default() += share;
            }
        }
        most.in_zone = in_zone.into_values().fold(most.in_zone, f64::max);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Node, Pod};

    #[test]
    fn deviation_is_over_nodes_and_concentration_over_applications() {
        let node = |zone: &str| Node {
            zone: Some(zone.into()),
            cpu_millicores: 1_000,
            memory_bytes: 100,
            ..Node::default()
        };
        let pod = |application, node| Pod {
            application: Some(application),
            cpu_millicores: 250,
            memory_bytes: 100,
            node: Some(node),
            ..Pod::default()
        };
        let inventory = Inventory {
            nodes: vec![node("a"), node("a"), node("b")],
            applications: vec!["x/a".into(), "x/single".into()],
            pods: vec![pod(0, 0), pod(0, 1), pod(0, 1), pod(0, 2), pod(1, 0)],
            flows: Vec::new(),
        };
        let placement = inventory.initial();
        let used = utilisation(&inventory, &placement);
        assert_eq!(used, [(0.5, 2.0), (0.5, 2.0), (0.25, 1.0)]);
        let balance = balance(&used);
        assert!((balance.cpu_deviation - 0.117_851).abs() < 1e-6 && balance.cpu_most == 0.5, "{balance:?}");
        let concentration = concentration(&inventory, &Occupancy::new(&inventory, &placement));
        assert_eq!(
            concentration,
            Concentration { on_node: 0.5, in_zone: 0.75 },
            "one pod alone does not count"
        );
    }
}
