//! Case files: what is refused, and how a failing case reads.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::error::Error as _;
use std::path::Path;

use crate::support::{built, committed};
use netmarks_core::errors::chain;
use netmarks_policy_testing::{Cases, Cluster, Error, Node, Pod};
use netmarks_test_tools::repository;

const CLUSTER: &str = "
snapshot:
  nodes: {a: {}, b: {}, c: {}, y: {}}
  pods: [{application: shop/cart, on: {a: 2, b: 1}}]
  flows: [{from: shop/web, to: shop/cart, bytes_per_second: 100}]
";

fn parse(rest: &str) -> Result<Cases, String> {
    Cases::parse(&format!("{CLUSTER}{rest}"), Path::new(".")).map_err(|error| chain(&error))
}

fn case(rest: &str) -> Result<Cases, String> {
    parse(&format!("cases: [{{name: one, pod: {{application: shop/web}}, {rest}}}]"))
}

#[test]
fn failures_show_what_was_expected_beside_what_came() {
    let cases = parse(
        "
cases:
  - name: this one is right
    pod: {application: shop/web}
    expect: {order: [a, b, [c, y]], scores: {a: 200}}
  - name: scores differ
    pod: {application: shop/web}
    expect: {scores: {a: 150, b: 100, c: 0.5}}
  - name: the order differs
    pod: {application: shop/web}
    nodes: [a, b, c]
    expect: {order: [b, [a, c]]}
  - name: the best alone, and wrong
    pod: {application: shop/web}
    expect: {order: [b]}
  - name: an error was expected
    pod: {application: shop/web}
    nodes: [a, b]
    expect: {error: {stage: score, message: no way}}
  - name: scores were expected
    pod: {application: shop/web}
    parameters: {weight: 1}
    expect: {order: [a]}
  - name: another error was expected
    pod: {application: shop/web}
    parameters: {weight: 1}
    expect: {error: {cause: said, message: no way}}
",
    )
    .unwrap();
    let report = committed("netmarks").unwrap().run_cases(&cases);
    assert_eq!((report.cases.len(), report.failures()), (7, 6));
    let golden = repository("host/policy-testing/tests/golden/failed-cases.txt");
    let shown = format!("{report}\n");
    if std::env::var_os("NETMARKS_BLESS").is_some() {
        std::fs::write(&golden, &shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(&golden).unwrap(), "NETMARKS_BLESS=1 renews it");
}

#[test]
fn a_tolerance_is_a_share_or_an_amount() {
    let netmarks = committed("netmarks").unwrap();
    let passes = |rest: &str| netmarks.run_cases(&case(rest).unwrap()).passed();
    assert!(passes("expect: {scores: {a: 200.0000000001}}"));
    assert!(!passes("expect: {scores: {a: 200.1}}"));
    assert!(passes("expect: {scores: {a: 200.1}, tolerance: {absolute: 0.2}}"));
    assert!(passes("expect: {scores: {a: 210}, tolerance: {relative: 0.05}}"));
    assert!(!passes("expect: {scores: {a: 212}, tolerance: {relative: 0.05}}"));
    // What ties is what the tolerance cannot tell apart.
    assert!(passes("expect: {order: [[a, b], [c, y]], tolerance: {absolute: 100}}"));
    assert!(!passes("expect: {order: [[a, b], [c, y]]}"));
}

#[test]
fn faults_can_be_expected() {
    let hostile = |behaviour: &str| built("hostile").unwrap().parameter("behaviour", behaviour);
    for (behaviour, cause) in
        [("trap", "trap"), ("nan", "not-finite"), ("short", "wrong-length"), ("error", "said")]
    {
        let policy = hostile(behaviour).parameter("candidates", 4.0);
        let cases = case(&format!("expect: {{error: {{stage: score, cause: {cause}}}}}")).unwrap();
        assert!(policy.run_cases(&cases).passed(), "{behaviour}");
    }
    let refused =
        case("parameters: {behaviour: dance}, expect: {error: {stage: configure, message: one of}}");
    assert!(hostile("ok").run_cases(&refused.unwrap()).passed());
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_change() {
    for (rest, says) in [
        ("expect: {order: [a]}, podd: 1", "podd"),
        ("expect: {order: [a], scoers: {}}", "scoers"),
        ("expect: {order: [a], tolerance: {abs: 1}}", "abs"),
        ("expect: {error: {kind: said}}", "kind"),
        ("expect: {}", "it expects nothing"),
        ("expect: {error: {}}", "needs a `stage`, `cause` or `message`"),
        ("expect: {error: {stage: scoring}}", "there is no stage `scoring`; there are check, link"),
        ("expect: {error: {stage: score}, order: [a]}", "an error and scores"),
        ("expect: {order: [a, z]}", "something of `z`"),
        ("expect: {scores: {z: 1}}", "something of `z`"),
        ("expect: {order: [a, [b, a]]}", "has `a` twice"),
        ("expect: {order: [[]]}", "a group of no nodes"),
        ("expect: {scores: {a: .nan}}", "not finite"),
        ("expect: {order: [a], tolerance: {absolute: -1}}", "not negative"),
        ("nodes: [z], expect: {order: [a]}", "no node `z`"),
        ("nodes: [a, a], expect: {order: [a]}", "listed twice"),
        ("nodes: [], expect: {order: [a]}", "no nodes to score"),
        ("nodes: [b], expect: {order: [a]}", "not among the nodes to score"),
    ] {
        let error = case(rest).unwrap_err();
        assert!(error.contains(says), "{rest}: {error}");
    }
    for (text, says) in [
        ("cases: []", "no cases"),
        ("cases: [{name: one, pod: {}, expect: {order: [a]}}]\ncase: 1", "case"),
        (
            "cases: [{name: one, pod: {}, expect: {order: [a]}}, {name: one, pod: {}, expect: {order: [a]}}]",
            "two cases are called `one`",
        ),
        ("cases: [{name: one, pod: shop/none, expect: {order: [a]}}]", "no pod `shop/none`"),
        ("cases: [{name: one, pod: {requests: {cpu: many}}, expect: {order: [a]}}]", "cpu `many`"),
        ("cases: [{name: one, pod: {}, snapshot: none.json, expect: {order: [a]}}]", "none.json"),
        (
            "cases: [{name: one, pod: {}, snapshot: {pods: [{on: {a: 1}}]}, expect: {order: [a]}}]",
            "pods on `a`, which is not among its nodes",
        ),
        (
            "cases: [{name: one, pod: {}, snapshot: {controllers: {a/b: {replicas: 1}}, target: {a/b: {z: 1}}}, \
             expect: {order: [a]}}]",
            "a target on `z`, which is not among its nodes",
        ),
        (
            "cases: [{name: one, pod: {}, snapshot: {nodes: {a: {}}, target: {a/b: {a: 1}}}, \
             expect: {order: [a]}}]",
            "a target for `a/b`, which has neither pods, flows nor controllers",
        ),
        (
            "cases: [{name: one, pod: {}, snapshot: {controllers: {a/b: {pods: 1}}}, expect: {order: [a]}}]",
            "pods",
        ),
        (
            "cases: [{name: one, pod: {}, snapshot: {flows: [{from: a/b, to: a/c, bytes_per_second: -1}]}, \
             expect: {order: [a]}}]",
            "at least 0",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
    let alone = "cases: [{name: one, pod: {}, expect: {order: [a]}}]";
    let error = Cases::parse(alone, Path::new(".")).unwrap_err();
    assert!(error.to_string().contains("has no `snapshot`, and neither has the file"), "{error}");
}

#[test]
fn errors_name_the_file_and_show_the_cause_where_a_test_returns_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.yaml");
    std::fs::write(&file, "cases: 5").unwrap();
    let netmarks = committed("netmarks").unwrap();
    let error = netmarks.cases(&file).unwrap_err();
    assert!(matches!(&error, Error::CaseFile { path, .. } if *path == file));
    assert!(error.source().is_some() && !error.to_string().contains("YAML"), "{error}");
    assert!(
        format!("{error:?}").contains("cases.yaml cannot be used\n  because it is not YAML"),
        "{error:?}"
    );

    let error = netmarks.cases(folder.path().join("none.yaml")).unwrap_err();
    assert!(format!("{error:?}").contains("none.yaml\n  because No such file"), "{error:?}");
    let cluster = Cluster::default().node("a", Node::default()).pods("shop/cart", &[("b", 1)]);
    let error = netmarks.score(&cluster, &Pod::of("shop/web")).unwrap_err();
    let told = "the cluster to score in cannot be used\n  because the snapshot has pods on `b`, which is not among its nodes";
    assert_eq!(format!("{error:?}"), told);
    let error = committed("spread").unwrap().parameter("zone-weight", 7.0).conformance().unwrap_err();
    let told =
        "policy `spread` failed at configure\n  because parameter `zone-weight` must be a number from 0 to 1";
    assert_eq!(format!("{error:?}"), told);
}
