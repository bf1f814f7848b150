//! Makes clusters of a published shape, from a seed: the same seed gives the same file.
//!
//! [`shape`] has what was published, `machines` and `services` and `traffic` make the three parts, `placement` puts pods on machines,
//! and [`figures`] measures any snapshot, so that tests hold what was made to what was published.

pub mod figures;
mod machines;
mod placement;
mod random;
mod services;
pub mod shape;
mod traffic;

use netmarks_core::application::Identity;
use netmarks_sources::snapshot_file::SnapshotFile;

use shape::Shape;

/// When generated snapshots were taken, in seconds since the Unix epoch: 2026-01-01. A clock would make two files differ.
const TAKEN_AT: i64 = 1_767_225_600;

/// A cluster of this shape, `times` as large.
#[must_use]
pub fn generate(shape: Shape, seed: u64, times: u32) -> SnapshotFile {
    let shape = shape.published().times(times);
    let mut random = fastrand::Rng::with_seed(seed);
    let nodes = machines::machines(&shape);
    let services = services::services(&shape, &nodes, &mut random);
    let flows = traffic::flows(&shape, &services, &mut random);
    let pods = placement::pods(&services, &nodes, TAKEN_AT, &mut random);
    #[allow(clippy::cast_precision_loss, reason = "seconds of this century are far below 2^52")]
    let taken_at = TAKEN_AT as f64;
    let mut file = SnapshotFile {
        taken_at,
        identity: Identity::App,
        nodes,
        pods,
        services: services.iter().map(services::Generated::service).collect(),
        workloads: services.iter().map(services::Generated::workload).collect(),
        flows_at: Some(taken_at),
        flows,
        ..SnapshotFile::default()
    };
    file.sort();
    file
}
