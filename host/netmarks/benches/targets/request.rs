//! Row 3: the whole request on the server: decode, gather, score, compose, encode.

use std::hint::black_box;
use std::time::Instant;

use netmarks_core::application::Identity;
use netmarks_core::request::{Candidates, gather};

use netmarks_extender::protocol::{decode, encode};

use crate::report::{Figure, Times};
use crate::synthetic::{Size, body, scoring};

pub fn figures(size: Size, repetitions: usize) -> Vec<Figure> {
    let (state, scoring) = scoring(size);
    let set = scoring.registry.current();
    let needs = set.active[0].policy.needs();
    let mut figures = Vec::new();
    for candidates in [100, 500, 5_000] {
        let body = body(candidates);
        let [mut whole, mut decoding, mut looking_up, mut gathering, mut encoding] =
            std::array::from_fn(|_| Times::default());
        for _ in 0..repetitions {
            let started = Instant::now();
            let request = decode(&body, Identity::App.into()).unwrap();
            decoding.push(started.elapsed());
            let outcome = scoring.scorer.decide(&request.pod, &request.nodes);
            let decided = Instant::now();
            black_box(encode(&request.nodes, &outcome.scores));
            encoding.push(decided.elapsed());
            whole.push(started.elapsed());

            // The parts of the decision again, on their own.
            let snapshot = state.snapshot();
            let started = Instant::now();
            let looked_up = Candidates::new(&snapshot, &request.nodes);
            looking_up.push(started.elapsed());
            let started = Instant::now();
            black_box(gather(&snapshot, &request.pod, &looked_up, needs, &[]));
            gathering.push(started.elapsed());
        }
        figures.push(Figure {
            row: "3",
            name: format!("whole request on the server, {candidates} names, p50"),
            value: whole.p50(),
            unit: "us",
            detail: format!(
                "decode {:.1}, look up {:.1}, gather {:.1}, encode {:.1}; p99 {:.0}",
                decoding.p50(),
                looking_up.p50(),
                gathering.p50(),
                encoding.p50(),
                whole.p99()
            ),
        });
    }
    figures
}
