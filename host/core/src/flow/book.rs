//! One estimate per edge, fed by each answer of the metrics store.
//!
//! Apart from the estimators because it decides what a sample, a missing edge and a first sight mean.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Increment;
use super::counter::Counter;
use super::estimator::{Estimate, Estimator};
use crate::application::Application;

/// An edge whose mean has sunk below this many bytes per second and that is no longer reported is forgotten.
const FORGET_BELOW: f64 = 1.0;

/// An edge that has not been reported for this long (seconds) is forgotten even if its lifetime mean is still
/// large, so that applications long gone do not fill the memory.
const FORGET_AFTER: f64 = 24.0 * 3600.0;

/// What the numbers of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// Bytes per second, already averaged by the metrics store over so many seconds before the sample.
    Rate {
        /// The range of the `rate()` that produced it.
        window_seconds: f64,
    },
    /// Bytes since some start: a counter that only grows.
    Counter,
}

/// One edge as the metrics store reported it at one instant: the source calls the destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub source: Application,
    pub destination: Application,
    /// In the unit of the [`Reading`].
    pub value: f64,
}

/// One estimated flow: the source calls the destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    pub source: Application,
    pub destination: Application,
    /// Requests and responses together, in bytes per second.
    pub bytes_per_second: f64,
}

/// Holds the estimate of every edge that the metrics store reports.
#[derive(Debug)]
pub struct FlowBook {
    estimator: Estimator,
    edges: HashMap<(Application, Application), Edge, foldhash::fast::RandomState>,
    last_update: Option<f64>,
}

#[derive(Debug)]
struct Edge {
    counter: Counter,
    estimate: Estimate,
    reported_at: f64,
}

impl FlowBook {
    /// An empty book that averages by `estimator`.
    #[must_use]
    pub fn new(estimator: Estimator) -> Self {
        Self { estimator, edges: HashMap::default(), last_update: None }
    }

    /// Takes one complete answer of the metrics store for the instant `at` (seconds since the Unix epoch).
    ///
    /// Samples of one edge are added up (request and response bytes may come from two queries). An edge that the
    /// answer lacks carried nothing since the answer before. A repeated or older answer changes nothing.
    pub fn update(&mut self, at: f64, reading: Reading, samples: impl IntoIterator<Item = Sample>) {
        if !at.is_finite() || self.last_update.is_some_and(|last| at <= last) {
            return;
        }
        let previous = self.last_update.replace(at);
        let mut reported: HashMap<(Application, Application), f64, foldhash::fast::RandomState> =
            HashMap::default();
        for sample in samples {
            if sample.value.is_finite() && sample.value >= 0.0 {
                *reported.entry((sample.source, sample.destination)).or_insert(0.0) += sample.value;
            }
        }
        // Time before the last answer is accounted for; a gap longer than the rate's own window is unknown.
        let rate_interval = |window: f64| (previous.map_or(at - window, |last| last.max(at - window)), at);
        self.edges.retain(|key, edge| match reported.remove(key) {
            Some(value) => {
                edge.reported_at = at;
                let increment = match reading {
                    Reading::Rate { window_seconds } => rate_increment(rate_interval(window_seconds), value),
                    Reading::Counter => edge.counter.observe(at, value),
                };
                if let Some(increment) = increment {
                    edge.estimate.add(increment);
                }
                true
            }
            None => {
                let from = match reading {
                    Reading::Rate { window_seconds } => Some(rate_interval(window_seconds).0),
                    Reading::Counter => previous,
                };
                // If the counter comes back it may have counted in between: it starts from a new baseline.
                edge.counter = Counter::default();
                if let Some(silence) = from.and_then(|from| Increment::new(from, at, 0.0)) {
                    edge.estimate.add(silence);
                }
                at - edge.reported_at < FORGET_AFTER
                    && edge.estimate.bytes_per_second().is_none_or(|mean| mean >= FORGET_BELOW)
            }
        });
        for (key, value) in reported {
            let mut edge =
                Edge { counter: Counter::default(), estimate: self.estimator.start(), reported_at: at };
            match reading {
                Reading::Rate { window_seconds } => {
                    if let Some(increment) = rate_increment((at - window_seconds, at), value) {
                        edge.estimate.add(increment);
                    }
                }
                Reading::Counter => {
                    edge.counter.observe(at, value);
                }
            }
            self.edges.insert(key, edge);
        }
    }

    /// Forgets all but the `limit` heaviest edges, those without an estimate first; gives how many.
    pub fn keep_heaviest(&mut self, limit: usize) -> usize {
        let excess = self.edges.len().saturating_sub(limit);
        if excess > 0 {
            let weight = |edge: &Edge| edge.estimate.bytes_per_second().unwrap_or(-1.0);
            let mut edges: Vec<_> = self.edges.drain().collect();
            edges.select_nth_unstable_by(excess - 1, |left, right| {
                weight(&left.1).total_cmp(&weight(&right.1))
            });
            self.edges.extend(edges.drain(excess..));
        }
        excess
    }

