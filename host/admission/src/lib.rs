//! The door for the API server: a mutating webhook that adds preferred node affinity to a pod as it is created.
//!
//! kube-scheduler then does the rest, with its own configuration untouched. [`review`] is the protocol, [`terms`] what is preferred of what
//! was scored, [`patch`] how it is written into the pod; none of them does I/O. [`Admission`] puts them together over the live cluster,
//! and [`Admission::router`] serves it. Whatever happens, the pod is allowed.
#![forbid(unsafe_code)]

mod assumed;
mod candidates;
mod config;
mod decide;
mod door;
mod left_alone;
mod metrics;
mod outcome;
pub mod patch;
mod prefer;
pub mod review;
mod reviewed;
mod routes;
mod saving;
pub mod terms;

pub use candidates::Model;
pub use config::{AdmissionConfig, AdmissionConfigError, Mode};
pub use decide::Decided;
pub use door::Admission;
pub use left_alone::left_alone;
pub use metrics::AdmissionMetrics;
pub use outcome::Outcome;
pub use prefer::{Preferred, Preferring};
pub use reviewed::ReviewedPod;
