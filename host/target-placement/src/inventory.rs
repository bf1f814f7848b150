//! The live cluster as a search sees it: nodes, replicas of each application, and traffic.
//!
//! A snapshot knows no single pods, only how many of an application are where and what they request together; that is enough, since
//! pods of one application are alike to the search. What has no application, or no choice, only takes room.

use std::collections::{BTreeMap, HashMap};

use netmarks_core::application::Application;
use netmarks_core::facts::{ApplicationId, NodeId, Resources};
use netmarks_core::snapshot::{ApplicationRow, Snapshot};
use netmarks_placement::{Flow, Goal, Inventory, Node, Placement, Pod, Routing};

use crate::config::{TargetConfig, TargetRouting};
use crate::waiting::{most_pods, running, taking_part};

/// Steps between a flow and its double to which flows are rounded: replicas of this program measure a little differently and should
/// all the same see the same.
const STEPS_TO_DOUBLE: f64 = 8.0;

/// What moving all pods may cost of the traffic, as a share of 1: a target that is hardly better should not turn everything over.
const PRICE_OF_ALL: f64 = 0.02;

/// How many pods each application should have on which nodes.
pub type Target = Vec<(Application, Vec<(String, u32)>)>;

/// What there is to place, and what limits it. Nodes and applications are in the order of their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    pub inventory: Inventory,
    applications: Vec<Application>,
    /// By application, in the inventory's order.
    pub routing: Vec<Routing>,
    /// Nodes that take only pods of applications that run there already.
    closed: Vec<bool>,
    /// By application, the closed nodes that it runs on.
    on_closed: Vec<Vec<usize>>,
    /// By application, the pods that run or that its controllers want, whichever are more, whether or not they take part.
    replicas: Vec<u32>,
    /// How many pods of all applications run.
    running: u64,
}

impl Scene {
    /// As a snapshot has it. Of pods that do not run yet no more take part than the nodes have room for, and than `max_pods` allows.
    #[must_use]
    pub fn new(snapshot: &Snapshot, config: &TargetConfig) -> Self {
        let mut nodes: Vec<(NodeId, &str)> =
            snapshot.names().iter().filter(|(id, _)| snapshot.node(*id).known).collect();
        nodes.sort_by_key(|(_, name)| *name);
        let by_id: HashMap<NodeId, usize> =
            nodes.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
        let mut applications: Vec<(&Application, &ApplicationRow)> = snapshot.applications().collect();
        applications.sort_by_key(|(name, _)| *name);

        let mut counted = vec![Resources::default(); nodes.len()];
        let mut counted_pods = vec![0u32; nodes.len()];
        let mut pods = Vec::new();
        let mut on_closed = Vec::new();
        let closed: Vec<bool> = nodes.iter().map(|(id, _)| snapshot.node(*id).closed).collect();
        let waiting =
            taking_part(nodes.iter().map(|(id, _)| snapshot.node(*id)), &applications, config.max_pods);
        for (index, ((name, row), waiting)) in applications.iter().zip(waiting).enumerate() {
            let each = row.mean_requests();
            let pod = |node: Option<usize>| Pod {
                name: name.as_str().to_owned(),
                application: Some(index),
                cpu_millicores: each.cpu_millicores,
                memory_bytes: each.memory_bytes,
                created: None,
                node,
                // Which of its pods have a choice is not known.
                fixed: row.confined > 0,
            };
            let mut placed: Vec<(usize, u32)> = row
                .placement
                .iter()
                .filter_map(|entry| Some((*by_id.get(&entry.node)?, entry.pods)))
                .collect();
            placed.sort_unstable();
            for (node, count) in &placed {
                pods.extend((0..*count).map(|_| pod(Some(*node))));
                if let (Some(sum), Some(sum_of_pods)) = (counted.get_mut(*node), counted_pods.get_mut(*node))
                {
                    sum.cpu_millicores += each.cpu_millicores.saturating_mul(u64::from(*count));
                    sum.memory_bytes += each.memory_bytes.saturating_mul(u64::from(*count));
                    *sum_of_pods += count;
                }
            }
            pods.extend((0..waiting).map(|_| pod(None)));
            let is_closed = |node: &usize| closed.get(*node).copied().unwrap_or(false);
            on_closed.push(placed.iter().map(|(node, _)| *node).filter(is_closed).collect());
        }
        let others = counted.into_iter().zip(counted_pods);
        let nodes = nodes
            .iter()
            .zip(others)
            .map(|((id, name), (counted, pods))| node(snapshot, *id, name, counted, pods))
            .collect();
        // What has no choice does not wait for a place.
        let replicas = |(_, row): &(&Application, &ApplicationRow)| match row.confined {
            0 => row.replicas(0),
            _ => row.pods,
        };
        let routing = |(_, row): &(&Application, &ApplicationRow)| match config.routing {
            TargetRouting::ByService if !row.local_routing() => Routing::Even,
            TargetRouting::Local | TargetRouting::ByService => Routing::SameNode,
        };
        Self {
            replicas: applications.iter().map(replicas).collect(),
            running: running(snapshot),
            routing: applications.iter().map(routing).collect(),
            inventory: Inventory {
                flows: flows(snapshot, &applications),
                applications: applications.iter().map(|(name, _)| name.as_str().to_owned()).collect(),
                nodes,
                pods,
            },
            applications: applications.into_iter().map(|(name, _)| name.clone()).collect(),
            closed,
            on_closed,
        }
    }

