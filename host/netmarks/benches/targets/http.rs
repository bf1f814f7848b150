//! Row 1: scoring over HTTP against the same server that reads the same body and answers `[]`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use netmarks::config::Config;
use netmarks_extender::Extender;
use netmarks_server::{BodyBudget, Listener, Stop};
use tokio_util::sync::CancellationToken;

use crate::report::{Row, Times};
use crate::synthetic::{LARGE, body, scoring};

pub fn rows(repetitions: usize) -> Vec<Row> {
    let (_, scoring) = scoring(LARGE);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let bodies = BodyBudget::new(256 << 20, 64 << 20);
    let door = Extender {
        bodies: bodies.clone(),
        deadline: Duration::from_millis(200),
        ..scoring.extender(&Config::default())
    };
    // Reads the body just as scoring does, and does nothing with it.
    let nothing = |State(bodies): State<BodyBudget>, body: Body| async move {
        let _body = bodies.read(body).await.unwrap();
        ([(axum::http::header::CONTENT_TYPE, "application/json")], "[]")
    };
    let baseline = axum::Router::new().route("/nothing", post(nothing)).with_state(bodies);
    let router = door.router().merge(baseline);
    let listener = Listener::bind_plain("bench", ([127, 0, 0, 1], 0).into());
    let listener = runtime.block_on(listener).unwrap();
    let address = listener.address();
    let stop = CancellationToken::new();
    let end = Stop { begun: stop.clone(), closing: stop.clone(), drain: Duration::ZERO };
    let serving = runtime.spawn(listener.serve(move |_| router.clone(), end));

    let mut client = Client { stream: TcpStream::connect(address).unwrap(), received: Vec::new() };
    client.stream.set_nodelay(true).unwrap();
    let mut rows = Vec::new();
    for candidates in [5_000, 500] {
        let request = |path: &str| {
            let body = body(candidates);
            let mut request =
                format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len())
                    .into_bytes();
            request.extend(body);
            request
        };
        let (score, nothing) = (request("/prioritize"), request("/nothing"));
        let (mut scored, mut read) = (Times::default(), Times::default());
        let mut answer_bytes = 0;
        for repetition in 0..repetitions + repetitions / 10 {
            let (answer, time) = client.ask(&score);
            answer_bytes = answer;
            let (empty, baseline) = client.ask(&nothing);
            assert!(answer > empty + 1_000, "a scored answer names hosts");
            // The first tenth warms up.
            if repetition >= repetitions / 10 {
                scored.push(time);
                read.push(baseline);
            }
        }
        let target = (candidates == 5_000).then_some(1.3);
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let (with, without) = (scored.quantile(share), read.quantile(share));
            rows.push(Row {
                target: 1,
                what: format!("POST /prioritize, {candidates} names, {name}, against `[]` unread"),
                value: with / without,
                unit: "x",
                at_most: target,
                detail: format!("{with:.0} us against {without:.0} us; answer of {answer_bytes} bytes"),
            });
        }
    }
    stop.cancel();
    drop(client);
    runtime.block_on(serving).unwrap();
    rows
}

struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// One request over the kept-alive connection: bytes of the answer, and the time until it was complete.
    fn ask(&mut self, request: &[u8]) -> (usize, Duration) {
        let started = Instant::now();
        self.stream.write_all(request).unwrap();
        self.received.clear();
        let mut chunk = [0; 64 * 1024];
        loop {
            let read = self.stream.read(&mut chunk).unwrap();
            assert!(read > 0, "the server closed the connection");
            self.received.extend_from_slice(&chunk[..read]);
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.received[..end]).unwrap().to_ascii_lowercase();
                assert!(head.starts_with("http/1.1 200"), "{head}");
                let length: usize =
                    head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
                if self.received.len() == end + 4 + length {
                    return (length, started.elapsed());
                }
            }
        }
    }
}
