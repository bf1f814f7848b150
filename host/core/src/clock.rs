//! The one clock: instants as flows, health and snapshot files carry them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in seconds since the Unix epoch.
#[must_use]
pub fn unix_now() -> f64 {
    // A clock before 1970 is as good as unknown: everything measured then is simply old.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
