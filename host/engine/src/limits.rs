//! What one policy may use.
//!
//! Apart because every limit is a promise to the operator, with its reason beside its default.

use std::time::Duration;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The limits of one policy. All hold for each call on its own, since every call has a store of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Linear memory of one call in MiB, over all memories of the component. NetMARKS uses less than 2 at 5,000
    /// nodes; at most [`Limits::MOST_MEMORY_MIB`].
    #[garde(range(min = 1, max = Limits::MOST_MEMORY_MIB))]
    pub memory_mib: u32,
    /// Wall-clock time of one call in milliseconds. kube-scheduler waits meanwhile, its own default is 5 s; a good
    /// policy needs a tenth of a millisecond.
    #[garde(range(min = 1, max = Limits::MOST_DEADLINE_MS))]
    pub deadline_ms: u64,
    /// Bytes that one call may hand back. 5,000 scores are 40 kB.
    #[garde(range(min = 1, max = Limits::MOST_OUTPUT_KIB))]
    pub output_kib: u32,
    /// Size of the artefact in MiB. Rust and C policies are tens of kB; interpreted languages bring megabytes.
    #[garde(range(min = 1, max = Limits::MOST_ARTEFACT_MIB))]
    pub artefact_mib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mib: 64, deadline_ms: 50, output_kib: 1_024, artefact_mib: 64 }
    }
}

impl Limits {
    /// The engine reserves address space for memories of this size, so no policy may ask for more.
    pub const MOST_MEMORY_MIB: u32 = 256;

    /// Twice as long as kube-scheduler waits for an extender by default. A policy that answers pods needs a deadline
    /// below the request's own timeout, which the configuration checks where it knows both; shadows, trials and tests
    /// on busy machines may take longer.
    pub const MOST_DEADLINE_MS: u64 = 10_000;

    /// 64 MiB: more than a thousand times the scores of the largest cluster, and what one call may cost the host.
    pub const MOST_OUTPUT_KIB: u32 = 65_536;

    /// Ten times the largest interpreter with its libraries; an artefact is held in memory while it is compiled.
    pub const MOST_ARTEFACT_MIB: u32 = 512;

    /// Most elements of a table: function pointers, of which interpreters have some tens of thousands.
    pub const TABLE_ELEMENTS: usize = 100_000;

    /// Deepest stack of a guest: four times wasmtime's default would still fit a thread's own.
    pub const STACK_BYTES: usize = 512 * 1024;

    /// Log messages kept of one call, and the bytes kept of each.
    pub const LOG_MESSAGES: usize = 16;
    /// See [`Self::LOG_MESSAGES`].
    pub const LOG_MESSAGE_BYTES: usize = 1_024;

    /// The deadline.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms.max(1))
    }

    /// Linear memory in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory_mib.clamp(1, Self::MOST_MEMORY_MIB) as usize * 1024 * 1024
    }

    /// Output in bytes.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.output_kib.max(1) as usize * 1024
    }

    /// Artefact size in bytes.
    #[must_use]
    pub fn artefact_bytes(&self) -> usize {
        self.artefact_mib.max(1) as usize * 1024 * 1024
    }
}
