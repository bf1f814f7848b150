//! The model through its public functions.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod counting;
mod filters;
mod hostile;
mod requests;
mod sampling;
mod scores;
mod support;
