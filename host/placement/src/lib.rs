//! What a placement of pods is worth, in figures, and the orders in which pods are placed.
//!
//! An [`Inventory`] holds what there is to place: nodes, applications with their pods, and the traffic between applications. A
//! [`Placement`] says where each pod is. [`figures`] judges one placement; a [`Study`] puts repetitions of several arms beside
//! one another, with intervals. Who decides where a pod goes is the caller's: this crate knows no scheduler and no policy.

#![forbid(unsafe_code)]

mod affinity;
mod balance;
mod between;
mod figures;
mod goal;
mod interval;
mod inventory;
mod load;
mod locality;
mod occupancy;
mod order;
mod plan;
mod response;
mod search;
mod study;

pub use affinity::{gained_affinity, gained_bytes, kept_bytes};
pub use balance::{Balance, Concentration};
pub use between::{Between, between_nodes};
pub use figures::{Assumptions, Figure, Figures, Prices, figures};
pub use goal::{Budget, Effort, Goal, Move, Packed, cap};
pub use interval::Interval;
pub use inventory::{Flow, Inventory, Node, Placement, Pod, Traffic};
pub use load::busiest;
pub use locality::{Distance, Locality, Routing, locality};
pub use occupancy::Occupancy;
pub use order::{Order, Placer, place_all};
pub use plan::plan;
pub use response::{Latencies, Quantiles};
pub use search::pack;
pub use study::{ArmReport, FigureReport, Repetition, Study};
