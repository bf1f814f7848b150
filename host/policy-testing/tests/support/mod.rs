//! The policies and fixtures that `cargo xtask guests` builds.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]

use netmarks_policy_testing::{Error, Policy};
use netmarks_test_tools::repository::{guest_file, policy_file};

/// A committed policy. The machine that runs the tests also compiles: only a policy that never ends misses this
/// deadline.
pub fn committed(name: &str) -> Result<Policy, Error> {
    Ok(Policy::from_file(policy_file(name))?.limits(patient()))
}

/// A policy or fixture that was built from source just now.
pub fn built(name: &str) -> Result<Policy, Error> {
    Ok(Policy::from_file(guest_file(name))?.limits(patient()))
}

pub fn patient() -> netmarks_engine::Limits {
    netmarks_engine::Limits { deadline_ms: 10_000, ..netmarks_engine::Limits::default() }
}
