//! One estimate per edge, fed by each answer of the metrics store: what a sample, a missing edge and a first sight mean.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

use super::Increment;
use super::counter::Counter;
use super::estimator::{Estimate, Estimator};
use crate::application::Application;
use crate::freshness::WhenStale;

/// An edge whose mean has sunk below this many bytes per second and that is no longer reported is forgotten.
const FORGET_BELOW: f64 = 1.0;

/// An edge that has not been reported for this long (seconds) is forgotten even if its lifetime mean is still
/// large, so that applications long gone do not fill the memory.
const FORGET_AFTER: f64 = 24.0 * 3600.0;

/// Bytes per second beyond which a sample is not believed: 8 Tbit/s between two applications. One such value would lead the
/// averages for hours.
pub const MOST_BYTES_PER_SECOND: f64 = 1e12;

/// An edge about which partial answers said nothing for this long (seconds) fades, to nothing over as long again: as all flows do
/// when the store is silent.
const UNKNOWN_AFTER: f64 = 300.0;

/// Whether an answer has every edge that carries something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// An edge that it lacks carried nothing.
    Complete,
    /// Of an edge that it lacks nothing is known.
    Partial,
}

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
    edges: HashMap<(Application, Application), Edge, RandomState>,
    last_update: Option<f64>,
}

#[derive(Debug)]
struct Edge {
    counter: Counter,
    estimate: Estimate,
    reported_at: f64,
    /// When an answer last told what it carries.
    known_at: f64,
}

impl Edge {
    /// Bytes per second at the instant `at`; less the longer nothing is known of it.
    fn bytes_per_second(&self, at: f64) -> Option<f64> {
        let (_, share) = WhenStale::Fade.confidence(Some(at - self.known_at), UNKNOWN_AFTER);
        self.estimate.bytes_per_second().map(|mean| mean * share)
    }
}

impl FlowBook {
    /// An empty book that averages by `estimator`.
    #[must_use]
    pub fn new(estimator: Estimator) -> Self {
        Self { estimator, edges: HashMap::default(), last_update: None }
    }

