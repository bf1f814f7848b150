//! Errors of wasmtime as text, so that no other crate needs wasmtime to read them.

use std::fmt;

use crate::excerpt::one_line;
use netmarks_core::bounded::beginning;

/// Most bytes that are taken of what another process says.
const MESSAGE_BYTES: usize = 2_048;

/// An error of wasmtime, with its whole chain in one line.
#[derive(Debug)]
pub struct EngineError(String);

impl EngineError {
    pub(crate) fn new(error: &wasmtime::Error) -> Self {
        Self(error.chain().map(|cause| one_line(&cause.to_string())).collect::<Vec<_>>().join(": "))
    }

    /// What the compiling process said of wasmtime's error.
    pub(crate) fn text(said: &str) -> Self {
        Self(one_line(beginning(said, MESSAGE_BYTES)))
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}
