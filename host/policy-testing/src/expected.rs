//! What a case may expect: scores within a tolerance, or an error.

use serde::{Deserialize, Serialize};

/// How far a score may be from what is expected; the larger of the two counts.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tolerance {
    /// As a share of the expected score.
    pub(crate) relative: f64,
    /// In the unit of the score.
    pub(crate) absolute: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        // Summing in another order costs a few bits.
        Self { relative: 1e-9, absolute: 1e-12 }
    }
}

impl Tolerance {
    pub(crate) fn allows(self, expected: f64, got: f64) -> bool {
        (expected - got).abs() <= self.absolute.max(self.relative * expected.abs())
    }
}

/// The error that a case expects; what is not given may be anything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedError {
    /// The stage: `configure`, `score`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The kind of the cause: `said`, `parameter`, `deadline`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// A part of the message, causes included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
