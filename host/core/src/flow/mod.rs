//! Flows: bytes per second from one application to another, estimated from what the mesh counted.
//!
//! [`counter`] turns growing counters into increments, [`estimator`] increments into a mean, [`book`] keeps one
//! estimate per edge, and [`table`] is the immutable result that requests read, made of [`numbered`] flows.

pub mod book;
pub mod counter;
pub mod estimator;
pub mod numbered;
pub mod table;

/// Bytes that travelled between two instants. Times are seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Increment {
    /// Start of the interval.
    pub from: f64,
    /// End of the interval, later than `from`.
    pub to: f64,
    /// Bytes counted in it; finite and not negative.
    pub bytes: f64,
}

impl Increment {
    /// An increment, or `None` for one that cannot be: an empty or reversed interval, or bytes that are not a
    /// finite number of at least zero.
    #[must_use]
    pub fn new(from: f64, to: f64, bytes: f64) -> Option<Self> {
        let valid = from.is_finite() && to.is_finite() && from < to && bytes.is_finite() && bytes >= 0.0;
        valid.then_some(Self { from, to, bytes })
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.to - self.from
    }
}
