//! Whether the mesh's figures are worse than before the first move. No I/O and no clock.

use std::time::Duration;

use netmarks_sources::prometheus::service_level::Figures;

use crate::run::Health;

/// An error share may rise by so much in any case, of all requests: connections to a pod that ends are lost now and then.
const SPARE_ERRORS: f64 = 0.005;

/// A response time may rise by so much in any case, in seconds: two looks at a histogram of buckets differ by as much.
const SPARE_SECONDS: f64 = 0.005;

/// Holds what the figures were before the first move, and since when they are worse.
#[derive(Clone, Debug)]
pub struct Comparison {
    before: Figures,
    /// By which share of what they were they may rise.
    most_worse: f64,
    since: Option<Duration>,
}

impl Comparison {
    /// Against `before`; 0.2 for `most_worse` allows a fifth more.
    #[must_use]
    pub fn new(before: Figures, most_worse: f64) -> Self {
        Self { before, most_worse, since: None }
    }

    #[must_use]
    pub fn before(&self) -> Figures {
        self.before
    }

    /// Compares with these from now on: with what an earlier run measured before the first move.
    pub fn resume(&mut self, before: Figures) {
        self.before = before;
    }

    /// Whether they were worse when they were last compared.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.since.is_some()
    }

    /// Compares the figures now, or takes the reason why they are not known, at this time of the run.
    pub fn take(&mut self, now: Result<Figures, String>, at: Duration) -> Health {
        let why = match now {
            Err(error) => Some(format!("the metrics store cannot be asked: {error}")),
            Ok(figures) => self.worse(figures),
        };
        match why {
            None => {
                self.since = None;
                Health::Fine
            }
            Some(why) => Health::Worse { since: *self.since.get_or_insert(at), why },
        }
    }

    fn worse(&self, now: Figures) -> Option<String> {
        let Figures { error_share, p99_seconds } = self.before;
        let percent = |share: f64| format!("{:.2}%", share * 100.0);
        let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1_000.0);
        self.risen("the share of errors", error_share, now.error_share, SPARE_ERRORS, percent).or_else(|| {
            self.risen(
                "the 99th percentile of response times",
                p99_seconds,
                now.p99_seconds,
                SPARE_SECONDS,
                milliseconds,
            )
        })
    }

    fn risen(
        &self,
        what: &str,
        before: Option<f64>,
        now: Option<f64>,
        spare: f64,
        show: impl Fn(f64) -> String,
    ) -> Option<String> {
        // What was not measured before has nothing to be compared with.
        let before = before?;
        let most = (before * (1.0 + self.most_worse)).max(before + spare);
        match now {
            None => Some(format!("{what} is not measured any more; it was {}", show(before))),
            Some(now) if now > most => Some(format!(
                "{what} is {}; it was {} before the first move, and {} is allowed",
                show(now),
                show(before),
                show(most)
            )),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(error_share: f64, p99_seconds: f64) -> Figures {
        Figures { error_share: Some(error_share), p99_seconds: Some(p99_seconds) }
    }

    fn worse(health: &Health) -> Option<(u64, &str)> {
        match health {
            Health::Worse { since, why } => Some((since.as_secs(), why)),
            Health::Fine | Health::Unknown => None,
        }
    }

    #[test]
    fn what_rises_beyond_its_share_is_worse_from_the_first_time_on() {
        let mut comparison = Comparison::new(figures(0.1, 0.1), 0.5);
        let at = Duration::from_secs;
        assert_eq!(comparison.take(Ok(figures(0.149, 0.149)), at(1)), Health::Fine);
        let health = comparison.take(Ok(figures(0.151, 0.1)), at(2));
        assert_eq!(
            worse(&health),
            Some((
                2,
                "the share of errors is 15.10%; it was 10.00% before the first move, and 15.00% is allowed"
            ))
        );
        let health = comparison.take(Ok(figures(0.1, 0.151)), at(3));
        let (since, why) = worse(&health).unwrap();
        assert!(since == 2 && why.contains("response times is 151.0 ms"), "without a break: {why}");
        assert_eq!(comparison.take(Ok(figures(0.0, 0.0)), at(4)), Health::Fine);
        let health = comparison.take(Err("no route".to_owned()), at(5));
        assert_eq!(worse(&health), Some((5, "the metrics store cannot be asked: no route")));
    }

    #[test]
    fn a_run_that_is_resumed_is_held_against_what_was_before_the_first_move() {
        let mut comparison = Comparison::new(figures(0.5, 0.1), 0.2);
        assert_eq!(comparison.take(Ok(figures(0.5, 0.1)), Duration::ZERO), Health::Fine);
        comparison.resume(figures(0.1, 0.1));
        assert!(worse(&comparison.take(Ok(figures(0.5, 0.1)), Duration::ZERO)).is_some());
    }

    #[test]
    fn a_little_may_come_from_nothing() {
        let mut comparison = Comparison::new(figures(0.0, 0.001), 0.1);
        assert_eq!(comparison.take(Ok(figures(0.004, 0.005)), Duration::ZERO), Health::Fine);
        assert!(worse(&comparison.take(Ok(figures(0.006, 0.001)), Duration::ZERO)).is_some());
    }

    #[test]
    fn what_was_never_measured_is_not_compared_and_what_ends_is_worse() {
        let before = Figures { error_share: Some(0.0), p99_seconds: None };
        let mut comparison = Comparison::new(before, 0.1);
        assert_eq!(comparison.take(Ok(figures(0.0, 9.0)), Duration::ZERO), Health::Fine);
        assert!(
            worse(&comparison.take(Ok(Figures::default()), Duration::ZERO))
                .unwrap()
                .1
                .contains("not measured")
        );
    }
}
