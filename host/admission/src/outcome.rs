//! What came of a review. All of them allow the pod.

use netmarks_scoring::Empty;
use strum::IntoStaticStr;

/// What came of a review; named in metric labels in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// The pod got preferred terms.
    Patched,
    /// It would have got them, if the mode were not `preview`.
    Previewed,
    /// The body is not an `AdmissionReview`.
    NotAReview,
    /// A review of another version, or without a request.
    OtherVersion,
    /// A review of something other than a pod.
    OtherKind,
    /// A review of something other than the creation of a pod.
    OtherOperation,
    /// The pod in it is not one.
    NotAPod,
    /// The body is larger than it may be, or a name in it is longer than Kubernetes takes.
    TooLarge,
    /// The body broke off, or did not arrive in time.
    Broken,
    /// Too many bytes of requests are under way.
    Overloaded,
    /// The review's own deadline passed.
    Deadline,
    /// It belongs to a DaemonSet.
    DaemonSet,
    /// It stands for a pod that its node made itself.
    Mirror,
    /// It names its node.
    Bound,
    /// Its scheduler is not among those that are configured.
    OtherScheduler,
    /// It has the label that keeps it out.
    OptedOut,
    /// It has no room for what would be added: Kubernetes would not take it any more.
    NoRoom,
    /// The lists of nodes and pods are not complete yet.
    NotReady,
    /// It has no application, or its application no traffic.
    NoTraffic,
    /// No node can take it now.
    NoNode,
    /// The best node saves less than is configured.
    LittleToSave,
    /// All nodes are as good as each other.
    NoPreference,
    /// The metrics source has not answered yet.
    NoMetrics,
    /// The last answer of the metrics source is too old, or going stale.
    StaleMetrics,
    /// Every policy failed.
    PolicyFault,
    /// No policy is active.
    NoPolicy,
}

impl Outcome {
    /// As in metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether what came in is not what an API server sends.
    #[must_use]
    pub fn is_bad_input(self) -> bool {
        matches!(
            self,
            Self::NotAReview
                | Self::OtherVersion
                | Self::OtherKind
                | Self::OtherOperation
                | Self::NotAPod
                | Self::TooLarge
                | Self::Broken
        )
    }
}

impl From<Empty> for Outcome {
    fn from(empty: Empty) -> Self {
        match empty {
            Empty::NoPreference => Self::NoPreference,
            Empty::NoMetrics => Self::NoMetrics,
            Empty::StaleMetrics => Self::StaleMetrics,
            Empty::PolicyFault => Self::PolicyFault,
            Empty::NoPolicy => Self::NoPolicy,
            Empty::Overloaded => Self::Overloaded,
            Empty::Deadline => Self::Deadline,
        }
    }
}
