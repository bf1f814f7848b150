//! When machine code is kept for the next start: beside everything else, since a rollback may wait for the turn of the compilation.

use std::sync::Arc;

use netmarks_core::errors::chain;
use netmarks_engine::{Unkept, when_idle};
use tokio::sync::Semaphore;

use crate::lifecycle::Event;
use crate::loading::Listener;

/// Keeps machine code; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    /// Machine code has tens of megabytes, so one at most waits for an idle moment.
    place: Arc<Semaphore>,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { place: Arc::new(Semaphore::new(1)) }
    }
}

impl Keeping {
    /// Keeps `code` when the machine is idle, and returns at once; where other code waits for that already, it is kept before this
    /// returns. Called on a blocking thread of a runtime.
    pub(crate) fn keep(&self, code: Unkept) {
        let Ok(place) = self.place.clone().try_acquire_owned() else {
            keep(code);
            return;
        };
        let work = move || {
            let _place = place;
            // Logged outside: a thread that gives way must not hold the lock of standard error.
            match when_idle(|| code.keep()) {
                Some(kept) => log(kept),
                None => tracing::error!("compiled policy not cached: the thread that wrote it panicked"),
            }
        };
        drop(tokio::task::spawn_blocking(work));
    }
}

/// For the start, when nothing is answered yet.
#[derive(Debug)]
pub(crate) struct KeepsAtOnce;

impl Listener for KeepsAtOnce {
    fn passed(&mut self, _step: Event) {}

    fn keep(&mut self, code: Unkept) {
        keep(code);
    }
}

fn keep(code: Unkept) {
    log(code.keep());
}

fn log(kept: Result<(), netmarks_files::WriteError>) {
    if let Err(error) = kept {
        tracing::warn!(
            error = chain(&error),
            "compiled policy not cached, so the next start compiles it again; see to it that `policies.state_folder` can be written"
        );
    }
}
