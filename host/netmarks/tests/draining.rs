//! From the stop signal to the end: clients leave one by one, and none loses a request by it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::{Duration, Instant};

use crate::support::connection::{Connection, Protocol, prioritize, read};
use crate::support::{Extender, NODES, config, eventually, request};
use anyhow::Result;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use tokio::net::TcpStream;

async fn connect(extender: &Extender, protocol: Protocol) -> Result<Connection> {
    Connection::open(TcpStream::connect(extender.address).await?, protocol).await
}

/// Asks and gets a full answer; tells whether that says that the connection ends with it.
async fn asks(connection: &mut Connection, extender: &Extender) -> bool {
    assert!(connection.is_usable().await);
    let request = prioritize(&extender.url(""), request(&NODES).to_string()).unwrap();
    let answer = connection.send(request).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let closes = answer.headers().get(CONNECTION).is_some_and(|value| value == "close");
    let body = read(answer).await.unwrap();
    assert_eq!(crate::support::scores(std::str::from_utf8(&body).unwrap()).unwrap().len(), 3);
    closes
}

/// Whose shutdown delay is far beyond the test: whatever ends, ends within it.
async fn patient() -> Extender {
    let mut config = config();
    config.server.shutdown_delay_seconds = 3_600.0;
    Extender::start(&config).await.unwrap()
}

async fn begin_stop(extender: &Extender) {
    extender.begin_stop();
    eventually("readiness says no", async || {
        Ok((extender.get("/readyz").await?.0 == StatusCode::SERVICE_UNAVAILABLE).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_clients_are_told_to_leave_with_their_next_answer() {
    let extender = patient().await;
    let mut early = connect(&extender, Protocol::Http1).await.unwrap();
    assert!(!asks(&mut early, &extender).await);
    assert!(!asks(&mut early, &extender).await);
    begin_stop(&extender).await;
    assert!(asks(&mut early, &extender).await);
    early.ended().await.unwrap().unwrap();
    // Who was not led elsewhere yet is served, and told the same.
    let mut late = connect(&extender, Protocol::Http1).await.unwrap();
    assert!(asks(&mut late, &extender).await);
    late.ended().await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_clients_are_told_to_go_away_once_they_have_asked_something() {
    let extender = patient().await;
    let mut early = connect(&extender, Protocol::Http2).await.unwrap();
    assert!(!asks(&mut early, &extender).await);
    begin_stop(&extender).await;
    early.ended().await.unwrap().unwrap();
    // Its first request is answered, however late it comes.
    let mut late = connect(&extender, Protocol::Http2).await.unwrap();
    assert!(!asks(&mut late, &extender).await);
    late.ended().await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_when_the_delay_is_over() {
    let mut config = config();
    let delay = Duration::from_millis(500);
    config.server.shutdown_delay_seconds = delay.as_secs_f64();
    // Far beyond the test: it is not the end of the drain that closes them.
    config.server.drain_seconds = 3_600.0;
    let extender = Extender::start(&config).await.unwrap();
    let mut asked = connect(&extender, Protocol::Http1).await.unwrap();
    assert!(!asks(&mut asked, &extender).await);
    let fresh = connect(&extender, Protocol::Http1).await.unwrap();
    let fresh_2 = connect(&extender, Protocol::Http2).await.unwrap();

    let begun = Instant::now();
    extender.begin_stop();
    for idle in [asked, fresh, fresh_2] {
        // hyper's client takes the end of a connection on which nothing was asked for an error.
        let _ = idle.ended().await.unwrap();
        assert!(begun.elapsed() >= delay, "after {:?}", begun.elapsed());
    }
    extender.stopped().await.unwrap();
}
