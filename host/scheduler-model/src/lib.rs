//! kube-scheduler's filters and scores as pure functions: where could a pod run, and where would it?
//!
//! A [`Cluster`] holds nodes and how many pods of each kind are on them. A [`Pod`] is compiled once into a
//! [`Template`]; pods that differ in nothing but their name share one. The questions are functions:
//! [`Cluster::feasible`] says which nodes a pod could run on, and why not on the others; a [`Scheduler`] decides as
//! kube-scheduler 1.36 does with its default profile, and answers with the scores of each plugin.
//!
//! `docs/scheduler-model.md` lists what is modelled, what is left out, and how the model is held to the real program.

#![forbid(unsafe_code)]

mod left_out;
mod node;
mod objects;
mod pod;
mod requests;
mod resources;

pub use left_out::LeftOut;
pub use node::Node;
pub use objects::{Owner, Service, Workload};
pub use pod::{HostPort, Pod, Volume};
pub use resources::ResourceList;
