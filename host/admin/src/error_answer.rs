//! Answers other than success: a status and a sentence, as JSON.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use netmarks_core::errors::chain;
use netmarks_policies::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Denied;

/// An answer other than success.
#[derive(Clone, Debug)]
pub(crate) struct ErrorAnswer {
    pub(crate) status: StatusCode,
    pub(crate) reason: String,
}

/// What the body of such an answer is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// A sentence: what is wrong, and what to do.
    error: String,
}

impl ErrorAnswer {
    pub(crate) fn not_found(reason: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, reason: reason.into() }
    }

    /// As many answers are made as are made at once.
    pub(crate) fn busy() -> Self {
        let reason =
            "as many of these answers as are made at once are being made already; ask again".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, reason }
    }
}

impl IntoResponse for ErrorAnswer {
    fn into_response(self) -> Response {
        let mut answer = (self.status, Json(ErrorBody { error: self.reason })).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        answer
    }
}

impl From<Denied> for ErrorAnswer {
    fn from(Denied { status, reason }: Denied) -> Self {
        Self { status, reason }
    }
}

impl From<QueryRejection> for ErrorAnswer {
    fn from(rejection: QueryRejection) -> Self {
        bad_request(rejection.body_text())
    }
}

impl From<Refusal> for ErrorAnswer {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::Unknown { .. } | Refusal::NoHistory => StatusCode::NOT_FOUND,
            Refusal::Name { .. } | Refusal::Settings { .. } | Refusal::Percent { .. } => {
                StatusCode::BAD_REQUEST
            }
            Refusal::Policy(_) | Refusal::Replay(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Managed { .. }
            | Refusal::Canary { .. }
            | Refusal::NothingActive { .. }
            | Refusal::AlreadyActive { .. }
            | Refusal::Degraded { .. }
            | Refusal::Full { .. } => StatusCode::CONFLICT,
            Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Store(_) | Refusal::Lost(_) | Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, reason: chain(&refusal) }
    }
}

pub(crate) fn bad_request(reason: impl Into<String>) -> ErrorAnswer {
    ErrorAnswer { status: StatusCode::BAD_REQUEST, reason: reason.into() }
}
