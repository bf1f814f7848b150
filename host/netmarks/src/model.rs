//! The scheduler's model for the door of the API server: of a snapshot file, or kept up to date by the watch.

use k8s_openapi::api::core::v1::Pod;
use netmarks_admission::{Admission, Model};
use netmarks_scheduler_model::LiveCluster;
use netmarks_sources::kubernetes::model::Follower;
use netmarks_sources::snapshot_file::{FileNode, FilePod, SnapshotFile};

/// The model of a snapshot.
#[must_use]
pub(crate) fn model_of(snapshot: &SnapshotFile) -> Model {
    let nodes = snapshot.nodes.iter().map(FileNode::model);
    Model::new(LiveCluster::fixed(nodes, snapshot.pods.iter().map(FilePod::model)))
}

/// What the watch keeps up to date.
pub(crate) struct Following {
    pub(crate) model: Model,
    /// Sees each pod.
    pub(crate) admission: Admission,
}

impl Follower for Following {
    fn update(&self, change: &mut dyn FnMut(&mut LiveCluster)) {
        self.model.update(change);
    }

    fn see(&self, pod: &Pod, gone: bool) {
        self.admission.see(pod, gone);
    }
}
