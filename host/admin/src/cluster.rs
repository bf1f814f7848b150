//! What an operator asks about the cluster and its pods: `GET /v1/decisions`, `GET /v1/snapshot` and `GET
//! /v1/target`.

use std::io::{self, Write};
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use netmarks_core::application::Identity;
use netmarks_core::clock::unix_now;
use netmarks_scoring::Decisions;
use netmarks_server::streamed;
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::{ClusterState, TargetReport};
use tokio::sync::Semaphore;

use crate::console::decisions::{DecisionParameters, list};

/// Snapshots at once. Each is a copy of the cluster until its client has read it.
const SNAPSHOTS: usize = 2;

/// Lists of decisions at once, each with a thread that writes it until its client has read it.
const LISTS: usize = 8;

/// What the routes read; cheap to clone.
#[derive(Clone, Debug)]
pub struct ClusterRoutes {
    state: Arc<ClusterState>,
    decisions: Arc<Decisions>,
    /// Which label names an application.
    identity: Identity,
    /// One permit per snapshot that is being read.
    snapshots: Arc<Semaphore>,
    /// One permit per list that is being read.
    lists: Arc<Semaphore>,
}

impl ClusterRoutes {
    /// Routes over the cluster that is scored by, and the last decisions.
    #[must_use]
    pub fn new(state: Arc<ClusterState>, decisions: Arc<Decisions>, identity: Identity) -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        Self { state, decisions, identity, snapshots: permits(SNAPSHOTS), lists: permits(LISTS) }
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/v1/decisions", get(decisions))
            .route("/v1/snapshot", get(snapshot))
            .route("/v1/target", get(target))
            .with_state(self)
    }
}

async fn decisions(
    State(cluster): State<ClusterRoutes>,
    query: Result<Query<DecisionParameters>, QueryRejection>,
) -> Response {
    // This listener answers errors with one line of text.
    let answer = match query {
        Ok(Query(query)) => list(&cluster.lists, cluster.decisions, query),
        Err(rejection) => return rejection.into_response(),
    };
    answer.unwrap_or_else(|_| busy())
}

async fn snapshot(State(cluster): State<ClusterRoutes>) -> Response {
    let ClusterRoutes { state, identity, snapshots, .. } = cluster;
    answer(&snapshots, move |to| {
        let file = state.read(|index| SnapshotFile::from_index(index, identity, unix_now()));
        file.write_json(to)
    })
}

async fn target(State(cluster): State<ClusterRoutes>) -> Json<TargetReport> {
    Json(cluster.state.health().target.report())
}

/// JSON that is made on another thread: walking 150,000 pods and writing them takes a moment that belongs to no request.
fn answer(
    permits: &Arc<Semaphore>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> Response {
    let Ok(permit) = permits.clone().try_acquire_owned() else {
        return busy();
    };
    ([(header::CONTENT_TYPE, "application/json")], streamed(permit, write)).into_response()
}

fn busy() -> Response {
    let reason = "as many of these answers as are made at once are being read already; ask again\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], reason).into_response()
}
