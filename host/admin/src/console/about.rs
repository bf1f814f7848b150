//! `GET /v1/about`: what answers here, and what the caller may do.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use netmarks_controller::access::Operation;
use netmarks_server::Peer;
use serde::Serialize;
use utoipa::ToSchema;

use super::follow::HISTORY_SECONDS;
use super::shared::Console;
use crate::access::Access;
use crate::answers::json;
use crate::content::{Coding, Content, Effort};
use crate::error_answer::{ErrorAnswer, ErrorBody};

/// What answers here, and what the caller may do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct About {
    version: &'static str,
    /// `sources`, `snapshot-file` or `demo`.
    origin: &'static str,
    /// How callers are known: `loopback`, `token`, `certificate`, `token and certificate` or `kubernetes`.
    access: &'static str,
    /// Whether the caller may change policies: `update`, in the words of the cluster's roles.
    changes: bool,
    /// How far back `at` can go.
    history_seconds: u64,
}

/// What answers here, and what the caller may do.
#[utoipa::path(
    get, path = "/v1/about", tag = "cluster",
    responses(
        (status = 200, body = About), (status = 304, description = "As `If-None-Match` says"),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 503, body = ErrorBody, description = "Ask again"),
    )
)]
pub(super) async fn about(
    State(console): State<Console>,
    Extension(access): Extension<Access>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, ErrorAnswer> {
    // Nobody tries to change anything here, so the audit log has nothing of it.
    let changes = match access.check(&headers, &peer, Operation::Update, None).await {
        Ok(_) => true,
        Err(denied) if denied.status == StatusCode::SERVICE_UNAVAILABLE => return Err(denied.into()),
        Err(_) => false,
    };
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        origin: console.state.origin().as_str(),
        access: access.as_str(),
        changes,
        history_seconds: HISTORY_SECONDS,
    };
    // A few hundred bytes need no turn among the maps.
    let content = Content::new("application/json", json(&about)?, Coding::of(&headers), Effort::Speed);
    Ok(content.answer(&headers))
}
