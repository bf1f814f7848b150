use netmarks_core::application::{Application, Identity};
use netmarks_sources::snapshot_file::{FileFlow, FileNode, FilePod};

use super::super::Status;
use super::super::extender::AskedPolicy;
use super::super::schedulers;
use super::*;

const NOW: f64 = 2_000.0;

fn name() -> Namespaced {
    "shop/web-0".parse().unwrap()
}

/// So many nodes; `db` on the first one, `cache`, which moves a tenth, on the second.
fn cluster(nodes: usize) -> SnapshotFile {
    let node = |name: String| FileNode { name, ..FileNode::default() };
    let pod = |name: &str, application: &str, at: usize| FilePod {
        name: format!("shop/{name}"),
        application: Some(Application::new("shop", application)),
        node: Some(format!("node-{at}")),
        ..FilePod::default()
    };
    let flow = |source: &str, destination: &str, bytes_per_second| FileFlow {
        source: Application::new("shop", source),
        destination: Application::new("shop", destination),
        bytes_per_second,
        calls_per_second: 0.0,
    };
    SnapshotFile {
        taken_at: NOW,
        identity: Identity::App,
        nodes: (0..nodes).map(|at| node(format!("node-{at}"))).collect(),
        pods: vec![pod("db-0", "db", 0), pod("cache-0", "cache", 1), pod("web-0", "web", 3)],
        flows_at: Some(NOW),
        flows: vec![flow("web", "db", 1_000.0), flow("cache", "web", 100.0), flow("cache", "db", 9_000.0)],
        ..SnapshotFile::default()
    }
}

fn decision(nodes: &[(&str, i64, f64)], candidates: usize) -> RecordedDecision {
    RecordedDecision {
        id: None,
        at: NOW - 5.0,
        pod: "shop/web-0".to_owned(),
        application: Some("shop/web".to_owned()),
        policies: vec![AskedPolicy { policy: "netmarks".to_owned() }],
        candidates,
        empty: None,
        nodes: nodes
            .iter()
            .map(|(node, score, raw)| RecordedScore { node: (*node).to_owned(), score: *score, raw: *raw })
            .collect(),
    }
}

fn bound(node: &str) -> Seen {
    Seen {
        scheduler: DEFAULT_NAME.to_owned(),
        node: Some(node.to_owned()),
        created: 1_500.0,
        unschedulable: None,
    }
}

fn scheduler(text: &str) -> SchedulerConfig {
    let extender = r#""extenders": [{"prioritizeVerb": "prioritize", "weight": 2}]"#;
    serde_json::from_str(&format!("{{{extender}{text}}}")).unwrap()
}

fn all(seen: Vec<schedulers::Seen>) -> Schedulers {
    Schedulers { seen, second: Ok(Vec::new()) }
}

fn configured(config: &SchedulerConfig) -> schedulers::Seen {
    schedulers::Seen::Config { from: "file".to_owned(), second: false, config: config.clone() }
}

fn explained(
    pod: Seen,
    decisions: &[RecordedDecision],
    nodes: usize,
    scheduler: &SchedulerConfig,
) -> Finding {
    explained_with(pod, decisions, nodes, &all(vec![configured(scheduler)]))
}

fn explained_with(
    pod: Seen,
    decisions: &[RecordedDecision],
    nodes: usize,
    schedulers: &Schedulers,
) -> Finding {
    let snapshot = cluster(nodes);
    let known = Known { extender: Ok((decisions, &snapshot)), started: 1_000.0, schedulers, now: NOW };
    findings_of(&name(), &Ok(Some(pod)), known)
}

#[test]
fn the_best_node_won() {
    let decision = decision(&[("node-0", 10, 1_000.0), ("node-1", 1, 100.0)], 2);
    let finding = explained(bound("node-0"), &[decision], 2, &scheduler(""));
    assert_eq!(
        finding,
        Finding::ok(
            CHECK,
            "shop/web-0 went to node-0, which scored 10: no other of 2 candidates scored more"
        )
    );
}

