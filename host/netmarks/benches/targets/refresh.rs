//! Row 8: what a refresh of the flows costs, and what requests notice of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::post;
use crate::feed::Feed;
use crate::load::{Load, Verdict, has_scores};
use crate::report::{Figure, Times};
use crate::served::{PATIENT, Served};
use crate::synthetic::{Size, body};

/// Seconds between two refreshes, so that many fit into a run.
const INTERVAL: &str = "1";

/// From the question to the store until all of its answer counts, at most.
const TAKES: Duration = Duration::from_millis(250);

pub fn figures(size: Size, length: Duration) -> Vec<Figure> {
    let feed = Feed::start(size);
    let served = Served::start(&feed, &[&PATIENT[..], &[("METRICS_INTERVAL_SECONDS", INTERVAL)]].concat());
    let refreshes = || served.metric("netmarks_flow_refreshes_total");
    let (before, cpu) = (refreshes(), served.cpu());
    std::thread::sleep(length);
    let (count, cpu) = (refreshes() - before, served.cpu() - cpu);
    assert!(count > 0.0, "it refreshes");
    let each = cpu.as_secs_f64() * 1e3 / count;

    let request = Arc::new(post("/prioritize", &body(500)));
    let load = Load { address: served.address, request, rate: 500, connections: 4 };
    load.run(Duration::from_secs(1), has_scores, || {});
    let begun = Instant::now();
    let phase = load.run(length * 2, has_scores, || {});
    assert_eq!(phase.failed, 0, "every request has an answer");
    let asked: Vec<Instant> = feed.asked().into_iter().filter(|asked| *asked > begun).collect();
    let (mut inside, mut outside) = (Times::default(), Times::default());
    for answer in &phase.answers {
        let during = asked.iter().any(|asked| answer.done >= *asked && answer.due <= *asked + TAKES);
        if during { &mut inside } else { &mut outside }.push(answer.since_due());
    }
    let (p99, slowest) = (outside.p99(), inside.slowest());
    let detail = format!(
        "slowest during {} refreshes {slowest:.0} us, p99 without {p99:.0} us, slowest without {:.0} us; {} of {} without scores",
        asked.len(),
        outside.slowest(),
        phase.count(Verdict::Empty),
        phase.answers.len()
    );
    let figure =
        |name: &str, value, unit, detail| Figure { row: "8", name: name.to_owned(), value, unit, detail };
    vec![
        figure(
            "refresh: CPU",
            each,
            "ms",
            format!("{count:.0} refreshes of {} flows, everything in the process counted", size.flows),
        ),
        figure("refresh: slowest request against p99 without", slowest / p99, "x", detail),
        figure("refresh: p99 against p99 without", inside.p99() / p99, "x", String::new()),
    ]
}
