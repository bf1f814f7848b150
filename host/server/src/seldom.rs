//! Log lines that anybody who connects can cause: one in a while, and the rest is counted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines.
const WHILE: Duration = Duration::from_secs(10);

/// When the last line was written.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether a line may be written now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= WHILE);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_is_due_once_in_a_while() {
        let seldom = Seldom::default();
        assert!(seldom.is_due());
        tokio::time::advance(WHILE - Duration::from_millis(1)).await;
        assert!(!seldom.is_due());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(seldom.is_due() && !seldom.is_due());
    }
}
