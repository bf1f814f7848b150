//! Requests on a schedule, whether or not the one before was answered in time: a stall is seen by every request that it delays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::report::Times;

/// What is sent, how often, over how many connections that wait for one answer at a time.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub request: Arc<Vec<u8>>,
    /// Requests a second over all connections.
    pub rate: u32,
    pub connections: u32,
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has the scores that it should have.
    Scored,
    /// It has none.
    Empty,
    /// It has others.
    Wrong,
}

/// One request that was answered.
#[derive(Clone, Copy)]
pub struct Answered {
    /// When it was to be sent; it is sent later if its connection still waits.
    pub due: Instant,
    pub sent: Instant,
    pub done: Instant,
    pub verdict: Verdict,
}

impl Answered {
    /// As the client sees it that wanted to send it when it was due.
    pub fn since_due(&self) -> Duration {
        self.done - self.due
    }

    /// As the server is to be judged.
    pub fn since_sent(&self) -> Duration {
        self.done - self.sent
    }
}

/// What a stretch of time saw.
#[derive(Default)]
pub struct Phase {
    pub answers: Vec<Answered>,
    /// Requests without an answer, or with another status than 200.
    pub failed: u64,
}

impl Phase {
    pub fn count(&self, verdict: Verdict) -> usize {
        self.answers.iter().filter(|answer| answer.verdict == verdict).count()
    }

    /// Times since requests were due.
    pub fn times(&self) -> Times {
        let mut times = Times::default();
        self.answers.iter().for_each(|answer| times.push(answer.since_due()));
        times
    }
}

/// Whether an answer has any scores.
pub fn has_scores(body: &[u8]) -> Verdict {
    if body.len() > 2 { Verdict::Scored } else { Verdict::Empty }
}

impl Load {
    /// Sends requests for `length` while `meanwhile` is called over and over.
    pub fn run(
        &self,
        length: Duration,
        judge: impl Fn(&[u8]) -> Verdict + Clone + Send + 'static,
        mut meanwhile: impl FnMut(),
    ) -> Phase {
        let over = Arc::new(AtomicBool::new(false));
        let begun = Instant::now();
        let clients: Vec<_> = (0..self.connections)
            .map(|number| {
                let (load, judge, over) = (self.clone(), judge.clone(), over.clone());
                std::thread::spawn(move || load.client(number, begun, judge, &over))
            })
            .collect();
        while begun.elapsed() < length {
            meanwhile();
            std::thread::sleep(Duration::from_millis(1));
        }
        over.store(true, Ordering::Relaxed);
        let mut all = Phase::default();
        for client in clients {
            let Phase { answers, failed } = client.join().unwrap();
            all.answers.extend(answers);
            all.failed += failed;
        }
        all
    }

    fn client(
        &self,
        number: u32,
        begun: Instant,
        judge: impl Fn(&[u8]) -> Verdict,
        over: &AtomicBool,
    ) -> Phase {
        let period = Duration::from_secs(1) * self.connections / self.rate;
        let mut due = begun + period * number / self.connections;
        let mut phase = Phase::default();
        let mut connection = None;
        loop {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if over.load(Ordering::Relaxed) {
                return phase;
            }
            let sent = Instant::now();
            let mut open = match connection.take().map_or_else(|| Connection::open(self.address), Ok) {
                Ok(open) => open,
                Err(_) => {
                    phase.failed += 1;
                    due += period;
                    continue;
                }
            };
            let verdict = match open.ask(&self.request) {
                Ok(answer) if answer.status == 200 => Some(judge(answer.body)),
                _ => None,
            };
            match verdict {
                Some(verdict) => {
                    phase.answers.push(Answered { due, sent, done: Instant::now(), verdict });
                    connection = Some(open);
                }
                None => phase.failed += 1,
            }
            due += period;
        }
    }
}
