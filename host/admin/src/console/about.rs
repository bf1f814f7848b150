//! `GET /v1/about`: what answers here.

use serde::Serialize;
use utoipa::ToSchema;

/// What answers here.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct About {
    pub(crate) version: &'static str,
    /// `sources`, `snapshot-file` or `demo`.
    pub(crate) origin: &'static str,
    /// How callers are known: `loopback`, `token`, `certificate`, `token and certificate` or `kubernetes`.
    pub(crate) access: &'static str,
    /// Whether policies can be changed here, by who may.
    pub(crate) changes: bool,
    /// How far back `at` can go.
    pub(crate) history_seconds: u64,
}
