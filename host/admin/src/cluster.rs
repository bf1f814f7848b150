//! What an operator asks about the cluster and its pods: `GET /v1/decisions` and `GET /v1/snapshot`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use netmarks_core::application::Identity;
use netmarks_core::clock::unix_now;
use netmarks_scoring::{Decision, Decisions};
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::ClusterState;
use serde::Deserialize;

use crate::health::failed;

/// What the routes read; cheap to clone.
#[derive(Clone, Debug)]
pub struct ClusterRoutes {
    /// The cluster that is scored by.
    pub state: Arc<ClusterState>,
    /// The last decisions.
    pub decisions: Arc<Decisions>,
    /// Which label names an application.
    pub identity: Identity,
}

impl ClusterRoutes {
    pub fn router(self) -> Router {
        Router::new()
            .route("/v1/decisions", get(decisions))
            .route("/v1/snapshot", get(snapshot))
            .with_state(self)
    }
}

/// Which decisions to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionsQuery {
    /// At most so many, newest first.
    limit: Option<usize>,
    /// Only those of this pod, `namespace/name`.
    pod: Option<String>,
}

async fn decisions(State(cluster): State<ClusterRoutes>, Query(query): Query<DecisionsQuery>) -> Response {
    let recent = cluster.decisions.recent(query.limit.unwrap_or(20), query.pod.as_deref());
    axum::Json(recent.iter().map(AsRef::as_ref).collect::<Vec<&Decision>>()).into_response()
}

async fn snapshot(State(cluster): State<ClusterRoutes>) -> Response {
    let ClusterRoutes { state, identity, decisions: _ } = cluster;
    // Walking 150,000 pods and writing them takes a moment that belongs to no request.
    let written = tokio::task::spawn_blocking(move || {
        let file = state.read(|index| SnapshotFile::from_index(index, identity, unix_now()));
        file.to_json()
    })
    .await;
    match written {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}
