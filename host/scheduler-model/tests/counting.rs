//! However pods came and went, and whenever templates were made, the model decides by what is there now.

use netmarks_scheduler_model::{Cluster, Node, Pod, Scheduler, SchedulerOptions};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{HOST, ZONE, app, pod, zones};

const APPS: [&str; 4] = ["a", "b", "c", "d"];

fn term() -> impl Strategy<Value = Value> {
    let everywhere = prop_oneof![3 => Just(None), 1 => Just(Some(json!({})))];
    (prop::sample::select(&APPS[..]), prop::sample::select(&[HOST, ZONE][..]), everywhere).prop_map(
        |(of, key, everywhere)| {
            let mut term = json!({"topologyKey": key, "labelSelector": app(of)});
            if let Some(selector) = everywhere {
                term["namespaceSelector"] = selector;
            }
            term
        },
    )
}

fn affinity() -> impl Strategy<Value = Value> {
    let terms = || prop::collection::vec(term(), 0..2);
    let weighted = || prop::collection::vec((1..50_u64, term()), 0..3);
    (terms(), terms(), weighted(), weighted()).prop_map(|(near, away, attract, repel)| {
        let weighted = |terms: Vec<(u64, Value)>| -> Value {
            terms
                .into_iter()
                .map(|(weight, term)| json!({"weight": weight, "podAffinityTerm": term}))
                .collect()
        };
        let (required, preferred) = (
            "requiredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
        );
        json!({
            "podAffinity": {required: near, preferred: weighted(attract)},
            "podAntiAffinity": {required: away, preferred: weighted(repel)},
        })
    })
}

fn constraint() -> impl Strategy<Value = Value> {
    let when = prop::sample::select(&["DoNotSchedule", "ScheduleAnyway"][..]);
    (1..3_u64, prop::sample::select(&APPS[..]), prop::sample::select(&[HOST, ZONE][..]), when).prop_map(
        |(skew, of, key, when)| {
            json!({"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": app(of)})
        },
    )
}

fn any_pod() -> impl Strategy<Value = Pod> {
    let namespace = prop::sample::select(&["shop", "bank"][..]);
    let constraints = prop::collection::vec(constraint(), 0..3);
    (prop::sample::select(&APPS[..]), namespace, affinity(), constraints, any::<bool>(), 0..900_u64).prop_map(
        |(app, namespace, affinity, constraints, terminating, cpu)| {
            let requests = json!({"cpu": format!("{cpu}m"), "memory": format!("{cpu}Mi")});
            pod(
                app,
                json!({"namespace": namespace, "affinity": affinity, "topologySpreadConstraints": constraints,
                    "terminating": terminating, "requests": requests}),
            )
        },
    )
}

/// A pod of the list comes to a node, or one leaves it.
fn steps() -> impl Strategy<Value = Vec<(bool, usize, usize)>> {
    prop::collection::vec((prop::bool::weighted(0.7), 0..6_usize, 0..7_usize), 0..60)
}

fn nodes() -> Vec<Node> {
    let mut nodes = zones(&["x", "y", "z"]);
    nodes.push(crate::support::node("none", &[]));
    nodes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn history_does_not_matter(pods in prop::collection::vec(any_pod(), 6), steps in steps()) {
        let mut grown = Cluster::new(nodes());
        let mut there = vec![[0_u32; 7]; pods.len()];
        for (comes, pod, node) in steps {
            // Templates are made when they are first seen, between pods that are there already.
            let template = grown.template(&pods[pod]);
            if comes {
                grown.place(template, node);
                there[pod][node] += 1;
            } else {
                grown.remove(template, node);
                there[pod][node] = there[pod][node].saturating_sub(1);
            }
        }
        let mut fresh = Cluster::new(nodes());
        let templates: Vec<_> = pods.iter().map(|pod| fresh.template(pod)).collect();
        for (pod, template) in templates.iter().enumerate() {
            for (node, times) in there[pod].iter().enumerate() {
                (0..*times).for_each(|_| fresh.place(*template, node));
            }
        }
        let options = SchedulerOptions { keep_scores: true, ..SchedulerOptions::default() };
        for (pod, template) in pods.iter().zip(templates) {
            let same = grown.template(pod);
            prop_assert_eq!(grown.feasible(same), fresh.feasible(template));
            let decide = |cluster: &Cluster, template| {
                Scheduler::new(options.clone()).decide(cluster, template, None)
            };
            prop_assert_eq!(decide(&grown, same), decide(&fresh, template));
        }
        for node in 0..7 {
            prop_assert_eq!(grown.requested(node), fresh.requested(node));
        }
    }
}
