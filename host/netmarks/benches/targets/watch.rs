//! Row 7: from a watch event to a score that counts it, and how that depends on the size of the cluster.

use std::time::Instant;

use netmarks_core::application::{Application, Identity};
use netmarks_extender::protocol::decode;
use netmarks_sources::kubernetes::fold::Change;
use netmarks_sources::kubernetes::watch::take_pods;

use crate::report::{Row, Times};
use crate::synthetic::{LARGE, PEERS, Random, Size, body, pod, scoring};

const SMALL: Size = Size { nodes: 500, pods: 15_000, applications: 200, flows: 2_000 };

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

pub fn rows(repetitions: usize) -> Vec<Row> {
    let (mut published, mut counted) = measure(LARGE, repetitions);
    let (mut published_small, _) = measure(SMALL, repetitions);
    let (large, small) = (published.p50(), published_small.p50());
    vec![
        Row {
            target: 7,
            what: "a bound pod seen -> counted in the next scores, p99".to_owned(),
            value: counted.p99() / 1e3,
            unit: "ms",
            at_most: Some(50.0),
            detail: format!("p50 {:.0} us, one request of 500 names included", counted.p50()),
        },
        Row {
            target: 7,
            what: "the same without the request, against a tenth of the cluster, p50".to_owned(),
            value: large / small,
            unit: "x",
            at_most: None,
            detail: format!("{large:.1} us at 150,000 pods, {small:.1} us at 15,000"),
        },
    ]
}
