//! What answers at which path.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use netmarks_core::application::Identity;
use netmarks_core::errors::chain;
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_sources::state::{ClusterState, MetricsState};
use netmarks_sources::unix_now;
use prometheus_client::metrics::counter::Counter;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::decisions::Decision;

use super::body::{BodyBudget, BodyError, BoundedBody};
use crate::protocol::{self, BadRequest};
use crate::scoring::{Empty, Scorer};

/// A body that takes longer is given up: kube-scheduler itself waits no longer than this by default, and a client that
/// never sends must not hold memory.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything the routes need; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Scores pods.
    pub scorer: Arc<Scorer>,
    /// Which label names an application.
    pub identity: Identity,
    /// Bounds request bodies.
    pub bodies: BodyBudget,
    /// One permit per request being scored.
    pub permits: Arc<Semaphore>,
    /// A request that takes longer is answered without scores.
    pub deadline: Duration,
    /// Whether the process was told to stop.
    pub stopping: tokio_util::sync::CancellationToken,
}

impl App {
    /// All routes: the scheduler's and the operator's.
    pub fn router(self) -> Router {
        Router::new()
            .route("/prioritize", post(prioritize))
            .route("/v1/decisions", get(decisions))
            .route("/v1/explain", get(explain))
            .route("/v1/snapshot", get(snapshot))
            .with_state(self.clone())
            .merge(self.health_router())
    }

