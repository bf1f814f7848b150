//! Why an answer names no node.

use serde::Serialize;
use strum::IntoStaticStr;
use utoipa::ToSchema;

/// Why an answer names no node. None of these is an error to the scheduler: it decides alone. Named in metric labels and
/// JSON in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, IntoStaticStr, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Empty {
    /// All candidates scored the same, for want of peers on them.
    NoPreference,
    /// The metrics source has not answered yet.
    NoMetrics,
    /// The last answer of the metrics source is too old.
    StaleMetrics,
    /// Every policy failed.
    PolicyFault,
    /// No policy is active.
    NoPolicy,
    /// More requests at once than allowed.
    Overloaded,
    /// The request's own deadline passed.
    Deadline,
}
