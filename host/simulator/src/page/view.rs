//! What a map shows of one placement: nodes in zones, their pods by application, and the traffic between them.

use std::collections::BTreeMap;

use netmarks_placement::{Between, Distance, Inventory, Placement, Routing, Traffic, between_nodes};

use super::names::shown;

/// Applications with a colour of their own; the others share one.
pub(super) const COLOURS: usize = 10;

/// Zones that are drawn apart; what is beyond shares one box.
const ZONES: usize = 30;

/// One placement, ready to be drawn.
pub(super) struct View {
    pub(super) nodes: Vec<NodeView>,
    /// Each with its name and its nodes' indexes.
    pub(super) zones: Vec<(String, Vec<usize>)>,
    /// The applications that have a colour, those with the most traffic first.
    pub(super) applications: Vec<String>,
    /// Between two nodes, the heaviest first.
    pub(super) curves: Vec<Between>,
    pub(super) without_node: usize,
}

#[derive(Default)]
pub(super) struct NodeView {
    pub(super) name: String,
    /// Of each pod the index of its colour, sorted; [`COLOURS`] for applications without one.
    pub(super) pods: Vec<usize>,
    /// Bytes per second that stay here.
    pub(super) within: f64,
    /// Bytes per second to and from other nodes.
    pub(super) beyond: f64,
}

impl NodeView {
    /// Of the node's bytes, the share (of 1) that stays there; none without traffic.
    pub(super) fn local_share(&self) -> Option<f64> {
        let all = self.within + self.beyond;
        (all > 0.0).then(|| self.within / all)
    }
}

impl View {
    pub(super) fn new(inventory: &Inventory, placement: &Placement) -> Self {
        let by_traffic = by_traffic(inventory);
        let mut colours = vec![COLOURS; inventory.applications.len()];
        for (colour, application) in by_traffic.iter().take(COLOURS).enumerate() {
            if let Some(slot) = colours.get_mut(*application) {
                *slot = colour;
            }
        }
        let named =
            |node: &netmarks_placement::Node| NodeView { name: shown(&node.name), ..NodeView::default() };
        let mut nodes: Vec<NodeView> = inventory.nodes.iter().map(named).collect();
        for (pod, node) in inventory.pods.iter().zip(placement) {
            if let Some(node) = node.and_then(|node| nodes.get_mut(node)) {
                let colour = pod.application.and_then(|application| colours.get(application));
                node.pods.push(colour.copied().unwrap_or(COLOURS));
            }
        }
        nodes.iter_mut().for_each(|node| node.pods.sort_unstable());
        let mut curves = between_nodes(inventory, placement, Routing::Even, Traffic::Bytes);
        for between in &curves {
            let (low, high) = between.nodes;
            if between.distance == Distance::Node {
                nodes.get_mut(low).into_iter().for_each(|node| node.within += between.amount);
            } else {
                for end in [low, high] {
                    nodes.get_mut(end).into_iter().for_each(|node| node.beyond += between.amount);
                }
            }
        }
        curves.retain(|between| between.distance != Distance::Node && between.amount > 0.0);
        // Stable: those of equal weight stay in the order of their nodes.
        curves.sort_by(|one, other| other.amount.total_cmp(&one.amount));
        let names = by_traffic.iter().take(COLOURS).filter_map(|index| inventory.applications.get(*index));
        Self {
            nodes,
            zones: zones(inventory),
            applications: names.map(|name| shown(name)).collect(),
            curves,
            without_node: placement.iter().filter(|node| node.is_none()).count(),
        }
    }

    /// The nodes with the most traffic first.
    pub(super) fn busiest(&self) -> Vec<usize> {
        let traffic = |index: &usize| self.nodes.get(*index).map_or(0.0, |node| node.within + node.beyond);
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by(|one, other| traffic(other).total_cmp(&traffic(one)));
        order
    }
}

/// Applications with traffic, those with the most first.
fn by_traffic(inventory: &Inventory) -> Vec<usize> {
    let mut traffic = vec![0.0; inventory.applications.len()];
    for flow in &inventory.flows {
        for end in [flow.source, flow.destination] {
            traffic.get_mut(end).into_iter().for_each(|sum| *sum += flow.bytes_per_second);
        }
    }
    let mut order: Vec<(usize, f64)> =
        traffic.into_iter().enumerate().filter(|(_, sum)| *sum > 0.0).collect();
    order.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    order.into_iter().map(|(index, _)| index).collect()
}

fn zones(inventory: &Inventory) -> Vec<(String, Vec<usize>)> {
    let mut zones = BTreeMap::<_, Vec<usize>>::new();
    for (index, node) in inventory.nodes.iter().enumerate() {
        zones.entry((&node.region, &node.zone)).or_default().push(index);
    }
    let mut shown_zones: Vec<(String, Vec<usize>)> = Vec::new();
    let mut others = Vec::new();
    for ((region, zone), nodes) in zones {
        if shown_zones.len() < ZONES {
            let zone = zone.as_deref().map_or_else(|| "no zone".to_owned(), shown);
            let name = region
                .as_deref()
                .map_or_else(|| zone.clone(), |region| format!("{zone} ({})", shown(region)));
            shown_zones.push((name, nodes));
        } else {
            others.extend(nodes);
        }
    }
    if !others.is_empty() {
        shown_zones.push(("other zones".to_owned(), others));
    }
    shown_zones
}