    /// Takes one answer of the metrics store for the instant `at` (seconds since the Unix epoch); gives how many edges it had
    /// that are not believed.
    ///
    /// Samples of one edge are added up (request and response bytes may come from two queries). An edge that a complete
    /// answer lacks carried nothing since the answer before. A repeated or older answer changes nothing.
    pub fn update(
        &mut self,
        at: f64,
        reading: Reading,
        completeness: Completeness,
        samples: impl IntoIterator<Item = Sample>,
    ) -> u64 {
        if !at.is_finite() || self.last_update.is_some_and(|last| at <= last) {
            return 0;
        }
        let mut implausible = 0;
        let previous = self.last_update.replace(at);
        let samples = samples.into_iter();
        // At once: to grow to so many, it would move all of them a dozen times.
        let mut reported: HashMap<(Application, Application), f64, RandomState> =
            HashMap::with_capacity_and_hasher(samples.size_hint().0, RandomState::default());
        for sample in samples {
            if sample.value.is_finite() && sample.value >= 0.0 {
                *reported.entry((sample.source, sample.destination)).or_insert(0.0) += sample.value;
            }
        }
        if let Reading::Rate { .. } = reading {
            let before = reported.len();
            reported.retain(|_, value| *value <= MOST_BYTES_PER_SECOND);
            implausible += (before - reported.len()) as u64;
        }
        // Time before the last answer is accounted for; a gap longer than the rate's own window is unknown.
        let rate_interval = |window: f64| (previous.map_or(at - window, |last| last.max(at - window)), at);
        self.edges.retain(|key, edge| match reported.remove(key) {
            Some(value) => {
                (edge.reported_at, edge.known_at) = (at, at);
                let increment = match reading {
                    Reading::Rate { window_seconds } => rate_increment(rate_interval(window_seconds), value),
                    Reading::Counter => edge.counter.observe(at, value),
                };
                if let Some(increment) = increment {
                    if increment.bytes <= MOST_BYTES_PER_SECOND * increment.seconds() {
                        edge.estimate.add(increment);
                    } else {
                        implausible += 1;
                    }
                }
                true
            }
            // A counter keeps its baseline: when it comes back, what it counted in between is known.
            None if completeness == Completeness::Partial => at - edge.reported_at < FORGET_AFTER,
            None => {
                edge.known_at = at;
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
            let mut edge = Edge {
                counter: Counter::default(),
                estimate: self.estimator.start(),
                reported_at: at,
                known_at: at,
            };
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
        implausible
    }

    /// Forgets all but the `limit` heaviest edges; gives how many. Those that the last answer lacked go first, so that a burst
    /// of edges that are gone keeps no other out; then those without an estimate.
    pub fn keep_heaviest(&mut self, limit: usize) -> usize {
        let excess = self.edges.len().saturating_sub(limit);
        if excess > 0 {
            let now = self.last_update.unwrap_or_default();
            let rank = |edge: &Edge| (edge.reported_at >= now, edge.bytes_per_second(now).unwrap_or(-1.0));
            let mut edges: Vec<_> = self.edges.drain().collect();
            edges.select_nth_unstable_by(excess - 1, |left, right| {
                let (left, right) = (rank(&left.1), rank(&right.1));
                left.0.cmp(&right.0).then(left.1.total_cmp(&right.1))
            });
            self.edges.extend(edges.drain(excess..));
        }
        excess
    }

    /// All flows that are known, in no particular order.
    pub fn flows(&self) -> impl Iterator<Item = Flow> + '_ {
        let now = self.last_update.unwrap_or_default();
        self.edges.iter().filter_map(move |((source, destination), edge)| {
            let bytes_per_second = edge.bytes_per_second(now)?;
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
        rates.update(100.0, RATE, Completeness::Complete, [sample("a", "b", 7.0)]);
        assert_eq!(flow(&rates, "a", "b"), Some(7.0));

        let mut counters = FlowBook::new(Estimator::Lifetime);
        counters.update(100.0, Reading::Counter, Completeness::Complete, [sample("a", "b", 7e9)]);
        assert_eq!(flow(&counters, "a", "b"), None);
        counters.update(110.0, Reading::Counter, Completeness::Complete, [sample("a", "b", 7e9 + 50.0)]);
        assert_eq!(flow(&counters, "a", "b"), Some(5.0));
    }

    #[test]
    fn flows_are_directed_and_samples_of_one_edge_add_up() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        book.update(
            100.0,
            RATE,
            Completeness::Complete,
            [sample("a", "b", 1.0), sample("b", "a", 10.0), sample("a", "b", 4.0)],
        );
        assert_eq!((flow(&book, "a", "b"), flow(&book, "b", "a")), (Some(5.0), Some(10.0)));
    }

    #[test]
    fn an_edge_that_goes_silent_sinks_and_is_forgotten() {
        let mut book = FlowBook::new(Estimator::Decay { half_life_seconds: 60.0 });
        book.update(0.0, RATE, Completeness::Complete, [sample("a", "b", 1_000.0)]);
        book.update(60.0, RATE, Completeness::Complete, []);
        let after_a_minute = flow(&book, "a", "b").unwrap();
        assert!(after_a_minute < 1_000.0 && after_a_minute > 0.0);
        for minute in 2..30 {
            book.update(f64::from(minute) * 60.0, RATE, Completeness::Complete, []);
        }
        assert!(book.is_empty());
    }

    #[test]
    fn a_counter_that_comes_back_starts_from_a_new_baseline() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        for (at, value) in [(0.0, 0.0), (10.0, 100.0)] {
            book.update(at, Reading::Counter, Completeness::Complete, [sample("a", "b", value)]);
        }
        book.update(20.0, Reading::Counter, Completeness::Complete, []);
        book.update(30.0, Reading::Counter, Completeness::Complete, [sample("a", "b", 1e9)]);
        assert_eq!(flow(&book, "a", "b"), Some(5.0), "the jump over the gap is nobody's rate");
    }

    #[test]
    fn only_the_heaviest_edges_are_kept_beyond_the_limit() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        book.update(
            100.0,
            RATE,
            Completeness::Complete,
            [sample("a", "b", 5.0), sample("a", "c", 7.0), sample("a", "d", 6.0)],
        );
        assert_eq!((book.keep_heaviest(3), book.len()), (0, 3));
        assert_eq!((book.keep_heaviest(2), flow(&book, "a", "b")), (1, None));
        assert_eq!((flow(&book, "a", "c"), flow(&book, "a", "d")), (Some(7.0), Some(6.0)));
        assert_eq!((book.keep_heaviest(0), book.len()), (2, 0));
    }

    #[test]
    fn repeated_and_older_answers_and_impossible_values_change_nothing() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        book.update(100.0, RATE, Completeness::Complete, [sample("a", "b", 5.0)]);
        book.update(100.0, RATE, Completeness::Complete, [sample("a", "b", 500.0)]);
        book.update(50.0, RATE, Completeness::Complete, [sample("a", "b", 500.0)]);
        book.update(f64::NAN, RATE, Completeness::Complete, [sample("a", "b", 500.0)]);
        assert_eq!(flow(&book, "a", "b"), Some(5.0));
        book.update(
            160.0,
            RATE,
            Completeness::Complete,
            [sample("a", "b", 5.0), sample("a", "b", f64::NAN), sample("a", "c", -3.0)],
        );
        assert_eq!((flow(&book, "a", "b"), flow(&book, "a", "c")), (Some(5.0), None));
    }

