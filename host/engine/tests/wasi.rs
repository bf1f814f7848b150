//! The grant `wasi`: what a guest that calls WASI can learn and do, which is nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::{Duration, Instant};

use crate::support::{ENGINE, guest, kind, patient, text, word};
use netmarks_core::errors::chain;
use netmarks_core::request::PolicyRequest;
use netmarks_engine::{Artefact, Grant, Inspection, Limits, Policy, PolicyError, RunSettings};

fn load_granted(bytes: &[u8], behaviour: &str, limits: Limits) -> Result<Policy, PolicyError> {
    let settings = RunSettings {
        parameters: [("behaviour".to_owned(), word(behaviour))].into(),
        limits,
        grants: [Grant::Wasi].into(),
    };
    Policy::load(&ENGINE, Artefact::new("wasi", bytes), &settings)
}

fn policy(behaviour: &str) -> Policy {
    load_granted(&guest("wasi"), behaviour, patient()).unwrap()
}

/// At four candidates the fixture behaves as told.
fn request() -> PolicyRequest {
    PolicyRequest { candidates: 4, nodes: 4, ..PolicyRequest::default() }
}

fn score(behaviour: &str) -> Vec<f64> {
    policy(behaviour).score(&request()).unwrap()
}

#[test]
fn without_the_grant_an_import_is_refused_and_the_message_says_what_would_allow_it() {
    let error = crate::support::load("wasi", &guest("wasi")).unwrap_err();
    assert_eq!(kind(&error), ("check", "forbidden-import"));
    let chain = chain(&error);
    assert!(chain.contains("`wasi:") && chain.contains("(the grant `wasi` would allow it)"), "{chain}");
}

#[test]
fn the_grant_is_for_version_0_2_of_wasi_and_for_nothing_else() {
    for (name, refused, says) in [
        (
            "foreign-import",
            "forbidden-import",
            "`evil:host/run@1.0.0`, which is not granted; a policy may import only",
        ),
        (
            "wasi-next-import",
            "wasi-version",
            "`wasi:cli/environment@0.3.0`; this host has WASI 0.2 (any 0.2.x, by the grant `wasi`) and no other version",
        ),
        (
            "wasi-async-import",
            "wasi-version",
            "`wasi:cli/types@0.3.0`; this host has WASI 0.2 (any 0.2.x, by the grant `wasi`) and no other version",
        ),
    ] {
        let error = load_granted(&text(name), "quiet", Limits::default()).unwrap_err();
        assert_eq!(kind(&error), ("check", refused), "{name}");
        assert!(chain(&error).contains(says), "{}", chain(&error));
        assert!(!chain(&error).contains("would allow it"), "{}", chain(&error));
    }
}

#[test]
fn another_version_of_wasi_is_named_with_and_without_the_grant_and_when_inspected() {
    let bytes = text("wasi-async-import");
    let error = crate::support::load("wasi", &bytes).unwrap_err();
    assert_eq!(kind(&error), ("check", "wasi-version"));
    let seen = Inspection::of(&ENGINE, Artefact::new("wasi", &bytes), &RunSettings::default());
    assert_eq!(seen.imports, ["wasi:cli/types@0.3.0", "wasi:cli/stdout@0.3.0"]);
    assert_eq!(kind(&seen.refused.unwrap()), ("check", "wasi-version"));
}

#[test]
fn there_is_nothing_to_learn() {
    for (behaviour, learnt) in [("quiet", 0.0), ("environment", 0.0), ("stdin", 0.0), ("clocks", 0.0)] {
        assert_eq!(score(behaviour), [learnt; 4], "{behaviour}");
    }
}

#[test]
fn random_numbers_are_the_same_in_every_call() {
    let policy = policy("random");
    let first = policy.score(&request()).unwrap();
    assert!(first[0] > 1.0);
    assert_eq!(policy.score(&request()).unwrap(), first);
    assert_eq!(score("random"), first);
}

#[test]
fn whoever_sleeps_for_an_hour_wakes_at_once() {
    let begun = Instant::now();
    assert_eq!(score("sleep"), [1.0; 4]);
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn whoever_waits_for_the_clock_misses_the_deadline() {
    let limits = Limits { deadline_ms: 40, ..Limits::default() };
    let policy = load_granted(&guest("wasi"), "spin", limits).unwrap();
    assert_eq!(kind(&policy.score(&request()).unwrap_err()), ("score", "deadline"));
}

#[test]
fn whoever_wants_something_is_stopped_and_the_message_says_what() {
    for (behaviour, says) in [
        ("network", "it called `wasi:sockets/instance-network#instance-network`, and nothing is behind that"),
        ("socket", "`wasi:sockets/tcp-create-socket#create-tcp-socket`"),
        ("exit", "it exited"),
        ("handles", "too many streams and events"),
        ("random-flood", "too many random bytes"),
    ] {
        let error = policy(behaviour).score(&request()).unwrap_err();
        assert_eq!(kind(&error), ("score", "wasi"), "{behaviour}: {}", chain(&error));
        assert!(chain(&error).contains(says), "{}", chain(&error));
    }
    // A handle that nobody gave it: refused by wasmtime before any function of ours.
    let error = policy("forged-folder").score(&request()).unwrap_err();
    assert_eq!(kind(&error).0, "score", "{}", chain(&error));
}

#[test]
fn printing_works() {
    assert_eq!(score("print"), [1.0; 4]);
}
