//! The index against a model that recounts everything: whatever the watch sends, counts are right and nothing leaks.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;

use netmarks_core::application::Application;
use netmarks_core::facts::{ApplicationFacts, NodeFacts, PodFacts, Resources};
use netmarks_core::flow::book::Flow;
use netmarks_core::index::Index;
use netmarks_core::snapshot::Snapshot;
use proptest::prelude::*;

fn mk_pod(key: &str, app: &str, node: Option<&str>) -> PodFacts {
    PodFacts {
        key: format!("shop/{key}"),
        application: Some(Application::new("shop", app)),
        node: node.map(str::to_owned),
        gone: false,
        requests: Resources { cpu_millicores: 100, memory_bytes: 1_000 },
        confined: false,
        revision: 0,
    }
}

fn mk_node(name: &str) -> NodeFacts {
    NodeFacts { name: name.to_owned(), zone: Some("z".to_owned()), ..NodeFacts::default() }
}

fn mk_flow(source: &str, destination: &str) -> Flow {
    Flow {
        source: Application::new("shop", source),
        destination: Application::new("shop", destination),
        bytes_per_second: 1.0,
    }
}

/// Pods of an application by node name.
fn placement(snapshot: &Snapshot, app: &str) -> BTreeMap<String, u32> {
    let row = snapshot.application_id(&format!("shop/{app}")).and_then(|id| snapshot.application(id));
    row.into_iter()
        .flat_map(|row| row.placement.iter())
        .map(|entry| (snapshot.names().name(entry.node).to_owned(), entry.pods))
        .collect()
}

#[test]
fn a_pod_counts_from_binding_until_it_terminates() {
    let mut index = Index::default();
    index.apply_node(&mk_node("n1"));
    index.apply_pod(&mk_pod("a-0", "a", None));
    assert_eq!(placement(&index.snapshot(), "a"), BTreeMap::new());
    index.apply_pod(&mk_pod("a-0", "a", Some("n1")));
    let bound = index.snapshot();
    assert_eq!(placement(&bound, "a"), BTreeMap::from([("n1".to_owned(), 1)]));
    index.apply_pod(&PodFacts { gone: true, ..mk_pod("a-0", "a", Some("n1")) });
    assert_eq!(placement(&index.snapshot(), "a"), BTreeMap::new());
    assert_eq!(placement(&bound, "a").len(), 1, "a snapshot never changes");
    assert_eq!((index.pod_count(), index.snapshot().pod_count(), bound.pod_count()), (0, 0, 1));
}

#[test]
fn a_changed_label_moves_the_pod_to_the_other_application() {
    let mut index = Index::default();
    index.apply_pod(&mk_pod("x-0", "a", Some("n1")));
    index.apply_pod(&mk_pod("x-0", "b", Some("n1")));
    let snapshot = index.snapshot();
    assert_eq!(placement(&snapshot, "a"), BTreeMap::new());
    assert_eq!(placement(&snapshot, "b"), BTreeMap::from([("n1".to_owned(), 1)]));
    index.apply_pod(&PodFacts { application: None, ..mk_pod("x-0", "b", Some("n1")) });
    assert_eq!(placement(&index.snapshot(), "b"), BTreeMap::new());
    let node = index.snapshot().names().id("n1").unwrap();
    assert_eq!(index.snapshot().node(node).requested.cpu_millicores, 100, "its load stays");
}

#[test]
fn a_relist_removes_what_was_missed() {
    let mut index = Index::default();
    for (pod, node) in [("a-0", "n1"), ("a-1", "n2")] {
        index.apply_node(&mk_node(node));
        index.apply_pod(&mk_pod(pod, "a", Some(node)));
    }
    index.begin_pod_list();
    index.begin_node_list();
    index.apply_pod(&mk_pod("a-1", "a", Some("n2")));
    assert_eq!(placement(&index.snapshot(), "a").len(), 2, "nothing is lost while the list is incomplete");
    index.end_pod_list();
    index.apply_node(&mk_node("n2"));
    index.end_node_list();
    let snapshot = index.snapshot();
    assert_eq!(placement(&snapshot, "a"), BTreeMap::from([("n2".to_owned(), 1)]));
    assert_eq!((snapshot.names().id("n1"), snapshot.names().len()), (None, 1));
}

#[test]
fn a_lost_node_takes_its_id_only_after_its_pods_are_gone() {
    let mut index = Index::default();
    index.apply_node(&mk_node("n1"));
    index.apply_pod(&mk_pod("a-0", "a", Some("n1")));
    index.delete_node("n1");
    assert!(index.snapshot().names().id("n1").is_some());
    index.delete_pod("shop/a-0");
    assert!(index.snapshot().names().is_empty());
    index.apply_node(&mk_node("n9"));
    assert_eq!(index.snapshot().names().slots(), 1, "the id is reused");
}

