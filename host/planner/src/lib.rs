//! Which running pods to move where.
//!
//! A [`Plan`] is an ordered list of moves, written to a file by whoever made it and read by whoever carries it out. [`make_plan`] makes
//! one for a [`Subject`]: a search that sees the whole cluster proposes moves, and each is rehearsed against the model of
//! kube-scheduler in its turn. It is taken only if kube-scheduler would put the replacement there, or somewhere as good.

#![forbid(unsafe_code)]

mod advice;
mod curve;
mod error;
mod file;
mod groups;
mod limits;
mod make;
mod patches;
mod remarks;
mod routing;
mod stays;
mod subject;
mod trial;
mod worth;

pub use error::PlanError;
pub use file::{
    Advice, Conditions, Controller, CurvePoint, Gain, LeftOutPods, MadeFrom, Obstacle, Plan,
    PlanContentError, PlanEnd, PlanFileError, PlanReport, PlannedMove, Preference, Risk, ServiceRouting,
    Standing, VERSION,
};
pub use limits::Limits;
pub use make::{PlanOptions, PlanProgress, make_plan};
pub use patches::patches;
pub use routing::{AssumedRouting, Mesh};
pub use subject::Subject;

#[cfg(test)]
mod tests;
