//! The pure part of NetMARKS: applications, flows, placement, snapshots and the arithmetic of scores.
//!
//! Nothing here does I/O or knows of a runtime, so all of it is tested with plain values. The direction is
//! fixed: sources fill an [`index::Index`], the extender reads [`snapshot::Snapshot`]s of it, [`request`] gathers
//! what a policy asked for, the engine has the policy score it, and [`compose`] turns the raw scores into what
//! kube-scheduler expects.

#![forbid(unsafe_code)]

pub mod application;
pub mod assumed;
pub mod bounded;
pub mod clock;
pub mod combine;
pub mod compose;
pub mod digest;
pub mod environment;
pub mod errors;
pub mod expected;
pub mod facts;
pub mod flow;
pub mod freshness;
pub mod go_json;
pub mod idle;
pub mod index;
pub mod names;
pub mod native;
pub mod needs;
pub mod pod;
pub mod pod_identity;
pub mod printable;
pub mod quantity;
pub mod request;
pub mod requests;
pub mod revision;
pub mod round_trips;
mod rows;
pub mod rules;
pub mod snapshot;
pub mod target;
pub mod units;
pub mod why;
pub mod workload;
pub mod yaml;
