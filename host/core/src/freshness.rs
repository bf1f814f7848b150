//! What old metrics are still worth.
//!
//! The choice is the operator's: a frozen picture of the traffic can be much better than none, or
//! much worse.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to scores when the last answer of the metrics store is older than it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenStale {
    /// Scores stay as they are.
    Keep,
    /// Scores sink linearly to zero over a second period as long as the first.
    #[default]
    Fade,
    /// No scores at all: the scheduler decides alone.
    Ignore,
}

/// Whether the flows are fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// The metrics store has not answered yet.
    Absent,
    /// Younger than the limit.
    Fresh,
    /// Older than the limit, and still worth something by the operator's choice.
    Stale,
    /// Older than the limit, and worth nothing any more.
    Expired,
}

impl WhenStale {
    /// The state of flows that are `age` seconds old when they should be at most `limit`, and the share (0 to 1)
    /// of their scores that remains. `None` is an age that is not known because there was no answer yet.
    #[must_use]
    pub fn confidence(self, age: Option<f64>, limit: f64) -> (Freshness, f64) {
        match (age, self) {
            (None, _) => (Freshness::Absent, 0.0),
            (Some(age), _) if age <= limit => (Freshness::Fresh, 1.0),
            (Some(_), Self::Keep) => (Freshness::Stale, 1.0),
            (Some(age), Self::Fade) if age < 2.0 * limit => (Freshness::Stale, (2.0 * limit - age) / limit),
            (Some(_), Self::Fade | Self::Ignore) => (Freshness::Expired, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_at_each_age() {
        let at = |choice: WhenStale, age: f64| choice.confidence(Some(age), 100.0);
        for choice in [WhenStale::Keep, WhenStale::Fade, WhenStale::Ignore] {
            assert_eq!(choice.confidence(None, 100.0), (Freshness::Absent, 0.0));
            assert_eq!(at(choice, 100.0), (Freshness::Fresh, 1.0));
            assert_eq!(at(choice, -5.0), (Freshness::Fresh, 1.0), "a clock that is ahead");
        }
        assert_eq!(at(WhenStale::Keep, 1e9), (Freshness::Stale, 1.0));
        assert_eq!(at(WhenStale::Fade, 150.0), (Freshness::Stale, 0.5));
        assert_eq!(at(WhenStale::Fade, 200.0), (Freshness::Expired, 0.0));
        assert_eq!(at(WhenStale::Ignore, 101.0), (Freshness::Expired, 0.0));
    }
}
