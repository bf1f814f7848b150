//! Where "now" comes from: injected, so that a test can say what a counter shows at 60 s without waiting for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Gives the time since the traffic began. Must not go backwards.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Real time, from this call on: for use with a real Prometheus.
pub fn wall_clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || start.elapsed())
}
