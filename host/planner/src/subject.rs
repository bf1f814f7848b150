//! The cluster that a plan is for.

use std::collections::HashSet;

use netmarks_core::digest::Digest;
use netmarks_simulator::World;
use netmarks_sources::snapshot_file::SnapshotFile;

use crate::error::PlanError;
use crate::file::MadeFrom;

/// A snapshot that a plan can be made of.
#[derive(Debug)]
pub struct Subject {
    pub(crate) world: World,
    pub(crate) made_from: MadeFrom,
    /// `metadata.uid` of the world's pods, in their order.
    pub(crate) uids: Vec<Option<String>>,
}

impl Subject {
    /// Takes a second for a large snapshot, whose digest it takes.
    ///
    /// # Errors
    /// If the snapshot lacks what a plan needs.
    pub fn new(snapshot: SnapshotFile) -> Result<Self, PlanError> {
        // Reading keeps no version, and an extender's snapshot has none of it either.
        let known = snapshot.pods.iter().any(|pod| pod.scheduling.is_some());
        if !known && !snapshot.pods.is_empty() {
            return Err(PlanError::NoScheduling);
        }
        between_pods(&snapshot)?;
        let text = snapshot.to_json().unwrap_or_default();
        let made_from = MadeFrom {
            digest: Digest::of(text.as_bytes()),
            taken_at: snapshot.taken_at,
            anonymised: snapshot.anonymised,
        };
        let living = snapshot.pods.iter().filter(|pod| !pod.is_terminating());
        let uids = living.map(|pod| pod.uid.clone()).collect();
        Ok(Self { world: World::new(snapshot)?, made_from, uids })
    }

    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// With something else set about its world, such as the target placement that policies are given.
    #[must_use]
    pub fn with_world(self, set: impl FnOnce(World) -> World) -> Self {
        Self { world: set(self.world), ..self }
    }

    /// What the traffic of a pod is on average, in bytes per second.
    pub(crate) fn mean_traffic(&self) -> f64 {
        let inventory = self.world.inventory();
        inventory.bytes_per_second() / inventory.pods.len().max(1) as f64
    }
}

/// Whether any traffic is between applications that have pods.
fn between_pods(snapshot: &SnapshotFile) -> Result<(), PlanError> {
    let applications: HashSet<_> = snapshot.pods.iter().filter_map(|pod| pod.application.as_ref()).collect();
    let mut flows = snapshot.flows.iter().filter(|flow| flow.bytes_per_second > 0.0);
    let Some(first) = flows.clone().next() else { return Err(PlanError::NoTraffic) };
    if flows.any(|flow| applications.contains(&flow.source) && applications.contains(&flow.destination)) {
        return Ok(());
    }
    Err(PlanError::StrangeTraffic {
        source_name: first.source.to_string(),
        destination_name: first.destination.to_string(),
    })
}
