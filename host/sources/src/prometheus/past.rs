//! What a poller that starts asks of the past, so that its averages begin where those of its peers are.
//!
//! Without it a replica that was just started would score by the last minute, beside others that score by the last half
//! hour, and they would agree only after several half-lives. The store has the past: the same queries for earlier
//! instants, oldest first, each with a range that reaches back to the instant before.

use netmarks_core::flow::estimator::Estimator;

use super::config::MetricsConfig;

/// How far back, in half-lives: all that is older counts a sixty-fourth, so that much of a difference can remain.
const HALF_LIVES: f64 = 6.0;

/// Most instants. More would be finer and take longer until the replica is ready; each costs the store about as much as a regular refresh.
const INSTANTS: f64 = 24.0;

/// The instants to ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Past {
    /// Between two instants, and the range of each query, in seconds.
    pub(crate) step_seconds: f64,
    window_seconds: f64,
    steps: u32,
}

impl Past {
    /// None where the first refresh covers all that counts, and for the lifetime mean, which has no end to it: by its
    /// definition it begins when the collection does.
    pub(crate) fn new(config: &MetricsConfig) -> Option<Self> {
        let window_seconds = config.window_seconds;
        let counts = match config.estimator {
            Estimator::Lifetime => 0.0,
            Estimator::Window { seconds } => seconds,
            Estimator::Decay { half_life_seconds } => half_life_seconds * HALF_LIVES,
        };
        let before = counts - window_seconds;
        let step_seconds = window_seconds.max(before / INSTANTS);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and INSTANTS")]
        let steps = (before / step_seconds).ceil() as u32;
        (steps > 0).then_some(Self { step_seconds, window_seconds, steps })
    }

    /// The instants, oldest first, for a first refresh at `at`, whose own window begins at the last of them.
    pub(crate) fn instants(self, at: f64) -> impl Iterator<Item = f64> {
        (0..self.steps).rev().map(move |step| at - self.window_seconds - f64::from(step) * self.step_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(window_seconds: f64, estimator: Estimator) -> Vec<f64> {
        let config = MetricsConfig { window_seconds, estimator, ..MetricsConfig::default() };
        Past::new(&config).map(|past| past.instants(10_000.0).collect()).unwrap_or_default()
    }

    #[test]
    fn it_reaches_back_as_far_as_the_estimator_does() {
        let window = |seconds: f64| Estimator::Window { seconds };
        assert_eq!(instants(60.0, window(300.0)), [9_760.0, 9_820.0, 9_880.0, 9_940.0][..]);
        assert_eq!(instants(60.0, window(100.0)), [9_940.0], "a part of a step is one");
        for nothing in [window(60.0), window(5.0), Estimator::Lifetime] {
            assert!(instants(60.0, nothing).is_empty(), "{nothing:?}");
        }
        let decay = instants(60.0, Estimator::Decay { half_life_seconds: 600.0 });
        assert_eq!((decay.len(), decay[0], decay[23]), (24, 10_000.0 - 3_600.0 + 147.5, 9_940.0));
    }
}
