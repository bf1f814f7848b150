//! How the sources are doing: counters and last results, for metrics, logs and `/readyz` to show.
//!
//! Plain numbers: whoever exports them depends on no source.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::target::TargetHealth;

/// Holds the health of every source.
#[derive(Debug, Default)]
pub struct Health {
    /// The watch of pods.
    pub pods: WatchHealth,
    /// The watch of nodes.
    pub nodes: WatchHealth,
    /// The watch of Deployments.
    pub deployments: WatchHealth,
    /// The watch of StatefulSets.
    pub stateful_sets: WatchHealth,
    /// The watch of Services.
    pub services: WatchHealth,
    /// The metrics source.
    pub metrics: MetricsHealth,
    /// The target placement.
    pub target: TargetHealth,
}

impl Health {
    /// All watches, to be counted together.
    #[must_use]
    pub fn watches(&self) -> [&WatchHealth; 5] {
        [&self.pods, &self.nodes, &self.deployments, &self.stateful_sets, &self.services]
    }
}

/// Whether something just changed from working to failing or back: what is worth one line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Same,
    /// It was failing and works now.
    Recovered,
    /// It was working and fails now.
    Failed,
}

#[derive(Debug, Default)]
struct Failing(AtomicBool);

impl Failing {
    fn set(&self, failing: bool) -> Turn {
        match (self.0.swap(failing, Ordering::Relaxed), failing) {
            (false, true) => Turn::Failed,
            (true, false) => Turn::Recovered,
            _ => Turn::Same,
        }
    }
}

/// Holds the counters of one watch. They only say what happened; nothing is decided by them.
#[derive(Debug, Default)]
pub struct WatchHealth {
    events: AtomicU64,
    lists: AtomicU64,
    errors: AtomicU64,
    last_event_at: AtomicU64,
    failing: Failing,
}

impl WatchHealth {
    /// Objects that were added, changed or deleted, those of lists included.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Complete lists that were begun: the first one, and one per watch that could not be resumed.
    #[must_use]
    pub fn lists(&self) -> u64 {
        self.lists.load(Ordering::Relaxed)
    }

    /// Requests and watches that failed. A watch that the API server closes in time is not an error.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// When the last event came, in seconds since the Unix epoch; `None` before the first.
    #[must_use]
    pub fn last_event_at(&self) -> Option<f64> {
        let at = f64::from_bits(self.last_event_at.load(Ordering::Relaxed));
        (at > 0.0).then_some(at)
    }

    /// Whether the last thing that happened was an error.
    #[must_use]
    pub fn failing(&self) -> bool {
        self.failing.0.load(Ordering::Relaxed)
    }

    /// Notes events of a working watch, the last at `at` (seconds since the Unix epoch).
    pub fn record_events(&self, events: u64, at: f64) -> Turn {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.last_event_at.store(at.to_bits(), Ordering::Relaxed);
        self.failing.set(false)
    }

    /// Notes a complete list.
    pub fn record_list(&self) {
        self.lists.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a request or a watch that failed.
    pub fn record_error(&self) -> Turn {
        self.errors.fetch_add(1, Ordering::Relaxed);
        self.failing.set(true)
    }
}

/// Holds what the last refreshes of the flows came to.
#[derive(Debug, Default)]
pub struct MetricsHealth(Mutex<MetricsReport>);

/// What the refreshes of the flows came to so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsReport {
    /// Refreshes that succeeded.
    pub refreshes: u64,
    /// Refreshes that failed.
    pub failures: u64,
    /// When the last success was, in seconds since the Unix epoch.
    pub last_success_at: Option<f64>,
    /// Why the last refresh failed, with all its causes; `None` after a success.
    pub last_error: Option<String>,
    /// Warnings of the metrics store with the last success.
    pub warnings: Vec<String>,
    /// Whether the last answer may lack flows.
    pub partial: bool,
    /// Refreshes whose answer may have lacked flows.
    pub partial_refreshes: u64,
    /// Flows in the last answer that carried more than any network does, and were left out.
    pub implausible_flows: u64,
    /// Series in the last answer.
    pub samples: u64,
    /// Flows now known.
    pub flows: u64,
    /// Flows left out of the last refresh because there were more than the limit.
    pub dropped_flows: u64,
    /// Size of the last answer in bytes.
    pub response_bytes: u64,
    /// Seconds the last success took, from the request to the published snapshot.
    pub duration_seconds: f64,
}

impl MetricsHealth {
    /// A copy of the present state.
    #[must_use]
    pub fn report(&self) -> MetricsReport {
        self.lock().clone()
    }

    /// Notes a refresh that succeeded.
    pub fn record_success(&self, success: MetricsReport) -> Turn {
        let mut report = self.lock();
        let turn = if report.last_error.is_some() { Turn::Recovered } else { Turn::Same };
        *report = MetricsReport {
            refreshes: report.refreshes + 1,
            failures: report.failures,
            partial_refreshes: report.partial_refreshes + u64::from(success.partial),
            last_error: None,
            ..success
        };
        turn
    }

    /// Notes a refresh that failed, and why.
    pub fn record_failure(&self, error: String) -> Turn {
        let mut report = self.lock();
        report.failures += 1;
        match report.last_error.replace(error) {
            Some(_) => Turn::Same,
            None => Turn::Failed,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, MetricsReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_turn_from_working_to_failing_and_back_is_news() {
        let watch = WatchHealth::default();
        assert_eq!(watch.last_event_at(), None);
        assert_eq!(watch.record_events(3, 7.0), Turn::Same);
        assert_eq!((watch.record_error(), watch.record_error()), (Turn::Failed, Turn::Same));
        assert_eq!((watch.record_events(1, 8.0), watch.record_events(1, 9.0)), (Turn::Recovered, Turn::Same));
        assert_eq!((watch.events(), watch.errors(), watch.last_event_at()), (5, 2, Some(9.0)));

        let metrics = MetricsHealth::default();
        assert_eq!(metrics.record_failure("down".to_owned()), Turn::Failed);
        assert_eq!(metrics.record_failure("still down".to_owned()), Turn::Same);
        assert_eq!(metrics.report().last_error.as_deref(), Some("still down"));
        let success = MetricsReport { samples: 4, ..MetricsReport::default() };
        assert_eq!(metrics.record_success(success.clone()), Turn::Recovered);
        assert_eq!(metrics.record_success(success), Turn::Same);
        let report = metrics.report();
        assert_eq!((report.refreshes, report.failures, report.samples, report.last_error), (2, 2, 4, None));
    }
}
