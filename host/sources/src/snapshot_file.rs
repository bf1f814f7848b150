//! The one snapshot file: nodes, pods and flows at one instant, as JSON.
//!
//! The demo, tests, bug reports and simulations all use it. Every number names its unit. A file that says something
//! impossible is refused with what to fix, since most are edited by hand sooner or later. [`format`](self) has the types, `objects` what
//! kube-scheduler reads of them beside, `check` what is refused, `index` the way from and to a live cluster's index, `storage`
//! reading and writing, `said` what controllers and Services would say.

mod check;
mod error;
mod format;
mod index;
mod objects;
mod said;
mod storage;

pub use error::{ContentError, SnapshotFileError};
pub use format::{
    FileFlow, FileNode, FilePod, FileRoundTrip, Missing, OLDEST_VERSION, SnapshotFile, VERSION,
};
pub use objects::{
    DisruptionBudget, FileNamespace, FileService, NodeCondition, NodeScheduling, TrafficDistribution,
};

#[cfg(test)]
mod tests;
