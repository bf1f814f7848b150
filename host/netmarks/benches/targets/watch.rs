//! Row 7: from a watch event to a score that counts it, and how that depends on the size of the cluster.

use std::time::Instant;

use netmarks_core::application::{Application, Identity};
use netmarks_extender::protocol::decode;
use netmarks_sources::kubernetes::fold::Change;
use netmarks_sources::kubernetes::watch::take_pods;

use crate::connection::{Connection, post};
use crate::feed::Feed;
use crate::report::{Figure, Times};
use crate::served::{PATIENT, Served};
use crate::synthetic::{
    PEERS, Random, SMALL, Size, WATCHED, WATCHED_PEER, body, body_of, node_name, pod, scoring,
};

/// Changes of other pods a second, while the program hears about one over its watch.
const CHANGES: u32 = 500;

/// Times from the event to its publication, and to the next score that counts it.
fn measure(size: Size, repetitions: usize) -> (Times, Times) {
    let (state, scoring) = scoring(size);
    // As many candidates in both sizes, so that only the cluster differs.
    let body = body(500);
    let request = decode(&body, Identity::App.into()).unwrap();
    let raw = |scores: &netmarks_scoring::Answer| -> f64 { scores.raw().iter().sum() };
    let (mut published, mut counted) = (Times::default(), Times::default());
    let mut random = Random(7);
    let mut before = raw(&scoring.scorer.decide(&request.pod, &request.nodes));
    for repetition in 0..repetitions {
        let peer = Application::new("bench", &format!("peer-{:02}", random.below(PEERS)));
        let number = 100_000 + u32::try_from(repetition).unwrap();
        let bound = pod(number, peer, random.below(500));
        let started = Instant::now();
        take_pods(&state, vec![Change::Apply(bound)]);
        published.push(started.elapsed());
        let after = raw(&scoring.scorer.decide(&request.pod, &request.nodes));
        counted.push(started.elapsed());
        assert!(after > before, "the pod just bound must count");
        before = after;
    }
    (published, counted)
}

/// Times from the API server's event to the first answer of the real program that counts it, while other pods come and go.
fn over_the_watch(size: Size, repetitions: usize) -> Times {
    let feed = Feed::start(size);
    let served = Served::start(&feed, &PATIENT);
    let _churn = feed.churn(CHANGES);
    let request = post("/prioritize", &body_of(WATCHED, 500));
    let mut connection = Connection::open(served.address).unwrap();
    let mut ask_until = |wanted: &dyn Fn(&str) -> bool| {
        while !wanted(std::str::from_utf8(connection.ask(&request).unwrap().body).unwrap()) {}
    };
    ask_until(&|answer| answer == "[]");
    let mut times = Times::default();
    for repetition in 0..repetitions {
        let node = u32::try_from(repetition % 500).unwrap();
        let bound = pod(0, Application::new("bench", WATCHED_PEER), node);
        let named = format!("\"{}\"", node_name(node));
        feed.apply(&bound);
        let told = Instant::now();
        ask_until(&|answer| answer.contains(&named));
        times.push(told.elapsed());
        feed.delete(&bound.key);
        ask_until(&|answer| answer == "[]");
    }
    times
}

pub fn figures(size: Size, repetitions: usize) -> Vec<Figure> {
    let (mut published, mut counted) = measure(size, repetitions);
    let (mut published_small, _) = measure(SMALL, repetitions);
    let (large, small) = (published.p50(), published_small.p50());
    let mut watched = over_the_watch(size, repetitions.min(1_000));
    let of_watch = format!(
        "p50 {:.2}, a request of 500 names included, {CHANGES} other changes a second",
        watched.p50() / 1e3
    );
    let of_fold = format!("p50 {:.0} us, a request of 500 names included", counted.p50());
    let of_size = format!("{large:.1} us at {} pods, {small:.1} us at {}", size.pods, SMALL.pods);
    let figure =
        |name: &str, value, unit, detail| Figure { row: "7", name: name.to_owned(), value, unit, detail };
    vec![
        figure(
            "bound pod, from the API server's event to an answer, p99",
            watched.p99() / 1e3,
            "ms",
            of_watch,
        ),
        figure("bound pod, from the decoded event to a score, p99", counted.p99() / 1e3, "ms", of_fold),
        figure(
            "bound pod, without the request, against a tenth of the cluster, p50",
            large / small,
            "x",
            of_size,
        ),
    ]
}
