//! How a run is told to end early.

use tokio_util::sync::CancellationToken;

/// Says when a run ends early: after the move that is under way, or at once. Clones say the same.
#[derive(Clone, Debug)]
pub struct Shutdown {
    now: CancellationToken,
    after_move: CancellationToken,
}

impl Default for Shutdown {
    fn default() -> Self {
        let now = CancellationToken::new();
        // What is to end at once need not wait for a move either.
        let after_move = now.child_token();
        Self { now, after_move }
    }
}

impl Shutdown {
    /// No further pod is evicted; a replacement that is awaited is awaited to its end.
    pub fn after_move(&self) {
        self.after_move.cancel();
    }

    /// It ends within the request that is under way.
    pub fn now(&self) {
        self.now.cancel();
    }

    /// Whether anybody said so, in either way.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.after_move.is_cancelled()
    }

    /// What counts while a replacement is awaited, and while none is.
    pub(crate) fn token(&self, awaited: bool) -> &CancellationToken {
        if awaited { &self.now } else { &self.after_move }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_is_sooner_than_after_the_move() {
        let (gentle, hasty) = (Shutdown::default(), Shutdown::default());
        gentle.after_move();
        assert!(
            gentle.is_asked() && gentle.token(false).is_cancelled() && !gentle.token(true).is_cancelled()
        );
        hasty.now();
        assert!(hasty.is_asked() && hasty.token(false).is_cancelled() && hasty.token(true).is_cancelled());
    }
}
