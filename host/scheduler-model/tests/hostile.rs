//! Nodes and pods that no API server would accept: whoever writes a snapshot file may write them. Nothing overflows or fails.

use netmarks_scheduler_model::{Cluster, Node, Pod, Scheduler, SchedulerOptions};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{HOST, ZONE};

/// Numbers at the ends of their range, and some between.
fn number() -> impl Strategy<Value = i32> {
    prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(0), Just(-1), any::<i32>()]
}

fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        Just("16E".to_owned()),
        Just("1".to_owned()),
        any::<u64>().prop_map(|it| it.to_string())
    ]
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&[HOST, ZONE, "", "nobody.has/it"][..])
}

fn selector() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!({"matchExpressions": [{"key": "app", "operator": "Near", "values": []}]})),
        Just(json!({"matchLabels": {"app": "a"}})),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let labels = prop::option::of(prop::sample::select(&["a", "b", ""][..]));
    (labels, amount(), amount(), amount(), any::<bool>()).prop_map(|(zone, cpu, memory, pods, unschedulable)| {
        let labels = zone.map_or_else(|| json!({}), |zone| json!({ZONE: zone}));
        let allocatable = json!({"cpu": cpu, "memory": memory, "pods": pods, "": cpu});
        // All have one name.
        let node = json!({"name": "n", "labels": labels, "allocatable": allocatable, "unschedulable": unschedulable});
        serde_json::from_value(node).unwrap()
    })
}

fn pod() -> impl Strategy<Value = Pod> {
    let when = prop::sample::select(&["DoNotSchedule", "ScheduleAnyway", ""][..]);
    let constraint =
        (number(), number(), key(), when, selector()).prop_map(|(skew, domains, key, when, selector)| {
            json!({"maxSkew": skew, "minDomains": domains, "topologyKey": key, "whenUnsatisfiable": when,
                "labelSelector": selector, "matchLabelKeys": ["app", "absent"]})
        });
    let term = || {
        (key(), selector(), selector()).prop_map(|(key, pods, namespaces)| {
            json!({"topologyKey": key, "labelSelector": pods, "namespaceSelector": namespaces})
        })
    };
    let weighted = || {
        let one =
            (number(), term()).prop_map(|(weight, term)| json!({"weight": weight, "podAffinityTerm": term}));
        prop::collection::vec(one, 0..3)
    };
    let preference = number().prop_map(|weight| {
        let rule = json!({"key": "zone", "operator": "Gt", "values": ["many", "values"]});
        json!({"weight": weight, "preference": {"matchExpressions": [rule], "matchFields": []}})
    });
    let parts = (
        prop::collection::vec(constraint, 0..3),
        prop::collection::vec(term(), 0..2),
        weighted(),
        weighted(),
    );
    (parts, preference, amount(), amount(), number(), any::<u16>()).prop_map(
        |((constraints, terms, attract, repel), preference, cpu, other, priority, port)| {
            let (required, preferred) =
                ("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution");
            let affinity = json!({
                "nodeAffinity": {preferred: [preference]},
                "podAffinity": {preferred: attract},
                "podAntiAffinity": {required: terms, preferred: repel},
            });
            let pod = json!({"namespace": "", "name": "", "labels": {"app": "a"}, "affinity": affinity,
                "topologySpreadConstraints": constraints, "priority": priority, "hostPorts": [{"hostPort": port}],
                "requests": {"cpu": cpu, "": other}, "nonZeroRequests": {"cpu": other, "memory": cpu}});
            serde_json::from_value(pod).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_numbers_give_a_decision(
        nodes in prop::collection::vec(node(), 0..5),
        pods in prop::collection::vec(pod(), 1..4),
        weight in any::<i64>(),
        percentage in prop::option::of(any::<u32>()),
        answers in prop::collection::vec(any::<i64>(), 0..7),
    ) {
        let mut cluster = Cluster::new(nodes);
        let options = SchedulerOptions {
            percentage_of_nodes_to_score: percentage,
            extender_weight: weight,
            keep_scores: true,
        };
        let mut scheduler = Scheduler::new(options);
        for turn in 0..3 {
            for pod in &pods {
                let template = cluster.template(pod);
                let mut extender = |_: &[usize], scores: &mut Vec<i64>| scores.extend(&answers);
                let decision = scheduler.decide(&cluster, template, Some(&mut extender));
                prop_assert_eq!(decision.candidates.len(), decision.totals.len());
                prop_assert_eq!(decision.best.is_empty(), decision.candidates.is_empty());
                let feasibility = cluster.feasible(template);
                prop_assert_eq!(feasibility.nodes.len() + feasibility.others.len(), cluster.nodes().len());
                // On nodes that it does not fit, too.
                for node in 0..cluster.nodes().len() + 1 {
                    cluster.place(template, node);
                }
                cluster.remove(template, turn);
            }
        }
    }
}