    /// Whether the pod may go to the node, as far as is known.
    #[must_use]
    pub fn allows(&self, pod: usize, node: usize) -> bool {
        if !self.closed.get(node).copied().unwrap_or(true) {
            return true;
        }
        let application = self.inventory.pods.get(pod).and_then(|pod| pod.application);
        let stays = application.and_then(|application| self.on_closed.get(application));
        stays.is_some_and(|nodes| nodes.contains(&node))
    }

    /// By node, whether it takes only pods of applications that run there already.
    pub(crate) fn closed(&self) -> &[bool] {
        &self.closed
    }

    /// By application, the pods that run or that its controllers want, whichever are more.
    pub(crate) fn replicas(&self) -> &[u32] {
        &self.replicas
    }

    /// How many pods of all applications run.
    pub(crate) fn running(&self) -> u64 {
        self.running
    }

    /// What the search maximises.
    #[must_use]
    pub fn goal(&self, config: &TargetConfig) -> Goal {
        let pods = self.inventory.pods.len().max(1);
        Goal {
            routing: self.routing.clone(),
            most_on_node: config.most_on_node(),
            price_per_move: self.inventory.bytes_per_second() * PRICE_OF_ALL / pods as f64,
            ..Goal::default()
        }
    }

    /// How many pods of each application a placement has on which nodes; applications that cannot be moved are left out.
    #[must_use]
    pub fn target(&self, placement: &Placement) -> Target {
        let mut target = Target::new();
        for (application, counts) in self.counts(placement).into_iter().enumerate() {
            let Some(application) = self.applications.get(application).filter(|_| !counts.is_empty()) else {
                continue;
            };
            let named =
                |(node, pods): (usize, u32)| Some((self.inventory.nodes.get(node)?.name.clone(), pods));
            target.push((application.clone(), counts.into_iter().filter_map(named).collect()));
        }
        target
    }

    /// Share (of 1) of the pods with a choice that are where `target` has one of their application; `None` without any.
    pub(crate) fn in_place(&self, target: &Target) -> Option<f64> {
        let now = self.target(&self.inventory.initial());
        let now: HashMap<&Application, HashMap<&str, u32>> = now
            .iter()
            .map(|(name, nodes)| (name, nodes.iter().map(|(node, pods)| (node.as_str(), *pods)).collect()))
            .collect();
        let (mut in_place, mut wanted) = (0.0, 0.0);
        for (application, nodes) in target {
            for (node, pods) in nodes {
                let here =
                    now.get(application).and_then(|nodes| nodes.get(node.as_str())).copied().unwrap_or(0);
                in_place += f64::from(here.min(*pods));
                wanted += f64::from(*pods);
            }
        }
        (wanted > 0.0).then(|| in_place / wanted)
    }

    /// Pods with a choice, by application and node.
    fn counts(&self, placement: &Placement) -> Vec<BTreeMap<usize, u32>> {
        let mut counts = vec![BTreeMap::new(); self.applications.len()];
        for (pod, node) in self.inventory.pods.iter().zip(placement) {
            let application = pod.application.filter(|_| !pod.fixed);
            if let (Some(node), Some(counts)) = (node, application.and_then(|index| counts.get_mut(index))) {
                *counts.entry(*node).or_default() += 1;
            }
        }
        counts
    }
}

/// A node with the room that it has beside what does not take part.
fn node(snapshot: &Snapshot, id: NodeId, name: &str, counted: Resources, pods: u32) -> Node {
    let row = snapshot.node(id);
    let beside =
        |all: u64, requested: u64, counted: u64| all.saturating_sub(requested.saturating_sub(counted));
    Node {
        name: name.to_owned(),
        zone: (row.zone != 0).then(|| row.zone.to_string()),
        region: (row.region != 0).then(|| row.region.to_string()),
        cpu_millicores: beside(
            row.allocatable.cpu_millicores,
            row.requested.cpu_millicores,
            counted.cpu_millicores,
        ),
        memory_bytes: beside(row.allocatable.memory_bytes, row.requested.memory_bytes, counted.memory_bytes),
        max_pods: most_pods(&row).saturating_sub(row.pods.saturating_sub(pods)),
    }
}

fn flows(snapshot: &Snapshot, applications: &[(&Application, &ApplicationRow)]) -> Vec<Flow> {
    let index: HashMap<ApplicationId, usize> = applications
        .iter()
        .enumerate()
        .filter_map(|(index, (name, _))| Some((snapshot.application_id(name.as_str())?, index)))
        .collect();
    let flow = |(source, destination, bytes_per_second): (ApplicationId, ApplicationId, f64)| {
        Some(Flow {
            source: *index.get(&source)?,
            destination: *index.get(&destination)?,
            bytes_per_second: rounded(bytes_per_second),
            calls_per_second: 0.0,
        })
    };
    let mut flows: Vec<Flow> =
        snapshot.flows().flows().filter(|(_, _, bytes)| *bytes > 0.0).filter_map(flow).collect();
    flows.sort_by_key(|flow| (flow.source, flow.destination));
    flows
}

/// To the nearest of [`STEPS_TO_DOUBLE`] steps between a power of two and the next.
fn rounded(bytes_per_second: f64) -> f64 {
    ((bytes_per_second.log2() * STEPS_TO_DOUBLE).round() / STEPS_TO_DOUBLE).exp2()
}

#[cfg(test)]
mod tests;
