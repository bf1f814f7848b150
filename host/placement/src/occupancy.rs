//! How many pods of each application are on which node.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::inventory::{Inventory, Placement};

/// Pods of each application by node, and how many the application has altogether, placed or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Occupancy {
    applications: Vec<Application>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Application {
    /// Pods by node; no zeros.
    on_node: BTreeMap<usize, u32>,
    pods: u32,
}

impl Application {
    fn enter(&mut self, node: usize) {
        *self.on_node.entry(node).or_default() += 1;
    }

    fn leave(&mut self, node: usize) {
        if let Entry::Occupied(mut entry) = self.on_node.entry(node) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl Occupancy {
    #[must_use]
    pub fn new(inventory: &Inventory, placement: &Placement) -> Self {
        let mut occupancy = Self { applications: vec![Application::default(); inventory.applications.len()] };
        for (pod, node) in inventory.pods.iter().zip(placement) {
            let Some(application) = pod.application.and_then(|index| occupancy.applications.get_mut(index))
            else {
                continue;
            };
            application.pods += 1;
            if let Some(node) = node {
                application.enter(*node);
            }
        }
        occupancy
    }

    /// One of an application's pods is on a node from now on.
    pub fn enter(&mut self, application: usize, node: usize) {
        if let Some(application) = self.applications.get_mut(application) {
            application.enter(node);
        }
    }

    /// One of an application's pods is no longer on a node.
    pub fn leave(&mut self, application: usize, node: usize) {
        if let Some(application) = self.applications.get_mut(application) {
            application.leave(node);
        }
    }

    /// All pods of an application, placed or not.
    #[must_use]
    pub fn pods(&self, application: usize) -> u32 {
        self.applications.get(application).map_or(0, |application| application.pods)
    }

    /// The nodes that have pods of an application, with their number, in the order of the nodes.
    pub fn nodes(&self, application: usize) -> impl Iterator<Item = (usize, u32)> + Clone + '_ {
        let nodes = self.applications.get(application).map(|application| application.on_node.iter());
        nodes.into_iter().flatten().map(|(node, pods)| (*node, *pods))
    }

    /// Pods of an application on a node.
    #[must_use]
    pub fn on_node(&self, application: usize, node: usize) -> u32 {
        let of_application = self.applications.get(application);
        of_application.and_then(|application| application.on_node.get(&node)).copied().unwrap_or(0)
    }

    /// The share (of 1) of its pods, placed or not, that each node has.
    pub(crate) fn shares(&self, application: usize) -> impl Iterator<Item = (usize, f64)> + Clone + '_ {
        let pods = f64::from(self.pods(application).max(1));
        self.nodes(application).map(move |(node, here)| (node, f64::from(here) / pods))
    }

    /// How many applications there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.applications.len()
    }

    /// Whether there are no applications.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.applications.is_empty()
    }
}
