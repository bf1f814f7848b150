//! Names and shapes that somebody chose to do harm.

use netmarks_map::{
    Amounts, ApplicationList, ApplicationView, Filter, ListQuery, MapQuery, MapView, NodeView, Scene, Zone,
    by_namespace,
};
use proptest::prelude::*;
use serde::Serialize;

use crate::scenes::{application, counted, flow, node};
use crate::size::MOST;

const NAMES: [&str; 4] =
    ["<script>alert(1)</script>", "a\u{0}\u{1b}[31m\u{202e}b", "\"},{\"x\":\"", "\u{fffd}\u{10ffff}é"];

#[test]
fn names_with_markup_and_control_characters_are_text() {
    let nodes = NAMES.iter().map(|name| node(name, 0)).collect();
    let mut applications: Vec<_> =
        NAMES.iter().zip(0..).map(|(name, at)| application(&format!("ns/{name}"), &[(at, 1)])).collect();
    applications.sort_by(|left, right| left.name.cmp(&right.name));
    let zones = vec![Zone { region: None, name: Some(NAMES[0].to_owned()) }];
    let flows = vec![flow(0, 1, 5.0), flow(2, 3, 5.0)];
    let scene = counted(Scene { at: None, zones, nodes, applications, flows });
    let view = MapView::new(&scene, &MapQuery::default());
    let read: serde_json::Value = serde_json::from_str(&serde_json::to_string(&view).unwrap()).unwrap();
    for (at, name) in NAMES.iter().enumerate() {
        assert_eq!(read["nodes"]["names"][at].as_str().unwrap(), *name);
        assert!(NodeView::new(&scene, name).is_some());
        assert!(ApplicationView::new(&scene, &format!("ns/{name}")).is_some());
    }
}

/// As many zones as are shown, with names of this beginning.
fn zoned(name: &str) -> Scene {
    let zones =
        (0..64).map(|at| Zone { region: Some(name.to_owned()), name: Some(format!("{name}{at:02}")) });
    let nodes = (0..64).map(|at| node(&format!("n{at:02}"), at)).collect();
    Scene { zones: zones.collect(), nodes, ..Scene::default() }
}

#[test]
fn names_of_63_kb_leave_nodes_out_and_not_the_bound() {
    let long = |at: usize| format!("{at:05}{}", "\u{1}".repeat(63_000));
    let nodes = (0..60).map(|at| node(&long(at), 0)).collect();
    let applications: Vec<_> =
        (0..60u32).map(|at| application(&format!("ns/{}", long(at as usize)), &[(at, 1)])).collect();
    let flows = (0..59).map(|at| flow(at, at + 1, f64::from(at))).collect();
    let scene = counted(Scene { at: None, zones: vec![Zone::default()], nodes, applications, flows });
    let view = MapView::new(&scene, &MapQuery::default());
    let text = serde_json::to_string(&view).unwrap();
    assert!(text.len() < 300_000, "{} bytes", text.len());
    // 31 names of 317 bytes are what the room for names has place for.
    assert_eq!((view.applications.total, view.applications.items.len()), (60, 31));
    assert_eq!(view.nodes.names.len() + view.nodes.left_out, 60);
    let view = MapView::new(&zoned(&"z".repeat(63_000)), &MapQuery::default());
    assert!(serde_json::to_string(&view).unwrap().len() < 300_000);
}

/// So many nodes, each in a zone of its own, and as many applications. The first application is on all nodes, and all are on the first;
/// the first calls all, and each calls the next. All names have so many times this character in their middle.
fn named(count: u32, character: char, length: usize) -> Scene {
    let middle = character.to_string().repeat(length);
    let name = |at: u32| format!("{at:03}{middle}{at:03}");
    let zones = (0..count).map(|at| Zone { region: Some(middle.clone()), name: Some(name(at)) });
    let everywhere: Vec<(u32, u32)> = (0..count).map(|at| (at, 1)).collect();
    let placement = |at: u32| if at == 0 { everywhere.clone() } else { vec![(0, 1), (at, 1)] };
    let applications = (0..count).map(|at| application(&format!("ns/{}", name(at)), &placement(at)));
    let rate = |at: u32| 1e9 / f64::from(at + 3);
    let from_first = (0..count).map(|at| flow(0, at, rate(at)));
    let onwards = (1..count).map(|at| flow(at, (at + 1) % count, rate(at)));
    counted(Scene {
        at: Some(1.0),
        zones: zones.collect(),
        nodes: (0..count).map(|at| node(&name(at), at)).collect(),
        applications: applications.collect(),
        flows: from_first.chain(onwards).collect(),
    })
}

fn size(view: &impl Serialize) -> usize {
    serde_json::to_string(view).unwrap().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_view_has_more_than_300_kb_whatever_things_are_called(
        length in prop::sample::select(vec![0, 40, 57, 247, 308, 311, 350, 1_000, 20_000, 63_000]),
        character in prop::sample::select(vec!['x', '"', '\u{1}', 'é', '\u{10ffff}']),
        count in 1u32..700,
    ) {
        // At most about 20 MB of names.
        let count = count.min(20_000_000 / u32::try_from(3 * (length + 1) * character.len_utf8()).unwrap());
        let scene = named(count, character, length);
        let map = MapView::new(&scene, &MapQuery::default());
        let page = ListQuery { limit: 500, ..ListQuery::default() };
        let list = ApplicationList::new(&scene, &Filter::default(), &page);
        let hub = ApplicationView::new(&scene, scene.applications[0].name.as_str()).unwrap();
        let first = NodeView::new(&scene, &scene.nodes[0].name).unwrap();
        let sizes = [size(&map), size(&list), size(&hub), size(&first)];
        prop_assert!(sizes.iter().all(|size| *size <= MOST), "{sizes:?} of {count} with {length} {character:?}");
        prop_assert_eq!(list.items.len(), count.min(500) as usize, "long names leave no row out");
        prop_assert_eq!(hub.peers.len() + hub.peers_left_out, count as usize);
        prop_assert_eq!(first.applications.len() + first.applications_left_out, count as usize);
    }
}

