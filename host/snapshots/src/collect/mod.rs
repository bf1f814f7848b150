//! A snapshot of a cluster and its metrics store, from anywhere that reaches both: nothing is installed or changed.
//!
//! [`kinds`] says which objects are read and what for, `list` reads one kind page by page, `cluster` puts them together,
//! `flows` asks the store. What a cluster or a store does not hand over is named in the file; only without nodes and pods
//! there is no snapshot.

mod cluster;
mod flows;
pub mod kinds;
mod list;
mod progress;

use kube::Client;
use netmarks_core::application::{Identity, Naming};
use netmarks_core::clock::unix_now;
use netmarks_sources::prometheus::{ConfigError, MetricsConfig};
use netmarks_sources::snapshot_file::{Missing, SnapshotFile};

pub use progress::{Progress, Step};

/// What to read.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// How pods are named: as the mesh names them in its metrics.
    pub naming: Naming,
    /// The metrics store; without one the file has no flows.
    pub metrics: Option<MetricsConfig>,
}

/// Why there is no snapshot at all.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// Nodes or pods cannot be listed.
    #[error(
        "failed to list {resource}: {why}; without them there is no snapshot. `netmarks snapshot --print-role` prints the rights that it needs"
    )]
    List { resource: &'static str, why: String },
    /// Settings of the store that cannot work.
    #[error("the settings of the metrics store cannot work")]
    Metrics(#[source] ConfigError),
}

/// Reads the cluster, then the store.
///
/// Cancel safe: it only reads.
///
/// # Errors
/// If nodes or pods cannot be listed, or the settings of the store cannot work.
pub async fn collect(
    client: &Client,
    wanted: Wanted,
    progress: &dyn Progress,
) -> Result<SnapshotFile, CollectError> {
    let Wanted { naming, metrics } = wanted;
    // Before the lists, which take a while: settings that cannot work are said at once.
    let store = metrics.map(|config| flows::Store::new(config, naming.identity)).transpose();
    let store = store.map_err(CollectError::Metrics)?;
    let mut file = cluster::cluster(client, naming, progress).await?;
    file.taken_at = unix_now();
    match store {
        Some(store) => {
            let measured = store.measure(file.taken_at, progress).await;
            file.flows_at = measured.at;
            file.flows = measured.flows;
            file.take_round_trips(&measured.round_trips);
            file.missing.extend(measured.missing);
        }
        None => file.missing.push(Missing {
            what: "flows".to_owned(),
            why: "no metrics store was named; give --metrics-url".to_owned(),
        }),
    }
    file.sort();
    Ok(file)
}

/// An empty file for what is read of a cluster.
fn empty(identity: Identity) -> SnapshotFile {
    SnapshotFile { identity, ..SnapshotFile::default() }
}
