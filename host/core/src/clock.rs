//! The clocks: instants as flows, health and snapshot files carry them, and ages that no step of the wall clock changes.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, in seconds since the Unix epoch. For people, files and other machines: the difference of two of these is not an age, since the clock
/// may be set in between; [`Measured`] and [`Instant`] are for ages.
#[must_use]
pub fn unix_now() -> f64 {
    // A clock before 1970 is as good as unknown: everything measured then is simply old.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// When something was measured: in seconds since the Unix epoch for whoever reads it, and as an age.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    at: f64,
    noted: Instant,
    /// Seconds that it was old when it was noted.
    age_then: f64,
}

impl Measured {
    /// At `at` (seconds since the Unix epoch, by any clock), which is `seconds` ago.
    #[must_use]
    pub fn ago(at: f64, seconds: f64) -> Self {
        Self { at, noted: Instant::now(), age_then: seconds.max(0.0) }
    }

    /// In seconds since the Unix epoch.
    #[must_use]
    pub fn at(self) -> f64 {
        self.at
    }

    /// How old it is, in seconds, whatever became of the wall clock since it was noted.
    #[must_use]
    pub fn age(self) -> f64 {
        self.age_then + self.noted.elapsed().as_secs_f64()
    }
}

/// As old as the wall clock says now.
impl From<f64> for Measured {
    fn from(at: f64) -> Self {
        Self::ago(at, unix_now() - at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_grows_from_what_it_was_whatever_instant_it_has() {
        // As if the wall clock had been set by a day since: the instant is a day off, and the age is not.
        for at in [unix_now() + 86_400.0, unix_now() - 86_400.0] {
            let age = Measured::ago(at, 20.0).age();
            assert!((20.0..80.0).contains(&age), "{age}");
        }
        let age = Measured::from(unix_now() - 20.0).age();
        assert!((20.0..80.0).contains(&age), "{age}");
        let ahead = Measured::from(unix_now() + 500.0);
        assert!((0.0..60.0).contains(&ahead.age()), "a clock that is ahead");
    }
}
