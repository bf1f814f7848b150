//! Policies from Kubernetes: the ScoringPolicy resource, its status and events, and who may change policies.

pub mod access;
pub mod conditions;
pub mod crd;
pub mod resource;
pub mod status;
mod text;
