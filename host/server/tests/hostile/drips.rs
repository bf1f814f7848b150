//! Connections that never stand still: a byte is sent now and then, and as little is read of an answer.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use netmarks_server::CloseReason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval};

use super::floods::{FLOOD, flood, is_served_beside, member, scheduler};
use super::support::Running;

/// How often all of them go on, and the scheduler asks.
const ROUNDS: usize = 5;

/// So many come again in each round, in the place of those that were closed.
const AGAIN: usize = FLOOD / ROUNDS;

/// What is read of an answer at a time, in bytes.
const LITTLE: usize = 4096;

/// A listener whose clients all begin like this and go on with this.
async fn is_served_beside_drips(begins: &str, more: &str) {
    let running = Running::start().await;
    let mut scheduler = scheduler(&running).await;
    let mut flood = flood(&running, begins).await;
    for _ in 0..ROUNDS {
        for stream in &mut flood {
            // Those that were closed for others notice it here.
            drop(stream.write_all(more.as_bytes()).await);
            drop(stream.try_read(&mut [0; LITTLE]));
        }
        for stream in flood.iter_mut().take(AGAIN) {
            *stream = member(&running, begins).await;
        }
        flood.rotate_left(AGAIN);
        is_served_beside(&running, &mut scheduler, &flood).await;
    }
}

#[tokio::test]
async fn heads_that_trickle_keep_nobody_out() {
    is_served_beside_drips("GET / HTTP/1.1\r\nHost: ", "x").await;
}

#[tokio::test]
async fn nor_do_bodies_that_trickle() {
    is_served_beside_drips("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", "x").await;
}

#[tokio::test]
async fn nor_do_answers_that_are_read_slowly() {
    is_served_beside_drips("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n", "").await;
}

/// One byte more each second, until the server closes it.
async fn trickle(mut stream: TcpStream, begins: &str) {
    stream.write_all(begins.as_bytes()).await.unwrap();
    let (mut from, mut to) = stream.split();
    let mut ticks = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            // Half a request has no answer: this waits for the end.
            _ = from.read_u8() => return,
            _ = ticks.tick() => drop(to.write_all(b"x").await),
        }
    }
}

/// The clock stands still except where everybody waits, so the deadlines pass at once.
#[tokio::test(start_paused = true)]
async fn what_trickles_has_no_more_time_than_what_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let plain = (Running::start().await, "GET / HTTP/1.1\r\nHost: ", CloseReason::RequestTimeout);
    // As far as the header of a record of 512 bytes.
    let hello = "\u{16}\u{3}\u{1}\u{2}\u{0}";
    let secure = (Running::start_tls(folder.path()).await, hello, CloseReason::HandshakeTimeout);
    for (running, begins, reason) in [plain, secure] {
        let begun = Instant::now();
        trickle(running.connect().await, begins).await;
        assert!(begun.elapsed().as_secs() <= 10, "{:?}", begun.elapsed());
        assert_eq!(running.closed(reason), 1, "{reason:?}");
    }
}
