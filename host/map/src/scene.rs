//! One moment of a cluster: nodes in zones, pods of applications on nodes, flows between applications.

use std::collections::{BTreeMap, HashMap};

use netmarks_core::application::Application;
use netmarks_core::facts::{ApplicationId, NodeId, Resources};
use netmarks_core::snapshot::Snapshot;

use crate::text::{beginning, shown};

/// A moment of a cluster. Nodes are in the order of their zones and names, applications in that of their names, flows in that of
/// their ends; each is named by its index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// When the flows were measured, in seconds since the Unix epoch.
    pub at: Option<f64>,
    pub zones: Vec<Zone>,
    pub nodes: Vec<Node>,
    pub applications: Vec<SceneApplication>,
    pub flows: Vec<Flow>,
}

/// Zones of one name in two regions are two; nodes that say nothing are all in the one without a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone {
    pub region: Option<String>,
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub name: String,
    /// Index of its zone.
    pub zone: u32,
    /// What its pods may request together; nothing where it is unknown.
    pub allocatable: Resources,
    pub requested: Resources,
    /// Running or starting there, with or without an application.
    pub pods: u32,
    /// How many it takes; 0 where that is unknown.
    pub max_pods: u32,
    /// Whether it takes no pod that does not tolerate it, or is gone.
    pub closed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SceneApplication {
    pub name: Application,
    /// In the order of the nodes.
    pub placement: Vec<Placed>,
    /// Pods that its controllers want, or those that there are.
    pub replicas: u32,
    /// What one pod requests.
    pub requests: Resources,
    /// Whether calls to it go to its pods on the caller's node, where it has any.
    pub local_routing: bool,
}

/// Pods of an application on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub node: u32,
    /// At least 1.
    pub pods: u32,
}

/// What the calls of one application to another move, requests and responses together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    pub source: u32,
    pub destination: u32,
    pub bytes_per_second: f64,
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

impl Distance {
    /// 0 to 3, the nearest first.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Node => 0,
            Self::Zone => 1,
            Self::Region => 2,
            Self::World => 3,
        }
    }
}

/// The names of the zones and regions that a snapshot has as numbers, from 1.
#[derive(Clone, Debug, Default)]
pub struct PlaceNames {
    pub zones: Vec<Box<str>>,
    pub regions: Vec<Box<str>>,
}

impl PlaceNames {
    fn zone(&self, zone: u32, region: u32) -> Zone {
        let name = |names: &[Box<str>], number: u32| {
            let index = (number as usize).checked_sub(1)?;
            names.get(index).map(|name| name.to_string())
        };
        Zone { region: name(&self.regions, region), name: name(&self.zones, zone) }
    }
}

impl Scene {
    /// As `snapshot` has it.
    #[must_use]
    pub fn new(snapshot: &Snapshot, names: &PlaceNames) -> Self {
        let (zones, nodes, node_of) = nodes(snapshot, names);
        let (applications, application_of) = applications(snapshot, &node_of);
        let flow = |(source, destination, bytes_per_second): (ApplicationId, ApplicationId, f64)| {
            Some(Flow {
                source: *application_of.get(&source)?,
                destination: *application_of.get(&destination)?,
                bytes_per_second,
            })
        };
        let mut flows: Vec<Flow> = snapshot.flows().flows().filter_map(flow).collect();
        flows.sort_unstable_by_key(|flow| (flow.source, flow.destination));
        Self { at: snapshot.flows_at(), zones, nodes, applications, flows }
    }

    /// The index of an application; of those whose name is shown as `name` because it is too long, the first.
    #[must_use]
    pub fn application(&self, name: &str) -> Option<u32> {
        let found = self.applications.binary_search_by(|application| application.name.as_str().cmp(name));
        found.ok().or_else(|| self.application_shown_as(name)).map(number)
    }

    fn application_shown_as(&self, name: &str) -> Option<usize> {
        let beginning = beginning(name)?;
        let first = self.applications.partition_point(|application| application.name.as_str() < beginning);
        let after = self.applications.iter().enumerate().skip(first);
        let mut alike = after.take_while(|(_, application)| application.name.as_str().starts_with(beginning));
        alike.find(|(_, application)| shown(application.name.as_str()) == name).map(|(index, _)| index)
    }

