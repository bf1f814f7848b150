//! The plan file: which pods to move, in which order, what was assumed, and what it is worth.
//!
//! `format` has the types of the moves, `report` those of their worth, `check` what is refused, `storage` reading and writing.

mod check;
mod error;
mod format;
mod report;
mod storage;

pub use error::{PlanContentError, PlanFileError};
pub use format::{Conditions, Controller, Gain, MadeFrom, Plan, PlannedMove, Risk, VERSION};
pub use report::{
    Advice, CurvePoint, LeftOutPods, Obstacle, PlanEnd, PlanReport, Preference, ServiceRouting, Standing,
};

#[cfg(test)]
mod tests;
