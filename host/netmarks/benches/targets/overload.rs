//! Row 10: ten times as many requests as it can answer, and what remains of them when they end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::post;
use crate::feed::Feed;
use crate::load::{Answered, Load, Phase, Verdict, has_scores};
use crate::report::{Figure, Times};
use crate::served::Served;
use crate::synthetic::{Size, body};

/// How many times the rate that is sustained is asked for.
const TIMES: u32 = 10;

/// Connections that keep it busy and are all answered with scores.
const SUSTAINED: u32 = 8;

/// A machine so busy that it sustains less measures nothing, but the rest still runs.
const LEAST: u32 = 50;

/// Connections of the overload; each waits for its answer, as kube-scheduler does. All have a place: a crowd that has none is another
/// matter (`tests/e2e/connection_flood.rs`).
const CROWD: u32 = 200;

/// What full speed is judged by.
const WINDOW: Duration = Duration::from_millis(100);

/// How long the time after it is watched; a recovery that is not seen by then counts as so long.
const WATCHED: Duration = Duration::from_secs(4);

/// Windows in a row that have to be at full speed.
const WINDOWS: u32 = 5;

pub fn figures(size: Size, length: Duration) -> Vec<Figure> {
    let feed = Feed::start(size);
    let served = Served::start(&feed, &[]);
    let request = Arc::new(post("/prioritize", &body(500)));
    let load = |rate: u32, connections: u32| Load {
        address: served.address,
        request: request.clone(),
        rate,
        connections,
    };
    let short = length / 4;
    // Always due.
    let as_fast_as_it_goes = load(1_000_000, SUSTAINED).run(short, has_scores, || {});
    let sustained = (as_fast_as_it_goes.count(Verdict::Scored) as f64 / short.as_secs_f64()) as u32;
    let sustained = sustained.max(LEAST);
    let usual = load(sustained / 2, SUSTAINED);
    usual.run(short / 2, has_scores, || {});
    let mut steady = usual.run(short, has_scores, || {}).times();
    let before = served.memory("VmHWM");
    let overload = load(sustained * TIMES, CROWD).run(length, has_scores, || {});
    let ended = Instant::now();
    let after = usual.run(WATCHED, has_scores, || {});
    let highest = served.memory("VmHWM");

    let mut answered = Times::default();
    overload.answers.iter().for_each(|answer| answered.push(answer.since_sent()));
    assert_eq!(overload.failed + after.failed, 0, "every request has an answer");
    let detail = format!(
        "{sustained}/s sustained, {}/s asked for over {CROWD} connections, {:.0}/s answered, {} of {} empty; p99 {:.0} ms",
        sustained * TIMES,
        overload.answers.len() as f64 / length.as_secs_f64(),
        overload.count(Verdict::Empty),
        overload.answers.len(),
        answered.p99() / 1e3
    );
    let normal = steady.p99();
    let recovered = recovery(&after, ended, normal).unwrap_or(WATCHED).as_secs_f64();
    let figure =
        |name: &str, value, unit, detail| Figure { row: "10", name: name.to_owned(), value, unit, detail };
    vec![
        figure("overload: slowest answer", answered.slowest() / 1e3, "ms", detail),
        figure("overload: memory beyond steady", highest - before, "MB", format!("highest {highest:.1} MB")),
        figure("overload: until full speed again", recovered, "s", format!("p99 before {normal:.0} us")),
    ]
}

/// How long after `ended` the first of some windows in a row began in which all answers have scores and half of them come
/// within the usual p99, in microseconds.
fn recovery(phase: &Phase, ended: Instant, usual_p99: f64) -> Option<Duration> {
    let fast = |window: u32| {
        let (from, to) = (ended + WINDOW * window, ended + WINDOW * (window + 1));
        let due: Vec<&Answered> =
            phase.answers.iter().filter(|answer| answer.due >= from && answer.due < to).collect();
        let mut times = Times::default();
        due.iter().for_each(|answer| times.push(answer.since_due()));
        !due.is_empty()
            && due.iter().all(|answer| answer.verdict == Verdict::Scored)
            && times.p50() <= usual_p99
    };
    let last = (WATCHED.as_millis() / WINDOW.as_millis()) as u32 - WINDOWS;
    let first = (0..last).find(|first| (*first..first + WINDOWS).all(fast))?;
    Some(WINDOW * first)
}
