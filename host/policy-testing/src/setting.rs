//! The cluster that a case is scored in: a snapshot, and what snapshot files do not say.

use netmarks_core::application::Application;
use netmarks_core::facts::ApplicationFacts;
use netmarks_core::index::Index;
use netmarks_sources::snapshot_file::SnapshotFile;

/// A snapshot with what controllers want and where the target placement has pods.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setting {
    pub(crate) snapshot: SnapshotFile,
    pub(crate) wanted: Vec<ApplicationFacts>,
    pub(crate) target: Vec<(Application, Vec<(String, u32)>)>,
}

impl Setting {
    /// As the host would know it, `without` one of its pods.
    pub(crate) fn index(&self, without: Option<&str>) -> Index {
        let mut index = self.snapshot.to_index();
        if let Some(pod) = without {
            index.delete_pod(pod);
        }
        self.wanted.iter().for_each(|facts| index.apply_application(facts));
        // After the rest: it leaves out what the index does not know.
        index.replace_target(&self.target);
        index
    }
}

impl From<SnapshotFile> for Setting {
    fn from(snapshot: SnapshotFile) -> Self {
        Self { snapshot, ..Self::default() }
    }
}
