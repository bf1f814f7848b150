//! Policies that break a property: it is found, it alone, and the report says what happened.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use crate::support::{built, patient};
use netmarks_engine::Limits;
use netmarks_policy_testing::{Conformance, ConformanceReport, Error, Policy, Property};

fn broken(policy: &Policy) -> Vec<Property> {
    let report = policy.run_conformance(&Conformance::default()).unwrap();
    let failed = report.properties.iter().filter(|property| property.failed > 0);
    failed.map(|property| property.property).collect()
}

fn unfair(fault: &str) -> Policy {
    built("unfair").unwrap().parameter("fault", fault)
}

#[test]
fn each_broken_property_is_found_and_no_other() {
    for (fault, property) in [
        ("node-order", Property::NodeOrder),
        ("explanation", Property::Explanations),
        ("peer", Property::Explanations),
        ("edge", Property::Answers),
        ("at-limit", Property::Parameters),
    ] {
        let policy = unfair(fault);
        let expected = if fault == "edge" {
            // Whatever the parameters are.
            vec![Property::Answers, Property::Parameters]
        } else {
            vec![property]
        };
        assert_eq!(broken(&policy), expected, "{fault}");
    }
    assert_eq!(broken(&unfair("none")), []);
}

#[test]
fn a_policy_that_is_too_slow_or_takes_too_much_memory_is_found() {
    let slow = unfair("slow").limits(Limits { deadline_ms: 200, ..patient() });
    assert_eq!(broken(&slow), [Property::Limits]);
    let hoarding =
        built("hostile").unwrap().parameter("behaviour", "overrun").parameter("candidates", 5_000.0);
    let report = hoarding.run_conformance(&Conformance::default()).unwrap();
    let limits = report.properties.iter().find(|result| result.property == Property::Limits).unwrap();
    assert!(limits.examples.iter().any(|example| example.contains("bytes of memory")), "{limits:?}");
}

#[test]
fn numbers_that_are_none_are_found() {
    // All that its parameters allow is tried, and some of it never ends.
    let hostile = built("hostile").unwrap().limits(Limits { deadline_ms: 100, memory_mib: 8, ..patient() });
    for behaviour in ["nan", "infinity", "short", "long", "error"] {
        let policy = hostile.clone().parameter("behaviour", behaviour).parameter("candidates", 4.0);
        assert!(broken(&policy).contains(&Property::Answers), "{behaviour}");
    }
}

#[test]
fn the_error_is_the_report() {
    let error = unfair("node-order").conformance().unwrap_err();
    let text = error.to_string();
    assert_eq!(format!("{error:?}"), text, "a test that returns it shows it");
    let Error::Conformance(report) = error else { unreachable!("not conformant") };
    let node_order = report.properties.iter().find(|result| result.property == Property::NodeOrder).unwrap();
    assert!(node_order.examples.len() == 3 && node_order.failed > 3, "the rest is counted: {node_order:?}");
    let line = "FAIL  does not mind the order of the nodes (";
    assert!(text.contains(line) && text.contains("` scored "), "{text}");
    assert!(text.ends_with("unfair: 1 of 7 properties do not hold (seed 1)"), "{text}");
}

#[test]
fn a_seed_gives_the_same_scenarios_and_another_gives_others() {
    let policy = unfair("node-order");
    let examples = |seed| -> Vec<String> {
        let ConformanceReport { properties, .. } =
            policy.run_conformance(&Conformance { seed, scenarios: 40 }).unwrap();
        properties.iter().flat_map(|result| [result.failed.to_string(), result.tried.to_string()]).collect()
    };
    assert_eq!(examples(7), examples(7));
    assert_ne!(examples(7), examples(8));
}
