//! Row 1, for information: scoring over HTTP against the same server that reads the same body and answers `[]`.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use netmarks::config::Config;
use netmarks_extender::Extender;
use netmarks_server::{BodyBudget, Listener, Stop};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, post as request};
use crate::report::{Figure, Times};
use crate::synthetic::{Size, body, scoring};

pub fn figures(size: Size, repetitions: usize) -> Vec<Figure> {
    let (_, scoring) = scoring(size);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let bodies = BodyBudget::new(256 << 20, 64 << 20);
    let door = Extender {
        bodies: bodies.clone(),
        deadline: Duration::from_secs(30),
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

    let mut client = Connection::open(address).unwrap();
    let mut figures = Vec::new();
    for candidates in [5_000, 500] {
        let body = body(candidates);
        let (score, nothing) = (request("/prioritize", &body), request("/nothing", &body));
        let (mut scored, mut read) = (Times::default(), Times::default());
        let mut answer_bytes = 0;
        for repetition in 0..repetitions + repetitions / 10 {
            let (answer, time) = ask(&mut client, &score);
            answer_bytes = answer;
            let (empty, baseline) = ask(&mut client, &nothing);
            assert!(answer > empty + 1_000, "a scored answer names hosts");
            // The first tenth warms up.
            if repetition >= repetitions / 10 {
                scored.push(time);
                read.push(baseline);
            }
        }
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let (with, without) = (scored.quantile(share), read.quantile(share));
            figures.push(Figure {
                row: "1",
                name: format!("own server, {candidates} names, {name} against `[]` unread"),
                value: with / without,
                unit: "x",
                detail: format!("{with:.0} us against {without:.0} us; answer of {answer_bytes} bytes"),
            });
        }
    }
    stop.cancel();
    drop(client);
    runtime.block_on(serving).unwrap();
    figures
}

/// Bytes of the answer, and the time until it was complete.
fn ask(client: &mut Connection, request: &[u8]) -> (usize, Duration) {
    let started = Instant::now();
    let answer = client.ask(request).unwrap();
    assert_eq!(answer.status, 200);
    (answer.body.len(), started.elapsed())
}
