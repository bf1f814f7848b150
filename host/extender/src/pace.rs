//! Whether a connection's own task may score, or a second one has to.
//!
//! A task that scores answers nobody else meanwhile. A policy that answered quickly so far probably does so again; should it
//! not, its own deadline ends the call, and the next requests are scored by tasks of their own until it is quick again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Answers in a row that have to be quick. Few enough that a rollout profits, and many enough that a policy that is slow
/// for one pod in ten holds its connection up less often than one request in a hundred.
const PROOF: u32 = 32;

/// A quick answer takes at most so long: several times what a policy of ours takes for 5,000 candidates.
const QUICK: Duration = Duration::from_millis(2);

/// How quickly the last answers were made.
#[derive(Debug, Default)]
pub struct Pace {
    last: Mutex<Quick>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Quick {
    generation: u64,
    in_a_row: u32,
}

impl Pace {
    /// Whether the last answers of this generation were all quick.
    pub(crate) fn is_quick(&self, generation: u64) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.generation == generation && last.in_a_row >= PROOF
    }

    /// Takes how long an answer of this generation took, from the body to the scores.
    pub(crate) fn answered(&self, generation: u64, took: Duration) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = if last.generation == generation { last.in_a_row } else { 0 };
        let in_a_row = if took <= QUICK { before.saturating_add(1) } else { 0 };
        *last = Quick { generation, in_a_row };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_and_another_generation_ask_for_proof_again() {
        let pace = Pace::default();
        let quick = |generation| (0..PROOF).for_each(|_| pace.answered(generation, QUICK));
        assert!(!pace.is_quick(0), "nothing was answered yet");
        quick(0);
        assert!(pace.is_quick(0) && !pace.is_quick(1));
        pace.answered(0, QUICK + Duration::from_nanos(1));
        assert!(!pace.is_quick(0));
        quick(0);
        assert!(pace.is_quick(0));
        pace.answered(1, QUICK);
        assert!(!pace.is_quick(1));
        quick(1);
        assert!(pace.is_quick(1) && !pace.is_quick(0));
    }
}