#[test]
fn a_name_that_was_cut_finds_what_it_is_short_for() {
    let scene = named(20, 'x', 63_000);
    let list =
        ApplicationList::new(&scene, &Filter::default(), &ListQuery { limit: 20, ..ListQuery::default() });
    for row in &list.items {
        let view = ApplicationView::new(&scene, &row.application).unwrap();
        assert!(row.application.len() == 317 && view.application == row.application, "{}", row.application);
        let ratio = view.totals.total() / row.amounts.total();
        assert!((ratio - 1.0).abs() < 1e-9, "it is the one of this beginning");
        let node = &view.nodes[0].node;
        assert_eq!(&NodeView::new(&scene, node).unwrap().node, node);
    }
    for nothing in ["ns/000x\u{2026}", "ns/\u{2026}", "\u{2026}", ""] {
        assert!(ApplicationView::new(&scene, nothing).is_none(), "{nothing}");
        assert!(NodeView::new(&scene, nothing).is_none(), "{nothing}");
    }
    // One whose own name ends so is meant before one that is short for another.
    let mut scene = named(2, 'x', 63_000);
    let own = ApplicationView::new(&scene, scene.applications[0].name.as_str()).unwrap().application;
    scene.applications.push(application(&own, &[(1, 1)]));
    scene.applications.sort_by(|left, right| left.name.cmp(&right.name));
    assert_eq!(ApplicationView::new(&scene, &own).unwrap().pods, 1);
}

#[test]
fn applications_on_all_nodes_cost_a_bounded_effort() {
    let nodes: Vec<_> = (0..5_000).map(|at| node(&format!("n{at:04}"), at % 3)).collect();
    let mut nodes = nodes;
    nodes.sort_by_key(|node| node.zone);
    let everywhere: Vec<(u32, u32)> = (0..5_000).map(|at| (at, 1)).collect();
    let applications: Vec<_> =
        (0..40).map(|at| application(&format!("ns/agent-{at:02}"), &everywhere)).collect();
    let mut flows: Vec<_> = (0..40).flat_map(|from| (0..40).map(move |to| flow(from, to, 1_000.0))).collect();
    flows.pop();
    let zones = vec![
        Zone::default(),
        Zone { region: None, name: Some("b".into()) },
        Zone { region: None, name: Some("c".into()) },
    ];
    let scene = counted(Scene { at: None, zones, nodes, applications, flows });
    let begun = std::time::Instant::now();
    let view = MapView::new(&scene, &MapQuery::default());
    eprintln!("1,599 flows between applications that are on all of 5,000 nodes: {:?}", begun.elapsed());
    let shown = view.node_flows.shown.unwrap();
    assert!(shown > 0.0 && shown < 0.01, "{shown}");
    assert!((view.totals.total() - 1_599_000.0).abs() < 1.0);
    assert_eq!(view.node_flows.from.len(), 600);
}

#[test]
fn as_many_namespaces_as_somebody_likes_are_few_series() {
    let applications: Vec<_> =
        (0..5_000).map(|at| application(&format!("ns-{at:04}/a"), &[(0, 1)])).collect();
    let flows = (0..4_999).map(|at| flow(at, at + 1, 1.0)).collect();
    let nodes = vec![node("n", 0)];
    let scene = counted(Scene { at: None, zones: vec![Zone::default()], nodes, applications, flows });
    let sums = by_namespace(&scene, 100);
    assert_eq!((sums.len(), sums[100].namespace.as_str()), (101, "(others)"));
    assert_eq!(sums[100].amounts, Amounts { within_node: 4_899.0, ..Amounts::default() });
}

#[test]
fn flows_to_a_node_that_is_gone_go_nowhere() {
    let nodes = vec![node("n", 0)];
    let applications = vec![
        application("ns/gone", &[(7, 2)]),
        application("ns/here", &[(0, 1)]),
        application("ns/nowhere", &[]),
    ];
    // Also from and to applications that there are not.
    let flows = vec![flow(1, 0, 5.0), flow(1, 2, 3.0), flow(1, 9, 2.0), flow(9, 1, 1.0)];
    let scene = Scene { at: None, zones: vec![Zone::default()], nodes, applications, flows };
    let view = MapView::new(&scene, &MapQuery::default());
    assert_eq!(view.totals.within_node, 0.0);
    assert_eq!(view.node_flows.from.len(), 0);
    assert!(serde_json::to_string(&view).is_ok());
    for name in ["ns/gone", "ns/here", "ns/nowhere"] {
        assert!(ApplicationView::new(&scene, name).is_some(), "{name}");
    }
    assert!(NodeView::new(&scene, "n").is_some());
    assert!(!by_namespace(&scene, 10).is_empty());
}

#[test]
fn nothing_at_all_is_a_view_of_nothing() {
    let scene = Scene::default();
    assert_eq!(MapView::new(&scene, &MapQuery::default()).totals, Amounts::default());
    assert!(NodeView::new(&scene, "").is_none() && ApplicationView::new(&scene, "/").is_none());
    assert!(by_namespace(&scene, 10).is_empty());
}
