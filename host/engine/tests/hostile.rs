//! Guests that break every rule: each is refused or stopped, with an error that names policy, stage and cause.

use std::time::{Duration, Instant};

use crate::support::{guest, kind, load, load_with, patient, text, word, worked_example};
use netmarks_core::errors::chain;
use netmarks_engine::{Engine, EngineSettings, Limits, Policy, PolicyError, RunSettings, Tick};

/// The hostile fixture, which is well behaved for the three candidates of the trial and then as told.
fn hostile(behaviour: &str, when: &str, limits: Limits) -> Result<Policy, PolicyError> {
    let parameters = [
        ("behaviour", word(behaviour)),
        ("when", word(when)),
        ("candidates", netmarks_engine::ParameterValue::Number(4.0)),
    ];
    load_with("hostile", &guest("hostile"), &parameters, limits)
}

/// Patient: on a busy machine nothing but a guest that never ends may miss this deadline.
fn small() -> Limits {
    Limits { memory_mib: 32, output_kib: 256, ..patient() }
}

/// For guests that never end: the sooner they are stopped, the better.
fn limits_for(cause: &str) -> Limits {
    if cause == "deadline" { Limits { deadline_ms: 40, ..small() } } else { small() }
}

#[test]
fn what_is_not_a_policy_is_refused_before_it_runs() {
    for (name, bytes, expected, says) in [
        ("core-module", text("core-module"), ("check", "core-module"), "is a core WebAssembly module"),
        ("lacks-export", text("lacks-export"), ("check", "missing-export"), "it exports nothing"),
        ("wrong-version", text("wrong-version"), ("check", "wrong-version"), "scoring@0.2.0"),
        ("foreign-import", text("foreign-import"), ("check", "forbidden-import"), "`evil:host/run@1.0.0`"),
        ("wasi-import", text("wasi-import"), ("check", "forbidden-import"), "`wasi:cli/environment@0.2.6`"),
        ("garbage", b"not wasm at all".to_vec(), ("check", "not-wasm"), "not a WebAssembly component"),
        ("empty-file", Vec::new(), ("check", "not-wasm"), "not a WebAssembly component"),
        ("cut-off", guest("netmarks")[..2_000].to_vec(), ("compile", "refused"), "wasmtime refused it"),
    ] {
        let error = load(name, &bytes).unwrap_err();
        assert_eq!(kind(&error), expected, "{name}");
        let chain = chain(&error);
        assert!(chain.starts_with(&format!("policy `{name}` failed at {}: ", expected.0)), "{chain}");
        assert!(chain.contains(says), "{chain}");
        assert!(!chain.contains('\n'), "one line: {chain}");
    }
}

#[test]
fn limits_outside_their_bounds_are_refused_before_anything_runs() {
    for limits in [Limits { deadline_ms: 0, ..patient() }, Limits { memory_mib: 1_024, ..patient() }] {
        assert_eq!(kind(&hostile("ok", "never", limits).unwrap_err()), ("check", "limits"));
    }
}

#[test]
fn an_artefact_over_the_size_limit_is_not_even_looked_at() {
    let limits = Limits { artefact_mib: 1, ..Limits::default() };
    let error = load_with("large", &vec![0; 1024 * 1024 + 1], &[], limits).unwrap_err();
    assert_eq!(kind(&error), ("check", "too-large"));
}

#[test]
fn a_description_that_breaks_the_contract_is_refused() {
    for (name, expected) in [
        ("bad-need", ("describe", "need")),
        ("bad-other-nodes", ("describe", "need")),
        ("bad-parameter", ("describe", "description")),
        ("trap-describe", ("describe", "trap")),
        ("spin-describe", ("describe", "deadline")),
        ("huge-describe", ("describe", "output")),
    ] {
        let error = load_with(name, &guest(name), &[], limits_for(expected.1)).unwrap_err();
        assert_eq!(kind(&error), expected, "{}", chain(&error));
    }
}

#[test]
fn a_policy_that_fails_its_check_or_its_trial_never_becomes_live() {
    for (behaviour, cause) in
        [("trap", "trap"), ("spin", "deadline"), ("error", "said"), ("overrun", "memory")]
    {
        let error = hostile(behaviour, "check", limits_for(cause)).unwrap_err();
        assert_eq!(kind(&error), ("configure", cause), "{}", chain(&error));
        let parameters = [("behaviour", word(behaviour))];
        let error = load_with("hostile", &guest("hostile"), &parameters, limits_for(cause)).unwrap_err();
        assert_eq!(kind(&error), ("trial", cause), "{}", chain(&error));
    }
    let error = hostile("no-such-behaviour", "score", small()).unwrap_err();
    assert_eq!(kind(&error), ("configure", "parameter"));
}

