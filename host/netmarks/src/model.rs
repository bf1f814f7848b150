//! The scheduler's model for the door of the API server: of a snapshot file, or kept up to date by the watch.

use k8s_openapi::api::core::v1::Pod;
use netmarks_admission::{Admission, Model, Seen, patch};
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
        let metadata = &pod.metadata;
        let mut owners = metadata.owner_references.iter().flatten();
        let owner = owners.find(|owner| owner.controller == Some(true));
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let annotation = |key: &str| metadata.annotations.as_ref()?.get(key).map(String::as_str);
        #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        let created = metadata.creation_timestamp.as_ref().map(|time| time.0.as_second() as f64);
        self.admission.see(&Seen {
            decision: annotation(patch::DECISION),
            uid: metadata.uid.as_deref(),
            namespace: metadata.namespace.as_deref().unwrap_or_default(),
            name: metadata.name.as_deref().unwrap_or_default(),
            owner: owner.map(|owner| owner.uid.as_str()),
            created,
            settled: gone || node.is_some_and(|node| !node.is_empty()),
        });
    }
}
