//! What one placement is worth: every figure by name, so that reports, intervals and comparisons treat all alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::affinity::gained_affinity;
use crate::balance::{balance, concentration, utilisation};
use crate::inventory::{Inventory, Placement, Traffic};
use crate::locality::{Locality, Routing, locality};
use crate::occupancy::Occupancy;
use crate::response::{Latencies, quantiles};

/// What a figure is about. Written in JSON in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Share (of 1) of the bytes of placed pods that stay within a node, with even routing.
    BytesWithinNode,
    /// Share that goes to another node of the zone.
    BytesWithinZone,
    /// Share that leaves the zone.
    BytesAcrossZones,
    /// Share of calls that stay within a node, with even routing; absent where calls are unknown.
    CallsWithinNode,
    /// Share of calls that go to another node of the zone.
    CallsWithinZone,
    /// Share of calls that leave the zone.
    CallsAcrossZones,
    /// Share of bytes that stay within a node where calls prefer it.
    BytesWithinNodeLocalRouting,
    /// Share of bytes that leave the zone where calls prefer their node.
    BytesAcrossZonesLocalRouting,
    /// Share of bytes that leave the zone where calls prefer their zone.
    BytesAcrossZonesZoneRouting,
    /// Gained affinity, of 1.
    GainedAffinity,
    /// Bytes per second between nodes, with even routing.
    NodeBytesPerSecond,
    /// Bytes per second between zones, with even routing.
    ZoneBytesPerSecond,
    /// Price of the traffic between nodes and zones in a month, with even routing; absent without prices.
    PricePerMonth,
    /// Standard deviation over nodes of the share of CPU that is requested.
    CpuDeviation,
    /// The same for memory.
    MemoryDeviation,
    /// Share of CPU that is requested of the fullest node.
    CpuMost,
    /// Pods that found no node.
    PodsWithoutNode,
    /// Largest share of one application, of those with several pods, on one node.
    LargestShareOnNode,
    /// The same in one zone.
    LargestShareInZone,
    /// Median time of a call in milliseconds, with even routing.
    ResponseP50Ms,
    ResponseP99Ms,
    /// The same where calls prefer their node.
    ResponseP50MsLocalRouting,
    ResponseP99MsLocalRouting,
    /// The same where calls prefer their zone.
    ResponseP50MsZoneRouting,
    ResponseP99MsZoneRouting,
}

/// The figures of one placement. One that does not apply is absent.
pub type Figures = BTreeMap<Figure, f64>;

/// What a gigabyte (10^9 bytes) costs, in any currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Between nodes of one zone.
    pub across_nodes_per_gb: f64,
    pub across_zones_per_gb: f64,
    pub across_regions_per_gb: f64,
}

/// What the figures assume of the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Assumptions {
    pub prices: Prices,
    pub latencies: Latencies,
}

const SECONDS_PER_MONTH: f64 = 730.0 * 3_600.0;

impl Prices {
    /// Of traffic that goes on like this, in a month.
    #[must_use]
    pub fn per_month(&self, traffic: &Locality) -> f64 {
        let per_second = traffic.within_zone * self.across_nodes_per_gb
            + traffic.across_zones * self.across_zones_per_gb
            + traffic.across_regions * self.across_regions_per_gb;
        per_second / 1e9 * SECONDS_PER_MONTH
    }