    #[test]
    fn an_outage_longer_than_the_window_is_left_out_of_the_mean() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        book.update(60.0, RATE, Completeness::Complete, [sample("a", "b", 10.0)]);
        book.update(3_660.0, RATE, Completeness::Complete, [sample("a", "b", 20.0)]);
        assert_eq!(flow(&book, "a", "b"), Some(15.0));
    }

    #[test]
    fn what_a_partial_answer_lacks_is_unknown_and_fades_only_after_a_while() {
        for estimator in [
            Estimator::Lifetime,
            Estimator::Window { seconds: 12.0 },
            Estimator::Decay { half_life_seconds: 60.0 },
        ] {
            let mut book = FlowBook::new(estimator);
            book.update(0.0, RATE, Completeness::Complete, [sample("a", "b", 100.0), sample("a", "c", 7.0)]);
            for step in 1..=60 {
                book.update(f64::from(step) * 5.0, RATE, Completeness::Partial, [sample("a", "c", 7.0)]);
            }
            assert_eq!(flow(&book, "a", "b"), Some(100.0), "{estimator:?}");
            book.update(450.0, RATE, Completeness::Partial, [sample("a", "c", 7.0)]);
            assert_eq!(flow(&book, "a", "b"), Some(50.0), "half of the second period is over");
            book.update(700.0, RATE, Completeness::Partial, []);
            assert_eq!(flow(&book, "a", "b"), Some(0.0));
            book.update(760.0, RATE, Completeness::Partial, [sample("a", "b", 100.0)]);
            assert_eq!(flow(&book, "a", "b"), Some(100.0), "it is known again");
        }
    }

    #[test]
    fn a_counter_that_a_partial_answer_lacks_goes_on_from_where_it_was() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        let counter = Reading::Counter;
        book.update(0.0, counter, Completeness::Complete, [sample("a", "b", 0.0)]);
        book.update(10.0, counter, Completeness::Partial, []);
        book.update(20.0, counter, Completeness::Complete, [sample("a", "b", 100.0)]);
        assert_eq!(flow(&book, "a", "b"), Some(5.0));
    }

    #[test]
    fn a_value_that_no_network_carries_is_not_believed() {
        let mut book = FlowBook::new(Estimator::Lifetime);
        let complete = Completeness::Complete;
        let most = sample("a", "c", MOST_BYTES_PER_SECOND);
        assert_eq!(book.update(100.0, RATE, complete, [sample("a", "b", 1e18), most]), 1);
        assert_eq!((flow(&book, "a", "b"), flow(&book, "a", "c")), (None, Some(MOST_BYTES_PER_SECOND)));
        assert_eq!(book.update(160.0, RATE, complete, [sample("a", "b", 5.0)]), 0);
        assert_eq!(book.update(220.0, RATE, complete, [sample("a", "b", 1e12), sample("a", "b", 1e12)]), 1);

        let mut counters = FlowBook::new(Estimator::Lifetime);
        for (at, value, implausible) in [(0.0, 0.0, 0), (10.0, 50.0, 0), (20.0, 1e18, 1), (30.0, 1e18, 0)] {
            let taken = counters.update(at, Reading::Counter, complete, [sample("a", "b", value)]);
            assert_eq!(taken, implausible, "at {at}");
        }
        assert_eq!(flow(&counters, "a", "b"), Some(2.5), "20 s are known, with 50 bytes");
    }

    #[test]
    fn edges_that_the_last_answer_lacked_go_first() {
        let mut book = FlowBook::new(Estimator::Decay { half_life_seconds: 600.0 });
        let garbage = ["x1", "x2", "x3"].map(|name| sample(name, "y", 1e9));
        book.update(0.0, RATE, Completeness::Complete, garbage);
        book.update(15.0, RATE, Completeness::Complete, [sample("a", "b", 5.0), sample("a", "c", 6.0)]);
        assert_eq!((book.keep_heaviest(3), book.len()), (2, 3));
        assert_eq!((flow(&book, "a", "b"), flow(&book, "a", "c")), (Some(5.0), Some(6.0)));
    }
}
