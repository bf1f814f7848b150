//! How calls to each application are routed, by its Services.

use netmarks_placement::Routing;
use netmarks_scheduler_model::Pod;
use netmarks_simulator::World;
use netmarks_sources::snapshot_file::{FileService, TrafficDistribution};
use serde::{Deserialize, Serialize};

/// What is taken for the routing of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssumedRouting {
    /// What each Service says.
    #[default]
    Services,
    /// All calls go to all pods alike.
    Even,
    /// All calls prefer their zone.
    SameZone,
    /// All calls prefer their node.
    SameNode,
}

/// Who routes calls, and so which settings there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mesh {
    /// A proxy that follows the Service to the node: kube-proxy, Cilium, Istio's ztunnel.
    #[default]
    Service,
    /// Istio's sidecars: they know zones and no nodes, and follow a DestinationRule.
    IstioSidecar,
    /// Linkerd: it follows the Service to the zone.
    Linkerd,
}

impl Mesh {
    /// How calls through it are routed where the Service prefers so.
    pub(crate) fn follows(self, preferred: Routing) -> Routing {
        match (self, preferred) {
            (Self::Service, preferred) => preferred,
            // What a DestinationRule says is not in the snapshot.
            (Self::IstioSidecar, _) | (_, Routing::Even) => Routing::Even,
            (Self::Linkerd, Routing::SameNode | Routing::SameZone) => Routing::SameZone,
        }
    }
}

/// Which endpoints a Service prefers.
pub(crate) fn preferred(service: &FileService) -> Routing {
    match service.traffic_distribution {
        _ if service.prefers_node() => Routing::SameNode,
        Some(TrafficDistribution::PreferSameZone) => Routing::SameZone,
        _ => Routing::Even,
    }
}

/// Whether a Service selects a pod.
pub(crate) fn selects(service: &FileService, pod: &Pod) -> bool {
    !service.selector.is_empty()
        && service.namespace == pod.namespace
        && service.selector.iter().all(|(label, value)| pod.labels.get(label) == Some(value))
}

/// The routing of each application. Of several Services, which calls go through is unknown, and the least near counts.
pub(crate) fn of_applications(world: &World, assumed: AssumedRouting, mesh: Mesh) -> Vec<Routing> {
    let inventory = world.inventory();
    let all = match assumed {
        AssumedRouting::Even => Some(Routing::Even),
        AssumedRouting::SameZone => Some(Routing::SameZone),
        AssumedRouting::SameNode => Some(Routing::SameNode),
        AssumedRouting::Services => None,
    };
    if let Some(all) = all {
        return vec![all; inventory.applications.len()];
    }
    let mut routing = vec![None; inventory.applications.len()];
    for (service, application) in pairs(world) {
        let by_service = mesh.follows(preferred(service));
        if let Some(routing) = routing.get_mut(application) {
            *routing = Some(routing.map_or(by_service, |other| farther(other, by_service)));
        }
    }
    routing.into_iter().map(Option::unwrap_or_default).collect()
}

fn farther(one: Routing, other: Routing) -> Routing {
    match (one, other) {
        (Routing::Even, _) | (_, Routing::Even) => Routing::Even,
        (Routing::SameZone, _) | (_, Routing::SameZone) => Routing::SameZone,
        (Routing::SameNode, Routing::SameNode) => Routing::SameNode,
    }
}

/// Each Service with each application that it selects pods of, once.
pub(crate) fn pairs(world: &World) -> Vec<(&FileService, usize)> {
    let mut by_namespace = std::collections::BTreeMap::<&str, Vec<(&Pod, usize)>>::new();
    for (pod, of) in world.pods().iter().zip(&world.inventory().pods) {
        if let Some(application) = of.application {
            by_namespace.entry(&pod.namespace).or_default().push((pod, application));
        }
    }
    let mut pairs = Vec::new();
    for service in &world.snapshot().services {
        let pods = by_namespace.get(service.namespace.as_str()).into_iter().flatten();
        let mut of: Vec<usize> =
            pods.filter(|(pod, _)| selects(service, pod)).map(|(_, application)| *application).collect();
        of.sort_unstable();
        of.dedup();
        pairs.extend(of.into_iter().map(|application| (service, application)));
    }
    pairs
}