    /// The index of a node; of those whose name is shown as `name` because it is too long, the first.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<u32> {
        let found = self.nodes.iter().position(|node| node.name == name);
        let shown_as = |beginning: &str| {
            let is = |node: &Node| node.name.starts_with(beginning) && shown(&node.name) == name;
            self.nodes.iter().position(is)
        };
        found.or_else(|| beginning(name).and_then(shown_as)).map(number)
    }

    /// How far it is from one node to another.
    #[must_use]
    pub fn distance(&self, from: u32, to: u32) -> Distance {
        let zone = |node: u32| self.nodes.get(node as usize).map(|node| node.zone);
        let region = |node: u32| self.zones.get(zone(node)? as usize).map(|zone| zone.region.as_deref());
        if from == to {
            Distance::Node
        } else if zone(from) == zone(to) {
            Distance::Zone
        } else if region(from) == region(to) {
            Distance::Region
        } else {
            Distance::World
        }
    }

    /// The index of each zone's region, counted from 0.
    pub(crate) fn regions(&self) -> Vec<u32> {
        let mut numbers = BTreeMap::new();
        self.zones
            .iter()
            .map(|zone| {
                let next = number(numbers.len());
                *numbers.entry(zone.region.as_deref()).or_insert(next)
            })
            .collect()
    }

    pub(crate) fn placement(&self, application: u32) -> &[Placed] {
        self.applications.get(application as usize).map_or(&[], |application| &application.placement)
    }

    /// `namespace/name`.
    pub(crate) fn application_name(&self, application: u32) -> &str {
        self.applications.get(application as usize).map_or("", |application| application.name.as_str())
    }

    pub(crate) fn node_name(&self, node: u32) -> &str {
        self.nodes.get(node as usize).map_or("", |node| &node.name)
    }

    /// Pods that run or start.
    pub(crate) fn pods(&self, application: u32) -> u32 {
        self.placement(application).iter().map(|placed| placed.pods).sum()
    }
}

fn nodes(snapshot: &Snapshot, names: &PlaceNames) -> (Vec<Zone>, Vec<Node>, HashMap<NodeId, u32>) {
    let mut rows: Vec<_> = snapshot
        .names()
        .iter()
        .map(|(id, name)| {
            let row = snapshot.node(id);
            (names.zone(row.zone, row.region), name, id, row)
        })
        .collect();
    rows.sort_unstable_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
    let mut zones: Vec<Zone> = Vec::new();
    let mut nodes = Vec::with_capacity(rows.len());
    let mut node_of = HashMap::with_capacity(rows.len());
    for (zone, name, id, row) in rows {
        if zones.last() != Some(&zone) {
            zones.push(zone);
        }
        node_of.insert(id, number(nodes.len()));
        nodes.push(Node {
            name: name.to_owned(),
            zone: number(zones.len().saturating_sub(1)),
            allocatable: row.allocatable,
            requested: row.requested,
            pods: row.pods,
            max_pods: row.max_pods,
            closed: row.closed || !row.known,
        });
    }
    (zones, nodes, node_of)
}

fn applications(
    snapshot: &Snapshot,
    node_of: &HashMap<NodeId, u32>,
) -> (Vec<SceneApplication>, HashMap<ApplicationId, u32>) {
    let mut rows: Vec<_> = snapshot.applications().collect();
    rows.sort_unstable_by(|left, right| left.0.cmp(right.0));
    let mut application_of = HashMap::with_capacity(rows.len());
    let mut applications = Vec::with_capacity(rows.len());
    for (name, row) in rows {
        if let Some(id) = snapshot.application_id(name.as_str()) {
            application_of.insert(id, number(applications.len()));
        }
        let placed = |entry: &netmarks_core::snapshot::NodePods| {
            Some(Placed { node: *node_of.get(&entry.node)?, pods: entry.pods })
        };
        let mut placement: Vec<Placed> = row.placement.iter().filter_map(placed).collect();
        placement.sort_unstable_by_key(|placed| placed.node);
        applications.push(SceneApplication {
            name: name.clone(),
            placement,
            replicas: row.replicas(0),
            requests: row.mean_requests(),
            local_routing: row.local_routing(),
        });
    }
    (applications, application_of)
}

/// An index as it is kept; there are never 2^32 of anything here.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
