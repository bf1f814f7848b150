use std::error::Error as _;

use netmarks_core::application::Application;
use netmarks_core::digest::Digest;

use super::*;

fn plan() -> Plan {
    Plan {
        version: VERSION,
        made_from: MadeFrom { digest: Digest::of(b"a snapshot"), taken_at: 1.5, anonymised: false },
        conditions: Conditions { policy: "netmarks".to_owned(), extender_weight: 2, ..Conditions::default() },
        moves: vec![PlannedMove {
            pod: "shop/cart-1".to_owned(),
            uid: Some("7".to_owned()),
            application: Application::new("shop", "cart"),
            owner: Controller { kind: "ReplicaSet".to_owned(), name: "cart".to_owned() },
            from: "a".to_owned(),
            to: "b".to_owned(),
            or: vec!["c".to_owned()],
            gain: Gain { within_nodes_bytes_per_second: 0.1, ..Gain::default() },
            risks: vec![Risk::OnlyPod, Risk::Tie { nodes: vec!["c".to_owned()] }],
        }],
        report: PlanReport::default(),
    }
}

fn refused(text: &str) -> String {
    let error = Plan::from_json(text.as_bytes()).unwrap_err();
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_plan_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    plan().write(&path).unwrap();
    assert_eq!(Plan::read(&path).unwrap(), plan());
    let missing = Plan::read(&folder.path().join("other.json")).unwrap_err();
    assert!(missing.to_string().contains("failed to read the plan"), "{missing}");
}

#[test]
fn another_version_unknown_fields_and_impossible_moves_are_refused() {
    let text = serde_json::to_string(&plan()).unwrap();
    assert!(refused(&text.replace(r#"{"version":1"#, r#"{"version":2"#)).contains("it has version 2"));
    assert!(refused("{}").contains("not the JSON of a plan"));
    for (field, other) in [
        (r#""version":1,"#, r#""version":1,"more":1,"#),
        (r#""from":"a","#, r#""from":"a","more":1,"#),
        (r#"{"nodes":["c"]}"#, r#"{"nodes":["c"],"more":1}"#),
        (r#""only-pod""#, r#""other""#),
    ] {
        assert!(refused(&text.replace(field, other)).contains("not the JSON of a plan"), "{other}");
    }
    let changed = |change: fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        refused(&serde_json::to_string(&plan).unwrap())
    };
    assert!(
        changed(|plan| plan.moves = [plan.moves.clone(), plan.moves.clone()].concat())
            .contains("moved twice")
    );
    assert!(changed(|plan| plan.moves[0].pod = "cart-1".to_owned()).contains("namespace/name"));
    assert!(changed(|plan| plan.moves[0].to = "a".to_owned()).contains("to the same node"));
    assert!(changed(|plan| plan.moves[0].or = vec!["a".to_owned()]).contains("to the same node"));
    assert!(changed(|plan| plan.moves[0].or = vec![String::new()]).contains("an empty node"));
    assert!(changed(|plan| plan.moves[0].owner.name.clear()).contains("an empty owner"));
}
