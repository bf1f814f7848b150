//! One connection from the handshake to its end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, ConnectionState};
use crate::browser::{self, Names, Pages};
use crate::places::Place;
use crate::stop::Stop;
use crate::tracked::{AnswerBody, RequestBody};

/// Bytes of one request's head, and of what is read at once. A head needs a few hundred; a body is read in parts anyway.
const HEAD_BYTES: usize = 64 * 1024;

/// Requests at once on one connection of HTTP/2; kube-scheduler has one per pod that it looks at.
const STREAMS: u32 = 100;

/// What HTTP/2 holds of one answer that its client does not take.
const UNSENT_BYTES: usize = 64 * 1024;

/// How long a connection that is to be closed may take for a request that arrived at the last moment.
const LAST: Duration = Duration::from_secs(30);

/// Counts one request as under way.
struct Handling(Arc<Activity>);

impl Handling {
    fn begin(activity: &Arc<Activity>, http_2: bool) -> Self {
        activity.handler_begun(http_2);
        Self(activity.clone())
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.handler_ended();
    }
}

/// Serves `router` on `stream` until the client leaves, its place is taken, or the server stops.
pub(crate) async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    (names, pages): (Names, Pages),
    place: &Place,
    stop: &Stop,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    // The time that a head may take is up to the place: it knows a new connection from an idle one.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD_BYTES);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_send_buf_size(UNSENT_BYTES);
    let router = TowerToHyperService::new(router);
    let http_2_asked = CancellationToken::new();
    let service = service_fn(|request: Request<Incoming>| {
        let http_2 = request.version() == Version::HTTP_2;
        if http_2 {
            http_2_asked.cancel();
        }
        let handling = Handling::begin(&place.activity, http_2);
        let refusal = browser::refusal(&request, names, pages);
        let activity = place.activity.clone();
        let answer = router.call(request.map(|body| RequestBody::new(body, activity)));
        let begun = stop.begun.clone();
        async move {
            let mut answer = match refusal {
                None => answer.await?,
                Some(reason) => refused(StatusCode::FORBIDDEN, reason),
            };
            let Handling(activity) = &handling;
            // With HTTP/2 a client can ask on and on without reading.
            if !activity.may_send() {
                answer = refused(StatusCode::SERVICE_UNAVAILABLE, "read the answers before this one first");
            }
            if !http_2 && begun.is_cancelled() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            let success = answer.status().is_success();
            Ok::<_, Infallible>(answer.map(|body| AnswerBody::new(body, success, activity.clone())))
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper's graceful end closes an idle HTTP/1.1 connection at once, and a request that crosses it on the wire is
    // lost; so there it waits for the second step. HTTP/2 has no such race, but a connection that is told to go away
    // before its first request was made for nothing, and the client may give up after a few: so not before that.
    let mut leave = pin!(async {
        tokio::select! {
            () = stop.closing.cancelled() => {}
            () = async { tokio::join!(stop.begun.cancelled(), http_2_asked.cancelled()); } => {}
        }
    });
    let mut leaving = false;
    let ended = loop {
        tokio::select! {
            // What has arrived is read before an idle connection is closed.
            biased;
            ended = connection.as_mut() => break ended,
            () = place.closed.cancelled() => {
                connection.as_mut().graceful_shutdown();
                // A request that arrived after the choice fell on this connection is answered.
                let last = match place.activity.standing().state {
                    ConnectionState::Answering => LAST,
                    _ => Duration::ZERO,
                };
                match tokio::time::timeout(last, connection.as_mut()).await {
                    Ok(ended) => break ended,
                    Err(_) => return,
                }
            }
            () = leave.as_mut(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended");
    }
}

/// An answer of the connection itself; no reason has anything that JSON escapes.
fn refused(status: StatusCode, reason: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::from(format!("{{\"error\":\"{reason}\"}}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
