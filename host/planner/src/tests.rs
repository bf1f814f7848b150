//! Plans of small clusters.

use std::sync::atomic::AtomicBool;

use netmarks_placement::{Assumptions, Effort};
use netmarks_scheduler_model::SchedulerOptions;
use netmarks_simulator::{Arm, Decider};
use netmarks_sources::snapshot_file::SnapshotFile;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CORES: f64 = 2.0;

/// Three nodes in two zones, with pods of half a core: their application, their node, and the kind of their controller.
fn snapshot(pods: &[(&str, usize, &str)]) -> Value {
    let node = |index: usize| {
        json!({
            "name": format!("n{index}"),
            "labels": {"kubernetes.io/hostname": format!("n{index}"), "topology.kubernetes.io/zone": format!("z{}", index / 2)},
            "allocatable_cpu_cores": CORES, "allocatable_memory_bytes": 8_589_934_592u64,
            "scheduling": {"allocatable": {"pods": "110"}},
        })
    };
    let pod = |(index, (application, node, kind)): (usize, &(&str, usize, &str))| {
        let mut scheduling = json!({});
        if !kind.is_empty() {
            scheduling["owner"] = json!({"apiVersion": "apps/v1", "kind": kind, "name": application});
        }
        json!({
            "name": format!("x/{application}-{index}"), "uid": format!("u{index}"), "application": format!("x/{application}"),
            "node": format!("n{node}"), "labels": {"app": application},
            "cpu_request_cores": 0.5, "memory_request_bytes": 134_217_728u64, "scheduling": scheduling,
        })
    };
    json!({
        "version": 2, "taken_at": 1.0, "identity": "app", "nodes": (0..3).map(node).collect::<Vec<_>>(),
        "pods": pods.iter().enumerate().map(pod).collect::<Vec<_>>(), "flows_at": 1.0,
        "flows": [{"source": "x/a", "destination": "x/b", "bytes_per_second": 1e6},
                  {"source": "x/c", "destination": "x/b", "bytes_per_second": 1e5}],
    })
}

fn made(snapshot: &Value, limits: Limits) -> Result<Plan, PlanError> {
    let subject = Subject::new(SnapshotFile::from_json(snapshot.to_string().as_bytes()).unwrap())?;
    // Counts peers, so it puts pods together, and needs no policy.
    let arm = Arm { name: "declared".to_owned(), decider: Decider::Declared };
    let options = PlanOptions {
        limits,
        routing: AssumedRouting::SameNode,
        mesh: Mesh::Service,
        most_load: 2.0,
        scheduler: SchedulerOptions { extender_weight: 10, ..SchedulerOptions::default() },
        assumptions: Assumptions::default(),
        effort: Effort { steps: 2_000, time: None, seed: 1, threads: 1 },
    };
    make_plan(&subject, &arm, &options, &AtomicBool::new(false), &|_| ())
}

fn all() -> Limits {
    Limits { stop_at: 1.0, most_on_node: 1.0, ..Limits::default() }
}

const APART: [(&str, usize, &str); 4] =
    [("a", 0, "ReplicaSet"), ("a", 0, "ReplicaSet"), ("b", 1, "ReplicaSet"), ("b", 2, "ReplicaSet")];

fn obstacles(plan: &Plan) -> Vec<Obstacle> {
    plan.report.left_out.iter().map(|left_out| left_out.why).collect()
}

#[test]
fn pods_that_talk_are_brought_together_and_the_plan_reads_back() {
    let plan = made(&snapshot(&APART), all()).unwrap();
    assert!(!plan.moves.is_empty(), "{plan:?}");
    assert!(plan.report.after.within_nodes > plan.report.before.within_nodes);
    assert!(plan.report.after.within_nodes <= plan.report.bound + 1e-6);
    let first = &plan.moves[0];
    assert!(first.uid.as_deref().is_some_and(|uid| uid.starts_with('u')), "{first:?}");
    assert_eq!(first.owner.kind, "ReplicaSet");
    assert!(first.risks.contains(&Risk::NoDisruptionBudget));
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(Plan::from_json(text.as_bytes()).unwrap(), plan);
    assert_eq!(made(&snapshot(&APART), all()).unwrap(), plan, "the same input, the same plan");
}

