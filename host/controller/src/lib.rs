//! Policies from Kubernetes: the ScoringPolicy resource, its status and events, and who may change policies.
//!
//! - [`resource`], [`status`], [`crd`]: the resource, and its definition for the cluster.
//! - [`Controller`]: brings the resources of a namespace into the registry of policies, and says what became of them.
//! - [`access`]: asks the API server who may change policies by other ways.
//!
//! # How it works
//!
//! kube's controller calls `reconcile` for each resource: when it changes, when its ConfigMap or the registry does, and
//! when something is due. A reconcile asks `decide` what to do, reads the source, submits, and writes its replica's entry.
//! `conditions` computes from all entries what holds for the policy as a whole, and whichever replica sees a difference
//! writes it. `orphans` removes what has no resource any more. Nothing that fails here touches what is in use.
//!
//! # Bounds
//!
//! | What | Bound |
//! |---|---|
//! | resources | 128 are reconciled; the registry itself takes fewer policies |
//! | components in memory on their way | 4, each as large as [`netmarks_artefacts::FetchConfig::max_bytes`] |
//! | pauses after failures | 1 s, doubling to 5 min |
//! | entries of replicas | removed after 3 min without renewal |
//! | permissions remembered | 1,024, for 10 s |
//! | messages and notes | 1 KiB |

#![forbid(unsafe_code)]

pub mod access;
pub mod conditions;
mod config;
mod config_map;
mod context;
mod controller;
pub mod crd;
mod decide;
mod events;
mod failure;
mod liveness;
mod orphans;
mod reconcile;
mod report;
pub mod resource;
mod source;
mod spec;
pub mod status;
mod status_writer;
mod submit;
mod text;

pub use config::KubernetesPolicies;
pub use controller::{Controller, ControllerSettings};
