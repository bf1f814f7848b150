//! The target placement: where pods should be, seen as a whole, so that every rollout, scale-up and eviction that happens anyway
//! brings the cluster nearer. Nothing is moved for it.
//!
//! [`Keeper`] looks at the live cluster at fixed instants. When traffic, replicas or nodes changed enough, it searches a placement
//! (`netmarks_placement`) on a thread in the background and hands it to the cluster state, from where policies are told about it as
//! `node.target`. Every step that a replica of this program takes follows from what it sees and from a fixed seed, so that replicas
//! that see the same agree.
#![forbid(unsafe_code)]

mod change;
mod config;
mod digest;
mod inventory;
mod keeper;
mod waiting;

pub use config::{TargetConfig, TargetRouting};
pub use inventory::{Scene, Target};
pub use keeper::{Keeper, search};
pub use waiting::too_large;
