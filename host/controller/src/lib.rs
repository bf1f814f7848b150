//! Policies from Kubernetes: the ScoringPolicy resource, its status and events, and who may change policies.
//!
//! - [`resource`], [`status`], [`crd`]: the resource, and its definition for the cluster.
//! - [`Controller`]: brings the resources of a namespace into the registry of policies, and says what became of them.
//! - [`access`]: asks the API server who may change policies by other ways.
//!
//! # How it works
//!
//! [`Controller`] keeps a worker for each resource. A worker asks `decide` what to do, fetches, submits, and writes its
//! replica's entry; from all entries, `conditions` computes what holds for the policy as a whole, and whoever sees a
//! difference writes it. Nothing that fails here touches what is in use.
//!
//! # Bounds
//!
//! | What | Bound |
//! |---|---|
//! | resources | 128 workers; the registry itself takes fewer policies |
//! | components in memory on their way | 4, each as large as [`netmarks_artefacts::FetchConfig::max_bytes`] |
//! | pauses after failures | 1 s, doubling to 5 min |
//! | entries of replicas | dropped after 3 min of silence |
//! | permissions remembered | 1,024, for 10 s |
//! | messages and notes | 1 KiB |

#![forbid(unsafe_code)]

pub mod access;
mod apply;
pub mod conditions;
mod config;
mod config_map;
mod controller;
pub mod crd;
mod decide;
mod events;
mod problem;
mod replicas;
pub mod resource;
mod source;
pub mod status;
mod text;
mod wish;
mod worker;

pub use config::KubernetesPolicies;
pub use controller::{Controller, ControllerSettings};
