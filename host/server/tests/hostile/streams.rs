//! Many requests on one connection of HTTP/2, whose answers nobody reads.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use netmarks_server::CloseReason;

use super::support::Running;

#[tokio::test(start_paused = true)]
async fn a_connection_holds_one_large_answer_and_is_closed_if_nobody_reads_it() {
    let running = Running::start().await;
    let stream = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let mut unread = Vec::new();
    let mut refused = 0;
    for _ in 0..50 {
        let request = Request::get(format!("http://{}/large", running.address)).body(Body::empty()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        refused += usize::from(answer.status() == StatusCode::SERVICE_UNAVAILABLE);
        unread.push(answer);
    }
    assert_eq!(refused, 49);
    while running.closed(CloseReason::Unread) == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(running.all_open(), 0);
}