#[test]
fn a_plan_names_all_nodes_that_are_as_good() {
    // Each `b` is on a node of its own and stays there: the first `a` is as well beside the one as beside the other.
    let pods = [("a", 0, "ReplicaSet"), ("a", 0, "ReplicaSet"), ("b", 1, "Job"), ("b", 2, "Job")];
    let mut file = snapshot(&pods);
    for node in file["nodes"].as_array_mut().unwrap() {
        node["labels"]["topology.kubernetes.io/zone"] = json!("z");
    }
    let plan = made(&file, all()).unwrap();
    let first = &plan.moves[0];
    let mut nodes = first.or.clone();
    nodes.push(first.to.clone());
    nodes.sort();
    assert_eq!(nodes, ["n1", "n2"], "{first:?}");
    assert!(first.risks.contains(&Risk::Tie { nodes: first.or.clone() }), "{first:?}");
    // The second goes where the first did not.
    assert_eq!((plan.moves.len(), &plan.moves[1].or), (2, &Vec::new()), "{plan:?}");
}

#[test]
fn a_plan_says_when_kube_scheduler_looks_at_some_nodes_only() {
    let of = |nodes: usize| {
        let mut file = snapshot(&APART);
        let listed = file["nodes"].as_array_mut().unwrap();
        for index in listed.len()..nodes {
            let mut node = listed[0].clone();
            node["name"] = json!(format!("n{index}"));
            node["labels"]["kubernetes.io/hostname"] = json!(format!("n{index}"));
            listed.push(node);
        }
        made(&file, all()).unwrap().report.remarks.concat()
    };
    assert!(of(120).contains("the first 100 of 120 nodes"), "{}", of(120));
    assert!(!of(99).contains("nodes that take a pod"), "{}", of(99));
}

#[test]
fn what_must_stay_stays_and_the_plan_says_why() {
    let with = |pods: &[(&str, usize, &str)], change: fn(&mut Value), limits| {
        let mut file = snapshot(pods);
        change(&mut file);
        made(&file, limits).unwrap()
    };
    let same = |_: &mut Value| ();
    let frozen = with(&APART, same, Limits { frozen_namespaces: vec!["x".to_owned()], ..all() });
    assert_eq!((frozen.moves.len(), obstacles(&frozen)), (0, vec![Obstacle::FrozenNamespace]));
    let bare = with(&[("a", 0, ""), ("a", 0, ""), ("b", 1, "Job"), ("b", 2, "Job")], same, all());
    assert!(bare.moves.is_empty());
    assert!(
        obstacles(&bare).contains(&Obstacle::NoController)
            && obstacles(&bare).contains(&Obstacle::OtherController)
    );
    let alone = [("a", 0, "ReplicaSet"), ("b", 1, "ReplicaSet")];
    assert_eq!(obstacles(&with(&alone, same, all())), [Obstacle::OnlyPod]);
    let asked = with(&alone, same, Limits { singletons: true, ..all() });
    assert!(
        asked.moves.iter().all(|planned| planned.risks.contains(&Risk::OnlyPod)) && asked.moves.len() == 1,
        "{asked:?}"
    );
    let waits: fn(&mut Value) = |file| file["pods"][1]["node"] = Value::Null;
    let one_runs = [("a", 0, "ReplicaSet"), ("a", 0, "ReplicaSet"), ("b", 1, "ReplicaSet")];
    let left = with(&one_runs, waits, all());
    assert_eq!((left.moves.len(), obstacles(&left)), (0, vec![Obstacle::OnlyPod, Obstacle::Pending]));
    let asked = with(&one_runs, waits, Limits { singletons: true, ..all() });
    assert!(
        !asked.moves.is_empty() && asked.moves.iter().all(|planned| planned.risks.contains(&Risk::OnlyPod)),
        "{asked:?}"
    );
    let spent = with(
        &APART,
        |file| {
            file["disruption_budgets"] = json!([
                {"namespace": "x", "name": "all", "selector": {}, "disruptionsAllowed": 0}
            ]);
        },
        all(),
    );
    assert_eq!((spent.moves.len(), obstacles(&spent)), (0, vec![Obstacle::BudgetSpent]));
}

