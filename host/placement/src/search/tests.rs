//! What a search keeps and finds.

use super::*;
use crate::gained_affinity;
use crate::inventory::{Flow, Node, Pod};

fn pairs(nodes: usize, pairs: usize) -> Inventory {
    let node = Node { cpu_millicores: 4, memory_bytes: 4, max_pods: 4, ..Node::default() };
    let pod = |application| Pod {
        application: Some(application),
        cpu_millicores: 1,
        memory_bytes: 1,
        ..Pod::default()
    };
    Inventory {
        nodes: vec![node; nodes],
        applications: (0..2 * pairs).map(|index| format!("x/{index}")).collect(),
        pods: (0..2 * pairs).map(pod).collect(),
        flows: (0..pairs)
            .map(|pair| Flow {
                source: pair,
                destination: 2 * pairs - 1 - pair,
                bytes_per_second: 1.0 + pair as f64,
                calls_per_second: 0.0,
            })
            .collect(),
    }
}

fn packed(inventory: &Inventory, seed: u64) -> Placement {
    let effort = Effort { steps: 20_000, time: None, seed, threads: 1 };
    pack(inventory, &inventory.initial(), &Goal::default(), effort, &|_, _| true, &|| false).placement
}

#[test]
fn full_nodes_are_sorted_out_until_all_pairs_are_together() {
    let inventory = pairs(6, 12);
    let placement = packed(&inventory, 3);
    assert!(placement.iter().all(Option::is_some));
    let gained = gained_affinity(&inventory, &Occupancy::new(&inventory, &placement));
    assert!(gained.unwrap() > 0.999, "{gained:?}");
    for node in 0..6 {
        assert_eq!(placement.iter().filter(|at| **at == Some(node)).count(), 4, "no node is overfull");
    }
    assert_eq!(placement, packed(&inventory, 3), "the seed decides");
}

#[test]
fn fixed_pods_stay_and_nobody_goes_where_it_may_not() {
    let mut inventory = pairs(4, 2);
    inventory.pods[0].node = Some(2);
    inventory.pods[0].fixed = true;
    let effort = Effort { steps: 5_000, time: None, seed: 1, threads: 1 };
    let allowed = |pod: usize, node: usize| pod == 0 || node != 2;
    let goal = Goal::default();
    let placement = pack(&inventory, &inventory.initial(), &goal, effort, &allowed, &|| false).placement;
    assert_eq!(placement[0], Some(2));
    assert!(placement.iter().skip(1).all(|node| *node != Some(2)));
    assert_eq!(placement[1], placement[2], "the other pair is together");
}
