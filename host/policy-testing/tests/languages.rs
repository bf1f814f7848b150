//! The example policies in other languages: their cases, and what must hold for every policy.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use netmarks_engine::{Grant, Limits};
use netmarks_policy_testing::{Cases, Policy};
use netmarks_test_tools::repository;
use netmarks_test_tools::repository::guest_file;

/// A component that `cargo xtask guests` made of an example. Its deadline is patient: how fast it is on an idle machine is for
/// `cargo xtask figures` to say, and here all of them run at once.
fn component(name: &str) -> Policy {
    Policy::from_file(guest_file(name))
        .unwrap_or_else(|error| panic!("{error}; `cargo xtask test --only guests` builds it"))
        .limits(Limits { deadline_ms: 2_000, ..Limits::default() })
}

fn keeps_its_promises(policy: &Policy, example: &str) {
    let cases = Cases::read(&repository("policies/examples").join(example).join("cases.yaml")).unwrap();
    assert!(cases.len() >= 3);
    let report = policy.run_cases(&cases);
    assert_eq!(report.failures(), 0, "{report}");
    let report = policy.run_conformance(&netmarks_policy_testing::Conformance::default()).unwrap();
    assert_eq!(report.failures(), 0, "{report}");
}

#[test]
fn c() {
    keeps_its_promises(&component("c-pack"), "c-pack");
}

#[test]
fn javascript() {
    keeps_its_promises(&component("js-even-zones"), "js-even-zones");
}

#[test]
fn python() {
    keeps_its_promises(&component("python-balanced-fit"), "python-balanced-fit");
}

/// The same source with all of CPython's imports, which the grant answers.
#[test]
fn python_with_the_grant_wasi() {
    let policy = component("python-balanced-fit-wasi").grant(Grant::Wasi);
    keeps_its_promises(&policy, "python-balanced-fit");
}

#[test]
fn python_without_the_grant_is_refused() {
    let cases = repository("policies/examples/python-balanced-fit/cases.yaml");
    let policy = component("python-balanced-fit-wasi");
    let report = policy.run_cases(&Cases::read(&cases).unwrap()).to_string();
    assert!(report.contains("the grant `wasi` would allow it"), "{report}");
}
