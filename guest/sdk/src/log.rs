//! Sends messages to the host's log.
//!
//! Never blocks: the host keeps at most 16 messages of 1 KiB per call and drops the rest. In native tests messages go
//! nowhere.

use crate::bindings::netmarks::policy::logging::{Level, log};

fn send(level: Level, message: &str) {
    // Natively there is no host to import the function from, and calling it would panic.
    if cfg!(target_family = "wasm") {
        log(level, message);
    }
}

/// What helps the policy's author only.
pub fn debug(message: &str) {
    send(Level::Debug, message);
}

/// What an operator may want to know.
pub fn info(message: &str) {
    send(Level::Info, message);
}

/// What an operator should look at some day.
pub fn warn(message: &str) {
    send(Level::Warn, message);
}

/// What an operator should look at now.
pub fn error(message: &str) {
    send(Level::Error, message);
}