#[test]
fn plugins_outweighed_it() {
    let decision = decision(&[("node-0", 10, 1_000.0), ("node-1", 1, 100.0), ("node-2", 0, 0.0)], 3);
    let finding = explained(bound("node-1"), std::slice::from_ref(&decision), 3, &scheduler(""));
    assert_eq!(finding.status, Status::Warning);
    assert!(finding.found.ends_with("our lead of 180 points, of the 1200 that they can give"), "{finding:?}");
    assert!(finding.advice.unwrap().contains("It is 2; with 14"), "9 * 10 * 14 = 1260");
    let pending = Seen { node: None, unschedulable: Some("0/3 fit".to_owned()), ..bound("") };
    assert!(explained(pending, &[decision], 3, &scheduler("")).found.contains("0/3 fit"));
}

#[test]
fn the_node_of_the_peers_was_cut_away_or_filtered() {
    let offered: Vec<(String, i64, f64)> = (1..=NODES).map(|at| (format!("node-{at}"), 0, 0.0)).collect();
    let offered: Vec<(&str, i64, f64)> =
        offered.iter().map(|(node, score, raw)| (node.as_str(), *score, *raw)).collect();
    let few = scheduler(r#", "percentageOfNodesToScore": 1"#);
    let cut = explained(bound("node-3"), &[decision(&offered, 100)], 150, &few);
    assert!(cut.found.contains("node-0 has the most of its traffic (1.0 kB/s)"), "{cut:?}");
    assert!(
        cut.found.ends_with("with 150 nodes it stops looking after 100, by `percentageOfNodesToScore: 1`"),
        "{cut:?}"
    );
    assert!(cut.advice.unwrap().contains("raise `percentageOfNodesToScore`"));
    for (candidates, nodes) in [(99, 150), (40, 41)] {
        let filtered = explained(bound("node-3"), &[decision(&offered, candidates)], nodes, &few);
        assert!(filtered.found.ends_with("a filter ruled it out"), "{filtered:?}");
        assert!(filtered.advice.unwrap().contains("kubectl describe node node-0"));
    }
    let small = explained(bound("node-1"), &[decision(&offered[..2], 2)], 3, &few);
    assert!(small.found.ends_with("a filter ruled it out"), "{small:?}");
}

#[test]
fn a_node_that_may_have_been_offered_is_not_said_to_be_missing() {
    let offered: Vec<(String, i64, f64)> =
        (1..=NODES).map(|at| (format!("node-{at}"), 10, 5_000.0)).collect();
    let offered: Vec<(&str, i64, f64)> =
        offered.iter().map(|(node, score, raw)| (node.as_str(), *score, *raw)).collect();
    let mut decision = decision(&offered, 100);
    assert_eq!(
        explained(bound("node-3"), std::slice::from_ref(&decision), 150, &scheduler("")).status,
        Status::Ok
    );
    decision.nodes.last_mut().unwrap().raw = 0.0;
    decision.policies[0].policy = "spread".to_owned();
    assert_eq!(explained(bound("node-3"), &[decision], 150, &scheduler("")).status, Status::Ok);
}

#[test]
fn who_was_not_asked_about_is_told_why() {
    let named = scheduler(r#", "profiles": [{"schedulerName": "netmarks"}]"#);
    let other = explained(bound("node-0"), &[], 3, &named);
    assert_eq!(other.status, Status::Problem);
    assert!(other.advice.unwrap().starts_with("set `schedulerName: netmarks`"));
    let before = explained(Seen { created: 900.0, ..bound("node-0") }, &[], 3, &scheduler(""));
    assert!(before.found.contains("before the extender started"), "{before:?}");
    let never = explained(bound("node-0"), &[], 3, &scheduler(""));
    assert!(never.advice.unwrap().contains("only one is fit"));
    let nothing = all(vec![schedulers::Seen::Nowhere("no".to_owned())]);
    let known = Known { extender: Err("not given"), started: 0.0, schedulers: &nothing, now: NOW };
    assert_eq!(findings_of(&name(), &Ok(Some(bound("node-0"))), known).status, Status::Skipped);
    assert_eq!(findings_of(&name(), &Ok(None), known).status, Status::Problem);
    assert_eq!(findings_of(&name(), &Err("forbidden".to_owned()), known).status, Status::Skipped);
}

#[test]
fn empty_answers_say_why() {
    let empty = |reason: &str| RecordedDecision {
        empty: Some(reason.to_owned()),
        ..decision(&[("node-1", 0, 0.0)], 3)
    };
    let stale = explained(bound("node-1"), &[empty("stale-metrics")], 3, &scheduler(""));
    assert!(stale.found.contains("5 s ago was empty, `stale-metrics`"), "{stale:?}");
    let mut silent = empty("no-preference");
    silent.application = Some("shop/nobody".to_owned());
    assert!(
        explained(bound("node-1"), &[silent], 3, &scheduler("")).found.contains("no candidate had a peer")
    );
    let nameless = RecordedDecision { application: None, ..empty("no-preference") };
    assert!(explained(bound("node-1"), &[nameless], 3, &scheduler("")).found.contains("no application"));
}

#[test]
fn a_decision_says_more_than_the_configurations_that_are_seen() {
    let named = scheduler(r#", "profiles": [{"schedulerName": "netmarks"}]"#);
    let decision = decision(&[("node-0", 10, 1_000.0), ("node-1", 1, 100.0)], 2);
    let asked = explained(bound("node-0"), std::slice::from_ref(&decision), 2, &named);
    assert_eq!(asked.status, Status::Ok, "{asked:?}");
    // Of another pod of the same name, before this one was made.
    let before = RecordedDecision { at: 1_400.0, ..decision };
    assert_eq!(explained(bound("node-0"), &[before], 2, &named).status, Status::Problem);
    // The file of the cluster's own is on its node: it may ask.
    let unseen = all(vec![configured(&named), schedulers::Seen::Nowhere("on its node".to_owned())]);
    let finding = explained_with(bound("node-0"), &[], 2, &unseen);
    assert!(finding.found.contains("no decision is remembered"), "{finding:?}");
}

#[test]
fn the_lead_is_weighed_by_the_pods_own_scheduler() {
    let own = SchedulerConfig::default();
    let heavy = r#"{"extenders": [{"prioritizeVerb": "prioritize", "weight": 5}], "profiles": [{"schedulerName": "netmarks"}]}"#;
    let both = all(vec![configured(&own), configured(&serde_json::from_str(heavy).unwrap())]);
    let decision = decision(&[("node-0", 10, 1_000.0), ("node-1", 1, 100.0)], 2);
    let pod = Seen { scheduler: "netmarks".to_owned(), ..bound("node-1") };
    let finding = explained_with(pod, &[decision], 2, &both);
    assert!(finding.found.contains("our lead of 450 points"), "{finding:?}");
}

#[test]
fn a_pod_that_goes_through_both_doors_is_found() {
    let by_extender = decision(&[("node-0", 10, 1_000.0)], 4);
    let by_webhook = |at: f64| RecordedDecision { id: Some("d-1".to_owned()), at, ..by_extender.clone() };
    let found = |decisions: &[RecordedDecision]| through_both_doors(&name(), decisions);
    let both = found(&[by_extender.clone(), by_webhook(NOW - 6.0)]).unwrap();
    assert_eq!(both.status, Status::Warning);
    assert!(both.advice.as_deref().unwrap().contains("`admission.schedulers`"), "{both:?}");
    assert_eq!(found(&[by_extender.clone(), by_webhook(NOW - 4.0)]), None, "of a namesake before it");
    for one in [by_extender.clone(), by_webhook(NOW)] {
        assert_eq!(found(&[one]), None);
    }
}
