//! The state of one call: its memory account, its log and what it did through WASI.
//!
//! It is made for every call and is all that a guest can reach.

use wasmtime::{ResourceLimiter, Store};

use crate::bindings::netmarks::policy::{logging, types};
use crate::engine::Engine;
use crate::limits::Limits;
use crate::wasi::world::World;
use netmarks_core::bounded::beginning;

/// Holds what one call may use and what it has said.
#[derive(Debug)]
pub(crate) struct CallState {
    memory_left: usize,
    /// Whether the guest asked for more memory than it may have.
    pub(crate) memory_refused: bool,
    messages: Vec<(logging::Level, String)>,
    messages_dropped: u32,
    /// Only after the guest called WASI.
    world: Option<Box<World>>,
}

/// A fresh store with all limits set.
pub(crate) fn fresh(engine: &Engine, limits: &Limits) -> Store<CallState> {
    let state = CallState {
        memory_left: limits.memory_bytes(),
        memory_refused: false,
        messages: Vec::new(),
        messages_dropped: 0,
        world: None,
    };
    let mut store = Store::new(&engine.wasmtime, state);
    store.limiter(|state| state);
    store.set_epoch_deadline(engine.epochs(limits.deadline()));
    store.set_hostcall_fuel(limits.output_bytes());
    store
}

impl ResourceLimiter for CallState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // One account for all memories of the component.
        match self.memory_left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => {
                self.memory_left = left;
                Ok(true)
            }
            None => {
                self.memory_refused = true;
                Ok(false)
            }
        }
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= Limits::TABLE_ELEMENTS)
    }
}

impl types::Host for CallState {}

impl logging::Host for CallState {
    fn log(&mut self, level: logging::Level, message: String) {
        if self.messages.len() < Limits::LOG_MESSAGES {
            self.messages.push((level, beginning(&message, Limits::LOG_MESSAGE_BYTES).to_owned()));
        } else {
            self.messages_dropped = self.messages_dropped.saturating_add(1);
        }
    }
}

impl CallState {
    /// Bytes of all linear memories together. Memories never shrink, so at the end this is the most there was.
    pub(crate) fn memory_used(&self, limits: &Limits) -> usize {
        limits.memory_bytes().saturating_sub(self.memory_left)
    }

    /// What the guest can change through WASI.
    pub(crate) fn world(&mut self) -> &mut World {
        self.world.get_or_insert_default()
    }

    /// Passes the call's messages on to the host's log, under the policy's name.
    pub(crate) fn publish_messages(&mut self, policy: &str) {
        for (level, message) in self.messages.drain(..) {
            match level {
                logging::Level::Debug => tracing::debug!(policy, message, "policy log"),
                logging::Level::Info => tracing::info!(policy, message, "policy log"),
                logging::Level::Warn => tracing::warn!(policy, message, "policy log"),
                logging::Level::Error => tracing::error!(policy, message, "policy log"),
            }
        }
        if let Some(world) = &mut self.world {
            let (stdout, stderr) = world.printed();
            if let Some(message) = stdout {
                tracing::info!(policy, message, "policy stdout");
            }
            if let Some(message) = stderr {
                tracing::warn!(policy, message, "policy stderr");
            }
        }
        if self.messages_dropped > 0 {
            tracing::warn!(policy, dropped = self.messages_dropped, "policy log flooded");
        }
    }
}
