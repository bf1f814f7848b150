//! What a cluster would gain: the pods of a snapshot are placed again, under several arms, and the placements compared.
//!
//! A [`World`] is a snapshot as the model of kube-scheduler and the policies see it. An [`Arm`] says who decides: the stock
//! scheduler alone, the scheduler with a set of policies behind one of its doors, or a yardstick. [`simulate`] runs all arms on the same
//! seeds. Policies are asked by `scoring::Scorer`, the code that answers requests; nodes are filtered and scored by
//! `scheduler-model`; what a placement is worth, `placement` says.

#![forbid(unsafe_code)]

mod admission;
mod arm;
mod declared;
mod extender;
mod headlines;
pub mod labels;
pub mod page;
mod placer;
mod rehearsal;
mod remarks;
mod report;
mod runs;
mod world;

pub use arm::{Arm, Decider, PolicyDoor};
pub use rehearsal::{Rehearsal, Replacement};
pub use report::{Conditions, SimulationReport};
pub use runs::{Progress, SimulationOptions, simulate};
pub use world::{EmptyCluster, World, WorldError};
