//! Where a cluster's pods, nodes and flows come from.

use strum::IntoStaticStr;

/// What the state shows, so that whoever examines it knows whether there is a live cluster behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ClusterOrigin {
    /// A live cluster and its metrics store.
    Sources,
    /// A file, as `netmarks snapshot` writes it.
    SnapshotFile,
    /// The sample that is built in.
    Demo,
}

impl ClusterOrigin {
    /// As on the metrics page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
