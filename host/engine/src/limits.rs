//! What one policy may use: defaults, bounds and the one check of them, each number with its reason.

use std::time::Duration;

use garde::Validate;
use netmarks_core::rules::{self, BrokenRule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The limits of one policy. All hold for each call on its own, since every call has a store of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Linear memory of one call in MiB, over all memories of the component. NetMARKS uses less than 2 at 5,000
    /// nodes.
    #[garde(range(min = 1, max = Limits::MOST_MEMORY_MIB))]
    #[schema(required)]
    pub memory_mib: u32,
    /// Wall-clock time of one call in milliseconds. A good policy needs a tenth of one.
    #[garde(range(min = 1, max = Limits::MOST_DEADLINE_MS))]
    #[schema(required)]
    pub deadline_ms: u64,
    /// What one call may hand back in KiB. 5,000 scores are 40 kB.
    #[garde(range(min = 1, max = Limits::MOST_OUTPUT_KIB))]
    #[schema(required)]
    pub output_kib: u32,
    /// Size of the artefact in MiB. Rust and C policies are tens of kB; interpreted languages bring megabytes.
    #[garde(range(min = 1, max = Limits::MOST_ARTEFACT_MIB))]
    #[schema(required)]
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

    /// Log messages kept of one call; the others are counted.
    pub const LOG_MESSAGES: usize = 16;
    /// Bytes kept of each log message, and of what is printed.
    pub const LOG_MESSAGE_BYTES: usize = 1_024;

    /// Checks every limit against its bounds.
    ///
    /// # Errors
    /// For the first limit that is outside.
    pub fn validate(&self) -> Result<(), BrokenRule> {
        rules::check(self).map_err(|rule| BrokenRule { key: format!("limits.{}", rule.key), ..rule })
    }

    /// `deadline_ms` as a duration.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// `memory_mib` in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory_mib as usize * 1024 * 1024
    }

    /// `output_kib` in bytes.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.output_kib as usize * 1024
    }

    /// `artefact_mib` in bytes.
    #[must_use]
    pub fn artefact_bytes(&self) -> usize {
        self.artefact_mib as usize * 1024 * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_checked_at_both_ends() {
        let default = Limits::default();
        let most = Limits {
            memory_mib: Limits::MOST_MEMORY_MIB,
            deadline_ms: Limits::MOST_DEADLINE_MS,
            output_kib: Limits::MOST_OUTPUT_KIB,
            artefact_mib: Limits::MOST_ARTEFACT_MIB,
        };
        let least = Limits { memory_mib: 1, deadline_ms: 1, output_kib: 1, artefact_mib: 1 };
        for within in [default, most, least] {
            assert_eq!(within.validate(), Ok(()));
        }
        for (outside, says) in [
            (Limits { memory_mib: 0, ..default }, "`limits.memory_mib` must be from 1 to 256"),
            (Limits { memory_mib: 257, ..default }, "`limits.memory_mib` must be from 1 to 256"),
            (Limits { deadline_ms: 0, ..default }, "`limits.deadline_ms` must be from 1 to 10000"),
            (Limits { deadline_ms: 10_001, ..default }, "`limits.deadline_ms` must be from 1 to 10000"),
            (Limits { output_kib: 65_537, ..default }, "`limits.output_kib` must be from 1 to 65536"),
            (Limits { artefact_mib: 513, ..default }, "`limits.artefact_mib` must be from 1 to 512"),
        ] {
            assert_eq!(outside.validate().unwrap_err().to_string(), says);
        }
    }
}
