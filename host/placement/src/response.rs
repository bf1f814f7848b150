//! A model of response times: how long calls take by how far they go and how busy the callee's node is.
//!
//! A call takes the round trip of its distance plus the time in the callee. That is exponential with the mean
//! `service_ms / (1 - u)`, the time in an M/M/1 queue at utilisation u, where u is the share of the node's CPU that is
//! requested. All parameters can be set; they are assumptions, not measurements.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inventory::Inventory;
use crate::locality::{Distance, Distances, Routing, split};
use crate::occupancy::Occupancy;

/// Round trips by distance and the callee's own time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latencies {
    pub same_node_ms: f64,
    pub same_zone_ms: f64,
    pub across_zones_ms: f64,
    pub across_regions_ms: f64,
    /// Mean time in the callee on an idle node.
    pub service_ms: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            same_node_ms: 0.05,
            same_zone_ms: 0.25,
            across_zones_ms: 1.0,
            across_regions_ms: 30.0,
            service_ms: 1.0,
        }
    }
}

impl Latencies {
    fn of(&self, distance: Distance) -> f64 {
        match distance {
            Distance::Node => self.same_node_ms,
            Distance::Zone => self.same_zone_ms,
            Distance::Region => self.across_zones_ms,
            Distance::World => self.across_regions_ms,
        }
    }
}

/// Quantiles of the time that one call takes, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Above this utilisation the queue would never end; a node that is fuller counts as this full.
const FULLEST: f64 = 0.95;

/// Halvings of the interval in which a quantile lies: enough for a millionth of it.
const HALVINGS: u32 = 40;

/// Calls that are alike: the fastest they can be, the mean of what comes on top, and their share.
struct Component {
    shift_ms: f64,
    mean_ms: f64,
    weight: f64,
}

/// Quantiles over all calls of placed pods, weighed by calls, or by bytes where calls are unknown. `utilisation` is the share
/// (of 1) of each node's CPU that is requested. `None` without any.
pub(crate) fn quantiles(
    inventory: &Inventory,
    occupancy: &Occupancy,
    routing: Routing,
    latencies: &Latencies,
    utilisation: &[f64],
) -> Option<Quantiles> {
    let distances = Distances::new(inventory);
    let traffic = inventory.calls_or_bytes();
    let mut weights = BTreeMap::<(Distance, usize), f64>::new();
    for flow in &inventory.flows {
        split(&distances, occupancy, (flow.source, flow.destination), routing, |node, distance, share| {
            *weights.entry((distance, node)).or_default() += share * flow.amount(traffic);
        });
    }
    let total: f64 = weights.values().sum();
    if total <= 0.0 {
        return None;
    }
    let components: Vec<Component> = weights
        .into_iter()
        .map(|((distance, node), weight)| {
            let busy = utilisation.get(node).copied().unwrap_or(0.0).clamp(0.0, FULLEST);
            Component {
                shift_ms: latencies.of(distance),
                mean_ms: latencies.service_ms / (1.0 - busy),
                weight: weight / total,
            }
        })
        .collect();
    Some(Quantiles { p50_ms: quantile(&components, 0.5), p99_ms: quantile(&components, 0.99) })
}

fn quantile(components: &[Component], share: f64) -> f64 {
    let below = |time: f64| -> f64 {
        let part = |component: &Component| {
            let extra = time - component.shift_ms;
            if extra < 0.0 {
                0.0
            } else if component.mean_ms <= 0.0 {
                component.weight
            } else {
                component.weight * (1.0 - (-extra / component.mean_ms).exp())
            }
        };
        components.iter().map(part).sum()
    };
    // Each component is below this with more than the share, so the mixture is.
    let factor = -(1.0 - share).ln();
    let most = |component: &Component| component.shift_ms + component.mean_ms * factor;
    let mut high = components.iter().map(most).fold(0.0, f64::max);
    let mut low = 0.0;
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if below(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_one_exponential_and_of_a_mixture() {
        let of = |shift_ms, mean_ms, weight| Component { shift_ms, mean_ms, weight };
        let one = [of(1.0, 2.0, 1.0)];
        assert!((quantile(&one, 0.5) - (1.0 + 2.0 * 2f64.ln())).abs() < 1e-6);
        assert!((quantile(&one, 0.99) - (1.0 + 2.0 * 100f64.ln())).abs() < 1e-6);
        // Half of the calls take no time, half take 10 ms and no more.
        let two = [of(0.0, 0.0, 0.5), of(10.0, 0.0, 0.5)];
        assert!(quantile(&two, 0.25) < 1e-6);
        assert!((quantile(&two, 0.75) - 10.0).abs() < 1e-6);
    }
}