#[test]
fn flows_name_applications_before_they_have_pods_and_unused_ones_are_dropped() {
    let mut index = Index::default();
    index.replace_flows(100.0, [mk_flow("a", "b")]);
    index.apply_pod(&mk_pod("c-0", "c", Some("n1")));
    let peers = |index: &Index, app: &str| {
        let snapshot = index.snapshot();
        snapshot.application_id(&format!("shop/{app}")).map(|id| snapshot.flows().peers(id).len())
    };
    assert_eq!((peers(&index, "a"), peers(&index, "b"), peers(&index, "c")), (Some(1), Some(1), Some(0)));
    index.replace_flows(200.0, [mk_flow("c", "d")]);
    assert_eq!((peers(&index, "a"), peers(&index, "c"), peers(&index, "d")), (None, Some(1), Some(1)));
    index.replace_flows(300.0, []);
    index.delete_pod("shop/c-0");
    index.replace_flows(400.0, []);
    assert_eq!(index.snapshot().applications().count(), 0);
}

#[derive(Clone, Debug)]
enum Event {
    Pod { pod: u8, app: u8, node: Option<u8>, gone: bool },
    DeletePod(u8),
    Node(u8),
    DeleteNode(u8),
    Flows(Vec<(u8, u8)>),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (0u8..20, 0u8..5, prop::option::of(0u8..6), prop::bool::weighted(0.15))
            .prop_map(|(pod, app, node, gone)| Event::Pod { pod, app, node, gone }),
        2 => (0u8..20).prop_map(Event::DeletePod),
        1 => (0u8..6).prop_map(Event::Node),
        1 => (0u8..6).prop_map(Event::DeleteNode),
        1 => prop::collection::vec((0u8..8, 0u8..8), 0..4).prop_map(Event::Flows),
    ];
    prop::collection::vec(event, 0..120)
}

proptest! {
    #[test]
    fn counts_equal_a_recount(events in events()) {
        let mut index = Index::default();
        let mut model: BTreeMap<u8, (u8, Option<u8>)> = BTreeMap::new();
        for event in events {
            match event {
                Event::Pod { pod, app, node, gone } => {
                    let node_name = node.map(|node| format!("n{node}"));
                    let facts = mk_pod(&pod.to_string(), &format!("a{app}"), node_name.as_deref());
                    index.apply_pod(&PodFacts { gone, ..facts });
                    if gone { model.remove(&pod); } else { model.insert(pod, (app, node)); }
                }
                Event::DeletePod(pod) => {
                    index.delete_pod(&format!("shop/{pod}"));
                    model.remove(&pod);
                }
                Event::Node(node) => index.apply_node(&mk_node(&format!("n{node}"))),
                Event::DeleteNode(node) => index.delete_node(&format!("n{node}")),
                Event::Flows(flows) => {
                    let flows = flows.iter().map(|(s, d)| mk_flow(&format!("a{s}"), &format!("a{d}")));
                    index.replace_flows(1.0, flows);
                }
            }
            let snapshot = index.snapshot();
            let mut load = BTreeMap::new();
            for app in 0u8..5 {
                let mut expected = BTreeMap::new();
                for (_, node) in model.values().filter(|(of, _)| *of == app) {
                    if let Some(node) = node {
                        *expected.entry(format!("n{node}")).or_insert(0) += 1;
                        *load.entry(format!("n{node}")).or_insert(0) += 100;
                    }
                }
                let total: u32 = expected.values().sum();
                prop_assert_eq!(placement(&snapshot, &format!("a{app}")), expected);
                let id = snapshot.application_id(&format!("shop/a{app}"));
                prop_assert_eq!(id.and_then(|id| snapshot.application(id)).map_or(0, |row| row.pods), total);
            }
            for (id, name) in snapshot.names().iter() {
                let requested = snapshot.node(id).requested.cpu_millicores;
                prop_assert_eq!(requested, load.remove(name).unwrap_or(0));
            }
            prop_assert!(load.is_empty(), "every node with pods has a name");
            prop_assert_eq!(index.pod_count(), model.len());
            prop_assert_eq!(snapshot.pod_count(), model.len());
        }
    }
}

#[test]
fn a_node_that_takes_the_place_of_another_does_not_take_over_its_target() {
    let mut index = Index::default();
    index.apply_node(&mk_node("old"));
    index.apply_pod(&mk_pod("a-0", "a", None));
    index.replace_target(&[(Application::new("shop", "a"), vec![("old".to_owned(), 3)])]);
    let target = |index: &Index| {
        let snapshot = index.snapshot();
        snapshot.application(snapshot.application_id("shop/a").unwrap()).unwrap().target.to_vec()
    };
    assert_eq!(target(&index).len(), 1);
    let id = index.snapshot().names().id("old").unwrap();
    index.delete_node("old");
    index.apply_node(&mk_node("new"));
    assert_eq!(index.snapshot().names().id("new"), Some(id), "the id is used again");
    assert!(target(&index).is_empty());
}

#[test]
fn an_application_is_kept_as_long_as_something_is_said_of_it() {
    let mut index = Index::default();
    let mut facts = ApplicationFacts {
        application: Application::new("shop", "a"),
        replicas: 2,
        requests: Resources::default(),
        local_routing: false,
    };
    index.apply_application(&facts);
    index.replace_flows(1.0, []);
    assert!(index.snapshot().application_id("shop/a").is_some());
    facts.replicas = 0;
    index.apply_application(&facts);
    index.replace_flows(2.0, []);
    assert!(index.snapshot().application_id("shop/a").is_none());
    index.apply_application(&facts);
    assert!(index.snapshot().application_id("shop/a").is_none(), "nothing was said of it");
}
