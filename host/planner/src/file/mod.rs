//! The plan file: which pods to move, in which order, and what was assumed.
//!
//! `format` has the types, `check` what is refused, `storage` reading and writing.

mod check;
mod error;
mod format;
mod storage;

pub use error::{PlanContentError, PlanFileError};
pub use format::{Conditions, Controller, Gain, MadeFrom, Plan, PlannedMove, Risk, VERSION};

#[cfg(test)]
mod tests;