    /// Whether anything costs anything.
    #[must_use]
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// Judges a placement.
#[must_use]
pub fn figures(inventory: &Inventory, placement: &Placement, assumptions: &Assumptions) -> Figures {
    let occupancy = Occupancy::new(inventory, placement);
    let mut figures = Figures::new();
    let even = locality(inventory, &occupancy, Routing::Even, Traffic::Bytes);
    let local = locality(inventory, &occupancy, Routing::SameNode, Traffic::Bytes);
    let in_zone = locality(inventory, &occupancy, Routing::SameZone, Traffic::Bytes);
    let calls = locality(inventory, &occupancy, Routing::Even, Traffic::Calls);
    let beyond_zone = |traffic: &Locality| traffic.across_zones + traffic.across_regions;
    let mut set_share = |figure, part: f64, traffic: &Locality| {
        if traffic.placed() > 0.0 {
            figures.insert(figure, part / traffic.placed());
        }
    };
    set_share(Figure::BytesWithinNode, even.within_node, &even);
    set_share(Figure::BytesWithinZone, even.within_zone, &even);
    set_share(Figure::BytesAcrossZones, beyond_zone(&even), &even);
    set_share(Figure::CallsWithinNode, calls.within_node, &calls);
    set_share(Figure::CallsWithinZone, calls.within_zone, &calls);
    set_share(Figure::CallsAcrossZones, beyond_zone(&calls), &calls);
    set_share(Figure::BytesAcrossZonesZoneRouting, beyond_zone(&in_zone), &in_zone);
    set_share(Figure::BytesWithinNodeLocalRouting, local.within_node, &local);
    set_share(Figure::BytesAcrossZonesLocalRouting, beyond_zone(&local), &local);
    figures.extend(gained_affinity(inventory, &occupancy).map(|gained| (Figure::GainedAffinity, gained)));
    figures.insert(Figure::NodeBytesPerSecond, even.within_zone + beyond_zone(&even));
    figures.insert(Figure::ZoneBytesPerSecond, beyond_zone(&even));
    if assumptions.prices.any() {
        figures.insert(Figure::PricePerMonth, assumptions.prices.per_month(&even));
    }
    let utilisation = utilisation(inventory, placement);
    let balance = balance(&utilisation);
    figures.insert(Figure::CpuDeviation, balance.cpu_deviation);
    figures.insert(Figure::MemoryDeviation, balance.memory_deviation);
    figures.insert(Figure::CpuMost, balance.cpu_most);
    let without = placement.iter().filter(|node| node.is_none()).count();
    figures.insert(Figure::PodsWithoutNode, without as f64);
    let concentration = concentration(inventory, &occupancy);
    figures.insert(Figure::LargestShareOnNode, concentration.on_node);
    figures.insert(Figure::LargestShareInZone, concentration.in_zone);
    let cpu: Vec<f64> = utilisation.iter().map(|(cpu, _)| *cpu).collect();
    let routings = [
        (Routing::Even, Figure::ResponseP50Ms, Figure::ResponseP99Ms),
        (Routing::SameNode, Figure::ResponseP50MsLocalRouting, Figure::ResponseP99MsLocalRouting),
        (Routing::SameZone, Figure::ResponseP50MsZoneRouting, Figure::ResponseP99MsZoneRouting),
    ];
    for (routing, p50, p99) in routings {
        if let Some(times) = quantiles(inventory, &occupancy, routing, &assumptions.latencies, &cpu) {
            figures.extend([(p50, times.p50_ms), (p99, times.p99_ms)]);
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Flow, Node, Pod};

    #[test]
    fn all_figures_of_a_small_cluster() {
        let node = |zone: &str| Node {
            zone: Some(zone.into()),
            cpu_millicores: 1_000,
            memory_bytes: 100,
            ..Node::default()
        };
        let pod = |application| Pod { application: Some(application), cpu_millicores: 500, ..Pod::default() };
        let inventory = Inventory {
            nodes: vec![node("a"), node("b")],
            applications: vec!["x/a".into(), "x/b".into()],
            pods: vec![pod(0), pod(1), pod(1), pod(1)],
            flows: vec![Flow {
                source: 0,
                destination: 1,
                bytes_per_second: 1_000.0,
                calls_per_second: 10.0,
            }],
        };
        let prices = Prices { across_zones_per_gb: 0.02, ..Prices::default() };
        let assumptions = Assumptions { prices, latencies: Latencies::default() };
        let figures = figures(&inventory, &vec![Some(0), Some(0), Some(1), None], &assumptions);
        assert_eq!(figures[&Figure::BytesWithinNode], 0.5);
        assert_eq!(figures[&Figure::BytesAcrossZones], 0.5);
        assert_eq!(figures[&Figure::CallsWithinNode], 0.5);
        assert_eq!((figures[&Figure::CallsWithinZone], figures[&Figure::CallsAcrossZones]), (0.0, 0.5));
        assert_eq!(
            figures[&Figure::BytesAcrossZonesZoneRouting],
            0.0,
            "there is a callee in the caller's zone"
        );
        assert_eq!(figures[&Figure::BytesWithinNodeLocalRouting], 1.0);
        assert_eq!(figures[&Figure::ZoneBytesPerSecond], 500.0);
        let price = 500.0 / 1e9 * 0.02 * 730.0 * 3_600.0;
        assert!((figures[&Figure::PricePerMonth] - price).abs() < 1e-12);
        assert_eq!(figures[&Figure::PodsWithoutNode], 1.0);
        assert!((figures[&Figure::GainedAffinity] - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(figures[&Figure::CpuMost], 1.0);
        assert!(figures[&Figure::ResponseP50MsLocalRouting] > 0.05);
    }
}
