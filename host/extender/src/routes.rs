//! What answers at which path.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use netmarks_core::application::Naming;
use netmarks_core::errors::chain;
use netmarks_scoring::{Empty, NODES, Scorer, bounds};
use netmarks_server::{BodyBudget, BodyError, BoundedBody};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::config::ServerConfig;
use crate::metrics::ExtenderMetrics;
use crate::pace::Pace;
use crate::protocol::{self, BadRequest, PrioritizeRequest};
use crate::recent::Recent;

/// A body that takes longer is given up: kube-scheduler itself waits no longer than this by default, and a client that
/// never sends must not hold memory.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Requests explained at once: the engine has as many slots beside those of the scheduler's requests.
const EXPLAINED: usize = 1;

/// What to do about a body that is too large.
const LARGER: &str = "raise `server.max_request_mib`, or set `nodeCacheCapable: true` in the scheduler's configuration, which \
                      sends names instead of whole nodes";

/// A larger body is never scored by the connection's own task: to decode it takes too long. 5,000 names are 105 kB.
const SMALL_BODY: usize = 256 * 1024;

/// Policies that may take longer together are never asked by the connection's own task: a worker that waits for one answers nobody.
const LONGEST: Duration = Duration::from_millis(200);

const MIB: usize = 1024 * 1024;

/// The door, open to kube-scheduler; cheap to clone.
#[derive(Clone, Debug)]
pub struct Extender {
    pub scorer: Arc<Scorer>,
    /// Remembers the last requests.
    pub recent: Recent,
    /// Counts what is refused.
    pub metrics: Arc<ExtenderMetrics>,
    /// Which label names an application.
    pub naming: Naming,
    /// Bounds request bodies.
    pub bodies: BodyBudget,
    /// One permit per request being scored.
    pub permits: Arc<Semaphore>,
    /// One permit per request being explained, so that people take none of the scheduler's.
    pub explained: Arc<Semaphore>,
    /// A request that takes longer is answered without scores.
    pub deadline: Duration,
    /// How quickly it answered lately.
    pub pace: Arc<Pace>,
}

impl Extender {
    /// The door with the limits of `config`.
    #[must_use]
    pub fn new(
        config: &ServerConfig,
        naming: Naming,
        scorer: Arc<Scorer>,
        recent: Recent,
        metrics: Arc<ExtenderMetrics>,
    ) -> Self {
        let mib = |count: u32| count as usize * MIB;
        Self {
            scorer,
            recent,
            metrics,
            naming,
            bodies: BodyBudget::new(mib(config.max_bodies_mib), mib(config.max_request_mib)),
            permits: Arc::new(Semaphore::new(config.max_concurrent as usize)),
            explained: Arc::new(Semaphore::new(EXPLAINED)),
            deadline: config.request_timeout(),
            pace: Arc::default(),
        }
    }

    /// The scheduler's route, and the one that explains its last requests.
    pub fn router(self) -> Router {
        Router::new()
            .route("/prioritize", post(prioritize))
            .route("/v1/explain", get(explain))
            .with_state(self)
    }
}

