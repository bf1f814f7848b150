//! What a simulation found, as data.

use std::collections::BTreeMap;

use netmarks_placement::{Assumptions, Figures, Inventory, Placement, Study};
use serde::Serialize;

/// What was simulated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conditions {
    pub nodes: usize,
    pub pods: usize,
    pub applications: usize,
    pub flows: usize,
    /// All flows together.
    pub bytes_per_second: f64,
    /// How many were asked for; each arm says how many finished.
    pub repetitions: usize,
    pub seed: u64,
    #[serde(flatten)]
    pub assumptions: Assumptions,
    /// What the snapshot lacks, and why.
    pub missing: Vec<String>,
    /// What the model of kube-scheduler leaves out: each sentence with the number of pods that it concerns.
    pub left_out: BTreeMap<String, usize>,
}

impl Conditions {
    /// Of an inventory, nothing of which is missing or left out.
    pub(crate) fn new(
        inventory: &Inventory,
        repetitions: usize,
        seed: u64,
        assumptions: Assumptions,
    ) -> Self {
        Self {
            nodes: inventory.nodes.len(),
            pods: inventory.pods.len(),
            applications: inventory.applications.len(),
            flows: inventory.flows.len(),
            bytes_per_second: inventory.bytes_per_second(),
            repetitions,
            seed,
            assumptions,
            missing: Vec::new(),
            left_out: BTreeMap::new(),
        }
    }
}

/// What a simulation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimulationReport {
    pub conditions: Conditions,
    /// The figures of the placement in the snapshot; absent if no pod is on a node there.
    pub as_found: Option<Figures>,
    #[serde(flatten)]
    pub study: Study,
    /// Where the pods are after each arm's first finished run.
    #[serde(skip)]
    pub first_placements: Vec<Option<Placement>>,
}
