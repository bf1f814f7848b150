//! Which running pods to move where.
//!
//! A [`Plan`] is an ordered list of moves, written to a file by whoever made it and read by whoever carries it out.

#![forbid(unsafe_code)]

mod file;

pub use file::{
    Conditions, Controller, Gain, MadeFrom, Plan, PlanContentError, PlanFileError, PlannedMove, Risk, VERSION,
};