    /// The routes of probes and scrapers, which cannot present a client certificate.
    pub fn health_router(self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

/// `POST /prioritize`. Anything that is our fault is an empty answer with status 200: the scheduler then decides
/// alone, at once. Only a request that is not one gets a 4xx.
async fn prioritize(State(app): State<App>, body: Body) -> Response {
    let started = Instant::now();
    let empty = |reason: Empty| {
        app.scorer.metrics().answered(Some(reason), started.elapsed());
        json("[]".into())
    };
    let refused = |status: StatusCode, reason: String| {
        app.scorer.metrics().refused();
        (status, format!("{reason}\n")).into_response()
    };
    let body = match tokio::time::timeout(BODY_TIMEOUT, app.bodies.read(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(BodyError::Overloaded)) => return empty(Empty::Overloaded),
        Ok(Err(error @ BodyError::TooLarge { .. })) => {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, error.to_string());
        }
        Ok(Err(error @ BodyError::Broken(_))) => return refused(StatusCode::BAD_REQUEST, chain(&error)),
        Err(_) => {
            let reason = format!("the body did not arrive within {BODY_TIMEOUT:?}");
            return refused(StatusCode::REQUEST_TIMEOUT, reason);
        }
    };
    let Ok(permit) = app.permits.clone().try_acquire_owned() else {
        return empty(Empty::Overloaded);
    };
    let (answer, answered) = oneshot::channel();
    let (scorer, identity) = (app.scorer.clone(), app.identity);
    // A task of its own, so that the deadline below holds whatever the policy does. The permit goes along: a client
    // that hangs up must not free it while the work goes on. Its end is seen through `answered`, which fails if it
    // panicked.
    tokio::spawn(score(scorer, identity, body, answer, permit));
    match tokio::time::timeout(app.deadline, answered).await {
        Ok(Ok(Ok(answer))) => json(answer.into()),
        Ok(Ok(Err(error))) => refused(StatusCode::BAD_REQUEST, error.to_string()),
        Ok(Err(_)) => empty(Empty::PolicyFault),
        Err(_) => empty(Empty::Deadline),
    }
}

/// Decodes, decides and answers; then, with the answer on its way, remembers why.
async fn score(
    scorer: Arc<Scorer>,
    identity: Identity,
    body: BoundedBody,
    answer: oneshot::Sender<Result<Vec<u8>, BadRequest>>,
    permit: OwnedSemaphorePermit,
) {
    let _permit = permit;
    // In place, not on a blocking thread: waking one, and being woken by it, takes longer than scoring does. The
    // runtime moves everything else off this worker meanwhile.
    let scored = tokio::task::block_in_place(|| {
        let request = protocol::decode(&body.bytes, identity)?;
        let outcome = scorer.decide(&request.pod, &request.nodes);
        let text = protocol::encode(&request.nodes, &outcome.scores);
        Ok((request, outcome, text))
    });
    match scored {
        // Nobody may be waiting any more, which is no news to anyone.
        Err(error) => drop(answer.send(Err(error))),
        Ok((request, outcome, text)) => {
            scorer.recent().remember(&request.pod.key, &body.bytes);
            scorer.assume(&request.pod, &request.nodes, &outcome);
            match answer.send(Ok(text)) {
                Ok(()) => scorer.count(&outcome),
                // It was answered without scores meanwhile, so the pod may be anywhere.
                Err(_) => scorer.state().assumed().forget(&request.pod.key),
            }
            // First the answer goes out.
            tokio::task::yield_now().await;
            scorer.record(request.pod, &request.nodes, &outcome);
        }
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
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

async fn decisions(State(app): State<App>, Query(query): Query<DecisionsQuery>) -> Response {
    let recent = app.scorer.decisions().recent(query.limit.unwrap_or(20), query.pod.as_deref());
    axum::Json(recent.iter().map(AsRef::as_ref).collect::<Vec<&Decision>>()).into_response()
}

/// Which pod to explain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExplainQuery {
    /// `namespace/name`.
    pod: String,
}

/// `GET /v1/explain`: scores the last request for a pod once more, by what is known and live now, and has the
/// policies say in their own words what their scores are made of.
async fn explain(State(app): State<App>, Query(query): Query<ExplainQuery>) -> Response {
    let Some(body) = app.scorer.recent().of_pod(&query.pod) else {
        let reason = format!(
            "`{}` is not among the last pods that the scheduler asked about with node names; see /v1/decisions\n",
            query.pod
        );
        return (StatusCode::NOT_FOUND, reason).into_response();
    };
    let Ok(permit) = app.permits.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many requests are being scored\n").into_response();
    };
    let explained = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let request = protocol::decode(&body, app.identity)?;
        let outcome = app.scorer.decide(&request.pod, &request.nodes);
        Ok::<_, BadRequest>(outcome.ranking(&request.nodes, crate::decisions::NODES, true))
    });
    match explained.await {
        Ok(Ok(Ok(ranking))) => axum::Json(ranking).into_response(),
        Ok(Ok(Err(error))) => failed(&error),
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

async fn snapshot(State(app): State<App>) -> Response {
    let state = app.scorer.state().clone();
    let identity = app.identity;
    // Walking 150,000 pods and writing them takes a moment that belongs to no request.
    let written = tokio::task::spawn_blocking(move || {
        let file = state.read(|index| SnapshotFile::from_index(index, identity, unix_now()));
        file.to_json()
    })
    .await;
    match written {
        Ok(Ok(text)) => json(text.into()),
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

async fn readyz(State(app): State<App>) -> Response {
    let mut reasons: Vec<String> =
        app.scorer.state().readiness().reasons().iter().map(ToString::to_string).collect();
    if app.scorer.registry().current().active.is_empty() {
        reasons.push("no policy is active".to_owned());
    }
    if app.stopping.is_cancelled() {
        reasons.push("shutting down".to_owned());
    }
    if reasons.is_empty() {
        return "ready\n".into_response();
    }
    let mut text = String::from("not ready\n");
    for reason in reasons {
        let _ = writeln!(text, "- {reason}");
    }
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    let metrics = app.scorer.metrics();
    measure_cluster(app.scorer.state(), metrics);
    let registry = app.scorer.registry();
    metrics.policies(&registry.report(), &registry.shadow_report());
    match metrics.encode() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
                .into_response()
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", chain(error))).into_response()
}

/// Reads the size and age of what is scored by off the state.
fn measure_cluster(state: &ClusterState, metrics: &crate::metrics::Metrics) {
    let snapshot = state.snapshot();
    let readiness = state.readiness();
    let gauges = &metrics.cluster;
    gauges.nodes.set(signed(snapshot.names().len()));
    gauges.pods.set(signed(state.read(netmarks_core::index::Index::pod_count)));
    gauges.applications.set(signed(snapshot.applications().count()));
    gauges.flows.set(signed(snapshot.flows().len()));
    gauges.ready.set(i64::from(readiness.reasons().is_empty()));
    let age = match (readiness.metrics, snapshot.flows_at()) {
        (MetricsState::Absent, _) | (_, None) => -1.0,
        (_, Some(at)) => (unix_now() - at).max(0.0),
    };
    gauges.flows_age.set(age);
    let health = state.health();
    let total = |counter: &Counter, value: u64| counter.inner().store(value, Ordering::Relaxed);
    total(&gauges.watch_events, health.pods.events() + health.nodes.events());
    total(&gauges.watch_errors, health.pods.errors() + health.nodes.errors());
    let report = health.metrics.report();
    total(&gauges.refreshes, report.refreshes);
    total(&gauges.refresh_failures, report.failures);
    gauges.dropped_flows.set(i64::try_from(report.dropped_flows).unwrap_or(i64::MAX));
}
