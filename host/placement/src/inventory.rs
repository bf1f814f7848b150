//! What there is to place.

use std::collections::BTreeMap;

/// Where each pod of a [`Inventory`] is: a node's index, or nowhere.
pub type Placement = Vec<Option<usize>>;

/// Nodes, applications with their pods, and the traffic between applications. Each is named by its index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    pub nodes: Vec<Node>,
    /// `namespace/name` of each application.
    pub applications: Vec<String>,
    pub pods: Vec<Pod>,
    pub flows: Vec<Flow>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub name: String,
    /// Two nodes without a zone are in the same one.
    pub zone: Option<String>,
    pub region: Option<String>,
    /// What its pods may request together.
    pub cpu_millicores: u64,
    /// What its pods may request together.
    pub memory_bytes: u64,
    /// How many pods it takes.
    pub max_pods: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// `namespace/name`.
    pub name: String,
    /// Index of its application; a pod without one has no traffic.
    pub application: Option<usize>,
    pub cpu_millicores: u64,
    pub memory_bytes: u64,
    /// When it was created, in seconds since the Unix epoch; pods of which this is unknown are as old as their place in the list.
    pub created: Option<f64>,
    /// Where it is before anything is placed.
    pub node: Option<usize>,
    /// Whether it stays there: a pod of a DaemonSet, or of the node itself.
    pub fixed: bool,
}

/// What the calls of one application to another move, requests and responses together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    pub source: usize,
    pub destination: usize,
    pub bytes_per_second: f64,
    /// How often; zero where only bytes were counted.
    pub calls_per_second: f64,
}

/// What of a flow is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Bytes per second.
    Bytes,
    /// Calls per second.
    Calls,
}

impl Flow {
    /// Of the traffic that is counted.
    #[must_use]
    pub fn amount(&self, traffic: Traffic) -> f64 {
        match traffic {
            Traffic::Bytes => self.bytes_per_second,
            Traffic::Calls => self.calls_per_second,
        }
    }
}

impl Inventory {
    /// What weighs a flow where calls are counted if they are known, and bytes if they are not.
    #[must_use]
    pub fn calls_or_bytes(&self) -> Traffic {
        if self.flows.iter().any(|flow| flow.calls_per_second > 0.0) {
            Traffic::Calls
        } else {
            Traffic::Bytes
        }
    }

    /// Where the pods are before anything is placed.
    #[must_use]
    pub fn initial(&self) -> Placement {
        self.pods.iter().map(|pod| pod.node).collect()
    }

    /// What all flows carry together.
    #[must_use]
    pub fn bytes_per_second(&self) -> f64 {
        self.flows.iter().map(|flow| flow.bytes_per_second).sum()
    }

    /// The other ends of each application's flows, with the bytes per second of both directions; never itself.
    #[must_use]
    pub fn peers(&self) -> Vec<BTreeMap<usize, f64>> {
        let mut sums = vec![BTreeMap::new(); self.applications.len()];
        for flow in self.flows.iter().filter(|flow| flow.source != flow.destination) {
            for (one, other) in [(flow.source, flow.destination), (flow.destination, flow.source)] {
                if let Some(sums) = sums.get_mut(one) {
                    *sums.entry(other).or_default() += flow.bytes_per_second;
                }
            }
        }
        sums
    }

    /// Each node's zone as a number: nodes of one number are in one zone. Zones of one name in two regions are two.
    #[must_use]
    pub fn zones(&self) -> Vec<usize> {
        numbered(self.nodes.iter().map(|node| (&node.region, &node.zone)))
    }

    /// Each node's region as a number.
    #[must_use]
    pub fn regions(&self) -> Vec<usize> {
        numbered(self.nodes.iter().map(|node| &node.region))
    }
}

fn numbered<T: Ord>(items: impl Iterator<Item = T>) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    items
        .map(|item| {
            let next = numbers.len();
            *numbers.entry(item).or_insert(next)
        })
        .collect()
}
