//! How much of the traffic stays within a node, a zone and a region.

use serde::{Deserialize, Serialize};

use crate::inventory::{Inventory, Traffic};
use crate::occupancy::Occupancy;

/// To which pods of an application a call goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// To all of them alike: what Kubernetes and meshes do unless told otherwise.
    #[default]
    Even,
    /// To those on the caller's node, if there are any, else to those in its zone, else to all (`PreferSameNode`; locality load
    /// balancing of a mesh whose proxies know nodes).
    SameNode,
    /// To those in the caller's zone, if there are any, else to all (`PreferSameZone`; locality load balancing of a mesh).
    SameZone,
}

/// Bytes or calls per second by how far they go. Their sum is the traffic of all flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Locality {
    pub within_node: f64,
    /// To another node of the zone.
    pub within_zone: f64,
    /// To another zone of the region.
    pub across_zones: f64,
    /// To another region.
    pub across_regions: f64,
    /// Of flows with an end that has no pod on any node: nobody calls, or nobody answers.
    pub unplaced: f64,
}

impl Locality {
    /// All traffic that has two ends.
    #[must_use]
    pub fn placed(&self) -> f64 {
        self.within_node + self.within_zone + self.across_zones + self.across_regions
    }
}

/// How far a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// Within a node.
    Node,
    /// To another node of the zone.
    Zone,
    /// To another zone of the region.
    Region,
    /// To another region.
    World,
}

/// The zones and regions of the nodes, as numbers.
pub(crate) struct Distances {
    zones: Vec<usize>,
    regions: Vec<usize>,
}

impl Distances {
    pub(crate) fn new(inventory: &Inventory) -> Self {
        Self { zones: inventory.zones(), regions: inventory.regions() }
    }

    pub(crate) fn distance(&self, from: usize, to: usize) -> Distance {
        if from == to {
            Distance::Node
        } else if self.zones.get(from) == self.zones.get(to) {
            Distance::Zone
        } else if self.regions.get(from) == self.regions.get(to) {
            Distance::Region
        } else {
            Distance::World
        }
    }
}

/// Splits one flow by the nodes between which it moves: calls `visit` with the callee's node, the distance and the share (of 1)
/// for every pair of nodes that has any. Placed pods carry equal parts; returns `false`, and visits nothing, if an end has none.
pub(crate) fn split(
    distances: &Distances,
    occupancy: &Occupancy,
    (source, destination): (usize, usize),
    routing: Routing,
    mut visit: impl FnMut(usize, Distance, f64),
) -> bool {
    split_ends(distances, occupancy, (source, destination), routing, |_, to, distance, share| {
        visit(to, distance, share);
    })
}

/// As [`split`], with the caller's node before the callee's.
pub(crate) fn split_ends(
    distances: &Distances,
    occupancy: &Occupancy,
    (source, destination): (usize, usize),
    routing: Routing,
    mut visit: impl FnMut(usize, usize, Distance, f64),
) -> bool {
    let callers: u32 = occupancy.nodes(source).map(|(_, pods)| pods).sum();
    let callees: u32 = occupancy.nodes(destination).map(|(_, pods)| pods).sum();
    if callers == 0 || callees == 0 {
        return false;
    }
    for (from, calling) in occupancy.nodes(source) {
        let share = f64::from(calling) / f64::from(callers);
        let here = occupancy.on_node(destination, from);
        if routing == Routing::SameNode && here > 0 {
            visit(from, from, Distance::Node, share);
            continue;
        }
        let answering =
            occupancy.nodes(destination).map(|(to, pods)| (to, pods, distances.distance(from, to)));
        let near = |distance| matches!(distance, Distance::Node | Distance::Zone);
        let of_zone: u32 =
            answering.clone().filter(|(_, _, distance)| near(*distance)).map(|(_, pods, _)| pods).sum();
        let local = routing != Routing::Even && of_zone > 0;
        let among = f64::from(if local { of_zone } else { callees });
        for (to, pods, distance) in answering {
            if !local || near(distance) {
                visit(from, to, distance, share * f64::from(pods) / among);
            }
        }
    }
    true
}

/// How far the traffic of all flows goes.
#[must_use]
pub fn locality(
    inventory: &Inventory,
    occupancy: &Occupancy,
    routing: Routing,
    traffic: Traffic,
) -> Locality {
    let distances = Distances::new(inventory);
    let mut sum = Locality::default();
    for flow in &inventory.flows {
        let ends = (flow.source, flow.destination);
        let split = split(&distances, occupancy, ends, routing, |_, distance, share| {
            let part = share * flow.amount(traffic);
            match distance {
                Distance::Node => sum.within_node += part,
                Distance::Zone => sum.within_zone += part,
                Distance::Region => sum.across_zones += part,
                Distance::World => sum.across_regions += part,
            }
        });
        if !split {
            sum.unplaced += flow.amount(traffic);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inventory::{Flow, Node, Pod};

    /// Nodes 0 and 1 in zone a, 2 in zone b, 3 in another region.
    fn inventory(pods: &[(usize, Option<usize>)]) -> Inventory {
        let node = |zone: &str, region: &str| Node {
            zone: Some(zone.into()),
            region: Some(region.into()),
            ..Node::default()
        };
        Inventory {
            nodes: vec![node("a", "r"), node("a", "r"), node("b", "r"), node("a", "s")],
            applications: vec!["x/a".into(), "x/b".into()],
            pods: pods
                .iter()
                .map(|(application, node)| Pod {
                    application: Some(*application),
                    node: *node,
                    ..Pod::default()
                })
                .collect(),
            flows: vec![Flow { source: 0, destination: 1, bytes_per_second: 100.0, calls_per_second: 0.0 }],
        }
    }

    fn of(pods: &[(usize, Option<usize>)], routing: Routing) -> [f64; 5] {
        let inventory = inventory(pods);
        let sum =
            locality(&inventory, &Occupancy::new(&inventory, &inventory.initial()), routing, Traffic::Bytes);
        [sum.within_node, sum.within_zone, sum.across_zones, sum.across_regions, sum.unplaced]
    }

    #[test]
    fn calls_go_to_all_pods_alike_or_prefer_near_ones() {
        let pods = [(0, Some(0)), (1, Some(0)), (1, Some(1)), (1, Some(2)), (1, Some(3))];
        assert_eq!(of(&pods, Routing::Even), [25.0, 25.0, 25.0, 25.0, 0.0]);
        assert_eq!(of(&pods, Routing::SameZone), [50.0, 50.0, 0.0, 0.0, 0.0]);
        assert_eq!(of(&pods, Routing::SameNode), [100.0, 0.0, 0.0, 0.0, 0.0]);
        // Nobody near.
        let far = [(0, Some(0)), (1, Some(2)), (1, Some(3))];
        for routing in [Routing::Even, Routing::SameZone, Routing::SameNode] {
            assert_eq!(of(&far, routing), [0.0, 0.0, 50.0, 50.0, 0.0]);
        }
        assert_eq!(of(&[(0, Some(0)), (1, None)], Routing::Even), [0.0, 0.0, 0.0, 0.0, 100.0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_preferring_the_node_never_keeps_less_there(
            pods in prop::collection::vec((0usize..2, prop::option::of(0usize..4)), 1..12)
        ) {
            let sums = [Routing::Even, Routing::SameZone, Routing::SameNode].map(|routing| of(&pods, routing));
            for sum in sums {
                prop_assert!((sum.iter().sum::<f64>() - 100.0).abs() < 1e-9);
            }
            prop_assert!(sums[2][0] + 1e-9 >= sums[0][0]);
        }
    }
}
