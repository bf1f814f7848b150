//! What a run tells while it goes on.

use netmarks_sources::prometheus::service_level::Figures;

use crate::event::Event;
use crate::moves::Move;

/// What a run tells while it goes on. Each is told once, when it begins.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// The journal was read.
    Began {
        /// Moves that an earlier run did.
        done: usize,
        all: usize,
    },
    /// An earlier run measured what was before the first move, and figures are held against that.
    Before { figures: Figures },
    /// Something happened to a move.
    Move {
        /// From 0.
        number: usize,
        all: usize,
        planned: &'a Move,
        event: &'a Event,
    },
    /// The mesh's figures are worse, or cannot be asked for: no move begins until they are as before.
    Worse { why: &'a str },
    /// They are as before again.
    Fine,
    /// What is seen of pods is old from here on, until the watch works again.
    WatchFailed { namespace: &'a str, error: &'a str },
}