#[test]
fn bad_input_and_limits_that_contradict_each_other_are_refused() {
    let refused = |change: fn(&mut Value), limits| {
        let mut file = snapshot(&APART);
        change(&mut file);
        made(&file, limits).unwrap_err().to_string()
    };
    let bare = |file: &mut Value| {
        for pod in file["pods"].as_array_mut().unwrap() {
            pod.as_object_mut().unwrap().remove("scheduling");
        }
    };
    assert!(refused(bare, all()).contains("netmarks snapshot --kubeconfig"));
    assert!(refused(|file| file["flows"] = json!([]), all()).contains("has no traffic"));
    let strange = |file: &mut Value| {
        file["flows"] = json!([{"source": "y/one", "destination": "x/b", "bytes_per_second": 1.0}]);
    };
    assert!(refused(strange, all()).contains("y/one -> x/b"));
    let large = |file: &mut Value| {
        file["pods"][0]["cpu_request_cores"] = json!(64.0);
        file["pods"][0]["node"] = Value::Null;
    };
    assert!(refused(large, all()).contains("such as `x/a-0`"));
    let same = |_: &mut Value| ();
    for (limits, says) in [
        (Limits { share_of_pods: 0.01, ..all() }, "less than one pod"),
        (Limits { moves: Some(1), per_node: Some(2), ..all() }, "more than the 1"),
        (Limits { most_in_zone: 0.5, ..all() }, "the zone that it is in"),
        (Limits { frozen_nodes: vec!["n0".into(), "n1".into()], ..all() }, "nowhere to move"),
        (Limits { frozen_nodes: vec!["other".into()], ..all() }, "no node `other`"),
        (Limits { frozen_namespaces: vec!["y".into()], ..all() }, "namespace `y`"),
    ] {
        let error = refused(same, limits);
        assert!(error.contains(says), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_move_fits_when_its_turn_comes_and_nothing_is_worse_on_the_way(
        pods in prop::collection::vec((0usize..3, 0usize..3), 2..10),
        moves in 1usize..6,
        cap in prop::sample::select(vec![0.5, 1.0]),
        keep_spread: bool,
    ) {
        let pods: Vec<(&str, usize, &str)> =
            pods.into_iter().map(|(of, node)| (["a", "b", "c"][of], node, "ReplicaSet")).collect();
        let mut on_node = [0; 3];
        pods.iter().for_each(|(_, node, _)| on_node[*node] += 1);
        prop_assume!(on_node.iter().all(|pods| f64::from(*pods) * 0.5 <= CORES));
        let limits = Limits { moves: Some(moves), most_on_node: cap, keep_spread, ..all() };
        let Ok(plan) = made(&snapshot(&pods), limits) else { return Ok(()) };
        prop_assert!(plan.moves.len() <= moves);
        plan.check().unwrap();
        let index = |node: &str| node[1..].parse::<usize>().unwrap();
        let mut sum = plan.report.before.within_nodes;
        // A move may cost what those before it have saved, so no prefix of the plan is worse than the start.
        let mut within_zones = 0.0;
        for planned in &plan.moves {
            // The old pod still ends when the new one is placed.
            on_node[index(&planned.to)] += 1;
            prop_assert!(f64::from(on_node[index(&planned.to)]) * 0.5 <= CORES, "{plan:?}");
            on_node[index(&planned.from)] -= 1;
            prop_assert!(planned.gain.within_nodes_bytes_per_second > 0.0);
            within_zones += planned.gain.within_zones_bytes_per_second;
            prop_assert!(within_zones >= -1e-6, "{plan:?}");
            sum += planned.gain.within_nodes_bytes_per_second;
        }
        prop_assert!((sum - plan.report.after.within_nodes).abs() < 1e-3, "{sum} {:?}", plan.report.after);
    }
}
