//! The route that the API server calls. Every answer has status 200 and allows the pod.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use netmarks_server::{BodyError, BoundedBody};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use crate::door::Admission;
use crate::outcome::Outcome;
use crate::review;

impl Admission {
    /// The path that the webhook's configuration names.
    pub fn router(self) -> Router {
        Router::new().route("/admission", post(admit)).with_state(self)
    }
}

async fn admit(State(door): State<Admission>, body: Body) -> Response {
    let started = Instant::now();
    let (answer, outcome) = answer(&door, body, started + door.config.request_timeout()).await;
    door.metrics.answered(outcome, started.elapsed());
    if outcome.is_bad_input() && door.bad_input.is_due() {
        tracing::warn!(
            outcome = outcome.as_str(),
            "a review that no API server sends was answered; the pod is allowed. netmarks_admission_reviews_total counts them"
        );
    }
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

/// Cancel safe: what was assumed for an answer that nobody waits for is taken back.
async fn answer(door: &Admission, body: Body, deadline: Instant) -> (Vec<u8>, Outcome) {
    let unread = |outcome| (review::allow(""), outcome);
    let body = match timeout_at(deadline.into(), door.bodies.read(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(BodyError::Overloaded)) => return unread(Outcome::Overloaded),
        Ok(Err(BodyError::TooLarge { .. })) => return unread(Outcome::TooLarge),
        Ok(Err(BodyError::Broken(_))) | Err(_) => return unread(Outcome::Broken),
    };
    let bytes = body.bytes.clone();
    let (answer, answered) = oneshot::channel();
    // A task of its own, so that the deadline holds whatever a policy does; its end is seen through `answered`, which fails if it
    // panicked.
    tokio::spawn(work(door.clone(), body, answer));
    let as_it_is = |outcome| (review::allow(&review::uid(&bytes)), outcome);
    match timeout_at(deadline.into(), answered).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(_)) => as_it_is(Outcome::PolicyFault),
        Err(_) => as_it_is(Outcome::Deadline),
    }
}

async fn work(door: Admission, body: BoundedBody, answer: oneshot::Sender<(Vec<u8>, Outcome)>) {
    // It is never closed.
    let Ok(_turn) = door.turn.clone().acquire_owned().await else { return };
    // Whoever gave up while it waited for its turn gets no decision.
    if answer.is_closed() {
        return;
    }
    // In place, as for kube-scheduler: waking a blocking thread takes longer than a review does.
    let mut answered = tokio::task::block_in_place(|| door.answer(&body.bytes));
    let sent = answer.send((std::mem::take(&mut answered.body), answered.outcome));
    if sent.is_err() {
        door.take_back(&answered);
    }
    // First the answer goes out.
    tokio::task::yield_now().await;
    door.record(answered);
}