#[test]
fn a_live_policy_that_goes_wrong_is_stopped_and_the_next_call_is_clean() {
    for (behaviour, cause, says) in [
        ("trap", "trap", "it trapped"),
        ("spin", "deadline", "missed its deadline of 40ms"),
        ("log-then-spin", "deadline", "missed its deadline"),
        ("overrun", "memory", "more than its 33554432 bytes"),
        ("recurse", "stack", "exhausted its stack"),
        ("nan", "not-finite", "candidate 0 is NaN"),
        ("infinity", "not-finite", "candidate 0 is inf"),
        ("minus-infinity", "not-finite", "candidate 0 is -inf"),
        ("short", "wrong-length", "3 scores for 4 candidates"),
        ("long", "wrong-length", "5 scores for 4 candidates"),
        ("none", "wrong-length", "0 scores for 4 candidates"),
        ("huge-list", "output", "at most 262144 bytes"),
        ("huge-error", "output", "at most 262144 bytes"),
        ("error", "said", "it said: told to fail"),
    ] {
        let policy = hostile(behaviour, "score", limits_for(cause)).unwrap();
        let error = policy.score(&worked_example()).unwrap_err();
        assert_eq!(kind(&error), ("score", cause), "{behaviour}: {}", chain(&error));
        assert!(chain(&error).contains(says), "{}", chain(&error));
        // Below four candidates it behaves: nothing of the faulty call is left.
        let mut few = worked_example();
        few.candidates = 3;
        assert_eq!(policy.score(&few).unwrap(), [1.0; 3], "{behaviour}");
    }
}

#[test]
fn a_flooded_log_and_a_hoard_within_the_limit_cost_the_policy_nothing_but_its_messages() {
    for behaviour in ["flood-log", "hoard"] {
        let policy = hostile(behaviour, "score", small()).unwrap();
        assert_eq!(policy.score(&worked_example()).unwrap(), [1.0; 4], "{behaviour}");
    }
    let policy = hostile("huge-log", "score", small()).unwrap();
    let error = policy.score(&worked_example()).unwrap_err();
    assert_eq!(kind(&error), ("score", "output"), "{}", chain(&error));
}

#[test]
fn explanations_are_bounded_too() {
    for (behaviour, cause) in
        [("huge-string", "output"), ("huge-list", "output"), ("nan", "not-finite"), ("spin", "deadline")]
    {
        let policy = hostile(behaviour, "explain", limits_for(cause)).unwrap();
        let error = policy.explain(&worked_example(), 0).unwrap_err();
        assert_eq!(kind(&error), ("explain", cause), "{behaviour}: {}", chain(&error));
        assert_eq!(policy.score(&worked_example()).unwrap(), [1.0; 4]);
    }
}

#[test]
fn a_table_may_not_grow_without_end() {
    let error = load("big-table", &guest("big-table"));
    assert!(error.is_err(), "a table beyond the limit must not be instantiated");
}

/// The deadline is counted in epochs, so a test can let it pass at a chosen moment, on any machine.
#[test]
fn a_spinning_guest_stops_at_the_epoch_of_its_deadline() {
    let engine = Engine::new(EngineSettings { concurrent_calls: 1, tick: Tick::ByHand }).unwrap();
    let parameters = [
        ("behaviour".to_owned(), word("spin")),
        ("candidates".to_owned(), netmarks_engine::ParameterValue::Number(4.0)),
    ];
    let bytes = guest("hostile");
    let artefact = netmarks_engine::Artefact::new("hostile", &bytes);
    let policy = Policy::load(
        &engine,
        artefact,
        &RunSettings { parameters: parameters.into(), ..RunSettings::default() },
    )
    .unwrap();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| policy.score(&worked_example()));
        let begun = Instant::now();
        while !call.is_finished() {
            assert!(begun.elapsed() < Duration::from_secs(30), "an epoch must end it");
            engine.advance();
            std::thread::yield_now();
        }
        assert_eq!(kind(&call.join().unwrap().unwrap_err()), ("score", "deadline"));
    });
}

#[test]
fn what_a_call_took_is_told_with_the_scores() {
    let honest = hostile("ok", "score", small()).unwrap();
    let (scores, cost) = honest.measure(&worked_example()).unwrap();
    assert_eq!(scores, honest.score(&worked_example()).unwrap());
    assert_eq!(cost.memory_bytes % 65_536, 0, "whole pages");
    assert!((1 << 20..2 << 20).contains(&cost.memory_bytes), "its stack and little else: {cost:?}");
    assert!(!cost.took.is_zero());

    let (_, cost) = hostile("hoard", "score", small()).unwrap().measure(&worked_example()).unwrap();
    assert!((31 << 20..=32 << 20).contains(&cost.memory_bytes), "all that it may have: {cost:?}");
    assert_eq!(
        kind(&hostile("trap", "score", small()).unwrap().measure(&worked_example()).unwrap_err()).1,
        "trap"
    );
}
