//! Whether calls to each Service would stay near after a plan, and which setting would change that.

use netmarks_core::application::Application;
use netmarks_placement::{Inventory, Locality, Occupancy, Placement, Routing, Traffic, busiest, locality};
use netmarks_simulator::World;

use crate::file::{Advice, Preference, ServiceRouting};
use crate::routing::{AssumedRouting, Mesh, pairs, preferred};

/// What is asked about the routing of Services.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) before: &'a Placement,
    pub(crate) after: &'a Placement,
    pub(crate) assumed: AssumedRouting,
    pub(crate) mesh: Mesh,
    /// How many times the mean of its application a pod may get by a setting that is advised.
    pub(crate) most_load: f64,
    /// Bytes per second that a setting must keep near to be worth it.
    pub(crate) least_gain: f64,
}

/// Each Service that has traffic, the heaviest first.
pub(crate) fn advise(world: &World, question: &Question<'_>) -> Vec<ServiceRouting> {
    let inventory = world.inventory();
    let (before, after) =
        (Occupancy::new(inventory, question.before), Occupancy::new(inventory, question.after));
    // One application's flows at a time.
    let mut calls = Inventory { flows: Vec::new(), ..inventory.clone() };
    let mut advised = Vec::new();
    for (service, application) in pairs(world) {
        calls.flows.clear();
        calls.flows.extend(inventory.flows.iter().filter(|flow| flow.destination == application));
        let bytes_per_second = calls.bytes_per_second();
        if bytes_per_second <= 0.0 {
            continue;
        }
        let Some(name) = inventory.applications.get(application) else { continue };
        let Some((namespace, name)) = name.split_once('/') else { continue };
        let routing = match question.assumed {
            AssumedRouting::Services => question.mesh.follows(preferred(service)),
            AssumedRouting::Even => Routing::Even,
            AssumedRouting::SameZone => Routing::SameZone,
            AssumedRouting::SameNode => Routing::SameNode,
        };
        let of = |occupancy: &Occupancy, routing| locality(&calls, occupancy, routing, Traffic::Bytes);
        let preference = |routing| {
            let Locality { within_node, within_zone, .. } = of(&after, routing);
            Preference {
                within_nodes: within_node,
                within_zones: within_node + within_zone,
                busiest: busiest(&calls, &after, application, routing).unwrap_or(1.0),
            }
        };
        let now = preference(routing);
        let (same_node, same_zone) = (preference(Routing::SameNode), preference(Routing::SameZone));
        advised.push(ServiceRouting {
            service: format!("{}/{}", service.namespace, service.name),
            application: Application::new(namespace, name),
            bytes_per_second,
            routing,
            within_nodes_before: of(&before, routing).within_node,
            within_nodes_after: now.within_nodes,
            within_zones_after: now.within_zones,
            same_node,
            same_zone,
            advice: choose(question, now, same_node, same_zone),
        });
    }
    advised.sort_by(|one, other| other.bytes_per_second.total_cmp(&one.bytes_per_second));
    advised
}

/// The nearest setting that the mesh has, keeps more near and loads pods evenly enough.
fn choose(question: &Question<'_>, now: Preference, node: Preference, zone: Preference) -> Advice {
    let more_in_nodes = node.within_nodes > now.within_nodes + question.least_gain;
    let more_in_zones = zone.within_zones > now.within_zones + question.least_gain;
    let even = |preference: Preference| preference.busiest <= question.most_load;
    let for_zone = match question.mesh {
        Mesh::IstioSidecar => Advice::IstioLocality,
        Mesh::Service | Mesh::Linkerd => Advice::PreferSameZone,
    };
    let nodes_known = question.mesh == Mesh::Service;
    if nodes_known && more_in_nodes && even(node) {
        Advice::PreferSameNode
    } else if more_in_zones && even(zone) {
        for_zone
    } else if more_in_zones || nodes_known && more_in_nodes {
        Advice::TooUneven
    } else {
        Advice::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preference(within_nodes: f64, within_zones: f64, busiest: f64) -> Preference {
        Preference { within_nodes, within_zones, busiest }
    }

    #[test]
    fn the_nearest_setting_that_loads_pods_evenly_is_advised() {
        let nowhere = Placement::new();
        let of = |mesh, node, zone| {
            let question = Question {
                before: &nowhere,
                after: &nowhere,
                assumed: AssumedRouting::Services,
                mesh,
                most_load: 1.5,
                least_gain: 1.0,
            };
            choose(&question, preference(10.0, 30.0, 1.0), node, zone)
        };
        let (near, even) = (preference(90.0, 95.0, 1.2), preference(20.0, 90.0, 1.1));
        assert_eq!(of(Mesh::Service, near, even), Advice::PreferSameNode);
        assert_eq!(of(Mesh::Linkerd, near, even), Advice::PreferSameZone);
        assert_eq!(of(Mesh::IstioSidecar, near, even), Advice::IstioLocality);
        let uneven = preference(90.0, 95.0, 4.0);
        assert_eq!(of(Mesh::Service, uneven, even), Advice::PreferSameZone);
        assert_eq!(of(Mesh::Service, uneven, uneven), Advice::TooUneven);
        let same = preference(10.5, 30.5, 1.0);
        assert_eq!(of(Mesh::Service, same, same), Advice::Keep);
    }
}