/// `POST /prioritize`. Anything that is our fault is an empty answer with status 200: the scheduler then decides
/// alone, at once. Only a request that is not one gets a 4xx.
async fn prioritize(State(door): State<Extender>, body: Body) -> Response {
    let started = Instant::now();
    let empty = |reason: Empty| {
        door.scorer.answered_empty(reason, started.elapsed());
        json("[]".into())
    };
    let refused = |status: StatusCode, reason: String| {
        door.metrics.refused();
        (status, format!("{reason}\n")).into_response()
    };
    let body = match tokio::time::timeout(BODY_TIMEOUT, door.bodies.read(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(BodyError::Overloaded)) => return empty(Empty::Overloaded),
        Ok(Err(error @ BodyError::TooLarge { .. })) => {
            let reason = format!("{error}; {LARGER}");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, reason);
        }
        Ok(Err(error @ BodyError::Broken(_))) => return refused(StatusCode::BAD_REQUEST, chain(&error)),
        Err(_) => {
            let reason = format!("the body did not arrive within {BODY_TIMEOUT:?}");
            return refused(StatusCode::REQUEST_TIMEOUT, reason);
        }
    };
    let Ok(permit) = door.permits.clone().try_acquire_owned() else {
        return empty(Empty::Overloaded);
    };
    let (answer, answered) = oneshot::channel();
    let (generation, longest) = door.scorer.in_force();
    let is_small = body.bytes.len() <= SMALL_BODY;
    let at_once = is_small && longest < door.deadline.min(LONGEST) && door.pace.is_quick(generation);
    // The permit goes along: a client that hangs up must not free it while the work goes on.
    let mut scoring = Box::pin(score(door.clone(), body, answer, permit, at_once));
    // Here to the answer, where that is quick; what is left to do after it is another task's. Nothing is where the body is not a
    // request. `answered` fails if it panicked.
    let here = || scoring.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    if !at_once || matches!(catch_unwind(AssertUnwindSafe(here)), Ok(Poll::Pending)) {
        // A task of its own, so that the deadline below holds whatever the policy does.
        tokio::spawn(scoring);
    }
    match tokio::time::timeout(door.deadline, answered).await {
        Ok(Ok(Ok(answer))) => json(answer.into()),
        Ok(Ok(Err(reason))) => refused(StatusCode::BAD_REQUEST, reason),
        Ok(Err(_)) => empty(Empty::PolicyFault),
        Err(_) => empty(Empty::Deadline),
    }
}

/// Decodes and answers; then, with the answer on its way, records why.
async fn score(
    door: Extender,
    body: BoundedBody,
    answer: oneshot::Sender<Result<Vec<u8>, String>>,
    permit: OwnedSemaphorePermit,
    at_once: bool,
) {
    let started = Instant::now();
    let work = || match decode(&door, &body) {
        Ok(PrioritizeRequest { pod, nodes }) => {
            door.recent.remember(&pod.key, &body.bytes);
            let deliver = |scores: &[(u32, u32)]| answer.send(Ok(protocol::encode(&nodes, scores))).is_ok();
            Some((door.scorer.answer(pod, &nodes, deliver), nodes))
        }
        // Nobody may be waiting any more, which concerns nobody.
        Err(reason) => {
            drop(answer.send(Err(reason)));
            None
        }
    };
    // Not on a blocking thread: waking one, and being woken by it, takes longer than scoring does. In place, the runtime moves
    // everything else off this worker meanwhile, which is not needed where scoring is quick.
    let answered = if at_once { work() } else { tokio::task::block_in_place(work) };
    // Not held while the decision is recorded: whoever has the answer may ask again at once. What is recorded holds its body's memory.
    drop(permit);
    if let Some((answered, nodes)) = answered {
        if answered.asked() {
            door.pace.answered(answered.generation(), started.elapsed());
        }
        // First the answer goes out.
        tokio::task::yield_now().await;
        answered.record(&nodes);
    }
}

/// A request that Kubernetes can have made, or why it is not one.
fn decode<'a>(door: &Extender, body: &'a BoundedBody) -> Result<PrioritizeRequest<'a>, String> {
    let request = protocol::decode(&body.bytes, door.naming).map_err(|error| error.to_string())?;
    bounds::check(&request.pod, &request.nodes).map_err(|error| error.to_string())?;
    Ok(request)
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
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
async fn explain(State(door): State<Extender>, Query(query): Query<ExplainQuery>) -> Response {
    let Some(body) = door.recent.of_pod(&query.pod) else {
        let reason = format!(
            "`{}` is not among the last pods that the scheduler asked about with node names; see /v1/decisions\n",
            query.pod
        );
        return (StatusCode::NOT_FOUND, reason).into_response();
    };
    let Ok(permit) = door.explained.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "another request is being explained; ask again\n")
            .into_response();
    };
    let explained = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let request = protocol::decode(&body, door.naming)?;
        let answer = door.scorer.decide(&request.pod, &request.nodes);
        Ok::<_, BadRequest>(answer.ranking(&request.nodes, NODES, true))
    });
    match explained.await {
        Ok(Ok(Ok(ranking))) => axum::Json(ranking).into_response(),
        Ok(Ok(Err(error))) => failed(&error),
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", chain(error))).into_response()
}