    /// All flows that are known, in no particular order.
    pub fn flows(&self) -> impl Iterator<Item = Flow> + '_ {
        self.edges.iter().filter_map(|((source, destination), edge)| {
            let bytes_per_second = edge.estimate.bytes_per_second()?;
            Some(Flow { source: source.clone(), destination: destination.clone(), bytes_per_second })
        })
    }

    /// How many edges are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    /// Whether no edge is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }
}

fn rate_increment((from, to): (f64, f64), bytes_per_second: f64) -> Option<Increment> {
    Increment::new(from, to, bytes_per_second * (to - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Reading = Reading::Rate { window_seconds: 60.0 };

    fn sample(source: &str, destination: &str, value: f64) -> Sample {
        Sample {
            source: Application::new("shop", source),
            destination: Application::new("shop", destination),
            value,
        }
    }

    fn flow(book: &FlowBook, source: &str, destination: &str) -> Option<f64> {
        let (source, destination) = (Application::new("shop", source), Application::new("shop", destination));
        book.flows()
            .find(|flow| flow.source == source && flow.destination == destination)
            .map(|flow| flow.bytes_per_second)
    }

    #[test]
    fn a_rate_counts_from_its_first_answer_and_a_counter_from_its_second() {
        let mut rates = FlowBook::new(Estimator::Lifetime);
        rates.update(100.0, RATE, [sample("a", "b", 7.0)]);
        assert_eq!(flow(&rates, "a", "b"), Some(7.0));

        let mut counters = FlowBook::new(Estimator::Lifetime);
        counters.update(100.0, Reading::Counter, [sample("a", "b", 7e9)]);
        assert_eq!(flow(&counters, "a", "b"), None);
        counters.update(110.0, Reading::Counter, [sample("a", "b", 7e9 + 50.0)]);
        assert_eq!(flow(&counters, "a", "b"), Some(5.0));
    }

    #[test]
    fn flows_are_directed_and_samples_of_one_edge_add_up() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        book.update(100.0, RATE, [sample("a", "b", 1.0), sample("b", "a", 10.0), sample("a", "b", 4.0)]);
        assert_eq!((flow(&book, "a", "b"), flow(&book, "b", "a")), (Some(5.0), Some(10.0)));
    }

    #[test]
    fn an_edge_that_goes_silent_sinks_and_is_forgotten() {
        let mut book = FlowBook::new(Estimator::Decay { half_life_seconds: 60.0 });
        book.update(0.0, RATE, [sample("a", "b", 1_000.0)]);
        book.update(60.0, RATE, []);
        let after_a_minute = flow(&book, "a", "b").unwrap();
        assert!(after_a_minute < 1_000.0 && after_a_minute > 0.0);
        for minute in 2..30 {
            book.update(f64::from(minute) * 60.0, RATE, []);
        }
        assert!(book.is_empty());
    }

    #[test]
    fn a_counter_that_comes_back_starts_from_a_new_baseline() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        for (at, value) in [(0.0, 0.0), (10.0, 100.0)] {
            book.update(at, Reading::Counter, [sample("a", "b", value)]);
        }
        book.update(20.0, Reading::Counter, []);
        book.update(30.0, Reading::Counter, [sample("a", "b", 1e9)]);
        assert_eq!(flow(&book, "a", "b"), Some(5.0), "the jump over the gap is nobody's rate");
    }

    #[test]
    fn only_the_heaviest_edges_are_kept_beyond_the_limit() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        book.update(100.0, RATE, [sample("a", "b", 5.0), sample("a", "c", 7.0), sample("a", "d", 6.0)]);
        assert_eq!((book.keep_heaviest(3), book.len()), (0, 3));
        assert_eq!((book.keep_heaviest(2), flow(&book, "a", "b")), (1, None));
        assert_eq!((flow(&book, "a", "c"), flow(&book, "a", "d")), (Some(7.0), Some(6.0)));
        assert_eq!((book.keep_heaviest(0), book.len()), (2, 0));
    }

    #[test]
    fn repeated_and_older_answers_and_impossible_values_change_nothing() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        book.update(100.0, RATE, [sample("a", "b", 5.0)]);
        book.update(100.0, RATE, [sample("a", "b", 500.0)]);
        book.update(50.0, RATE, [sample("a", "b", 500.0)]);
        book.update(f64::NAN, RATE, [sample("a", "b", 500.0)]);
        assert_eq!(flow(&book, "a", "b"), Some(5.0));
        book.update(160.0, RATE, [sample("a", "b", 5.0), sample("a", "b", f64::NAN), sample("a", "c", -3.0)]);
        assert_eq!((flow(&book, "a", "b"), flow(&book, "a", "c")), (Some(5.0), None));
    }

    #[test]
    fn an_outage_longer_than_the_window_is_left_out_of_the_mean() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        book.update(60.0, RATE, [sample("a", "b", 10.0)]);
        book.update(3_660.0, RATE, [sample("a", "b", 20.0)]);
        assert_eq!(flow(&book, "a", "b"), Some(15.0));
    }
}
