//! `GET /v1/decisions/stream`: decisions as they are made, and what becomes known of them later.
//!
//! An event's id is the run of the process and the number of a change. Whoever comes back with it gets what came after, and whoever
//! comes back to another run gets all that this one has: none of it can be known.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::Bytes;
use futures::stream;
use netmarks_scoring::{Change, DecisionFilter};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::decisions::{DecisionParameters, Summary};
use super::shared::Console;
use crate::error_answer::{ErrorAnswer, ErrorBody};

/// What a client sends of where it was.
const LAST_EVENT: &str = "last-event-id";

/// Changes that are sent at once.
const BATCH: usize = 100;

/// Decisions that a client gets that was nowhere before.
const USUAL: usize = 50;

/// From one batch to the next, so that a burst of decisions is sent in few parts.
const PAUSE: Duration = Duration::from_millis(100);

/// How long nothing is sent, before a comment says that somebody is still there.
const QUIET: Duration = Duration::from_secs(15);

/// One client's stream.
struct Follower {
    console: Console,
    filter: DecisionFilter,
    /// The last change that was looked at.
    last: u64,
    newest: watch::Receiver<u64>,
    greeted: bool,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

/// Decisions as they are made, as server-sent events: `hello` with the run of the process, then `decision` with a summary each, also
/// when more became known of one. A comment says every 15 seconds that somebody is still there.
#[utoipa::path(
    get, path = "/v1/decisions/stream", tag = "decisions", params(DecisionParameters),
    responses(
        (status = 200, body = Summary, content_type = "text/event-stream"),
        (status = 400, body = ErrorBody),
        (status = 503, body = ErrorBody, description = "There are as many streams as there may be"),
    )
)]
pub(super) async fn follow(
    State(console): State<Console>,
    query: Result<Query<DecisionParameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response<Body>, ErrorAnswer> {
    let Query(query) = query?;
    stream(console, query.filter(), &headers)
}

/// The stream of decisions that `filter` lets through, after what `headers` say that the client has.
///
/// # Errors
/// If there are as many streams as there may be.
fn stream(
    console: Console,
    filter: DecisionFilter,
    headers: &HeaderMap,
) -> Result<Response<Body>, ErrorAnswer> {
    let permit = console.streams.clone().try_acquire_owned().map_err(|_| ErrorAnswer::busy())?;
    let decisions = &console.decisions;
    let last = match headers.get(LAST_EVENT).and_then(|id| id.to_str().ok()?.split_once('-')) {
        // A number that was never given is that of somebody who made it up.
        Some((run, number)) if run == decisions.run() => number.parse().unwrap_or(0),
        Some(_) => 0,
        None => decisions.before_last(USUAL),
    };
    let newest = decisions.follow();
    let follower = Follower { filter, last, newest, greeted: false, ended: false, _permit: permit, console };
    let parts = stream::unfold(follower, |mut follower| async move {
        let part = follower.next().await?;
        Some((Ok::<_, Infallible>(part), follower))
    });
    let mut answer = Response::new(Body::from_stream(parts));
    let to = answer.headers_mut();
    to.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    to.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

impl Follower {
    /// What is sent next; `None` at the end, which is after what was pending as the process was told to stop.
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if !std::mem::replace(&mut self.greeted, true) {
            let hello = json!({ "run": self.console.decisions.run() });
            return Some(Bytes::from(format!("event: hello\ndata: {hello}\n\n")));
        }
        let stopping = self.console.stopping.clone();
        loop {
            self.newest.mark_unchanged();
            let changes = self.console.decisions.changes(self.last, BATCH);
            if let Some(last) = changes.last() {
                self.last = last.number;
                let events: String = changes.iter().filter_map(|change| self.event(change)).collect();
                if !events.is_empty() {
                    tokio::select! {
                        () = tokio::time::sleep(PAUSE) => {}
                        () = stopping.cancelled() => {}
                    }
                    return Some(events.into());
                }
                continue;
            }
            if stopping.is_cancelled() {
                self.ended = true;
                return None;
            }
            tokio::select! {
                changed = self.newest.changed() => changed.ok()?,
                () = stopping.cancelled() => {}
                () = tokio::time::sleep(QUIET) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }

    /// A change as an event, if it is of a decision that was asked for.
    fn event(&self, change: &Change) -> Option<String> {
        let Change { number, decision } = change;
        if !self.filter.takes(&decision.decision, decision.chosen.as_deref()) {
            return None;
        }
        // JSON has no line breaks, so it is one line of data.
        let data = serde_json::to_string(&Summary::from(decision)).ok()?;
        Some(format!("event: decision\nid: {}-{number}\ndata: {data}\n\n", self.console.decisions.run()))
    }
}
