//! What is shown, and what is left out.

use netmarks_map::{
    ApplicationList, ApplicationView, Filter, ListQuery, MapQuery, MapView, NodeView, Scene, Sort, Zone,
};

use crate::scenes::{application, flow, node, small};

#[test]
fn columns_are_all_as_long_and_names_are_whole_again() {
    let scene = small();
    let view = MapView::new(&scene, &MapQuery::default());
    let nodes = &view.nodes;
    assert_eq!((nodes.prefix.as_str(), nodes.suffix.as_str()), ("n-", ".x"));
    let names: Vec<String> =
        nodes.names.iter().map(|name| format!("{}{name}{}", nodes.prefix, nodes.suffix)).collect();
    assert_eq!(names, ["n-0.x", "n-1.x", "n-2.x", "n-3.x"]);
    let lengths =
        [nodes.zone.len(), nodes.pods.len(), nodes.max_pods.len(), nodes.cpu.len(), nodes.memory.len()];
    assert_eq!(lengths, [4; 5]);
    assert_eq!((nodes.closed.len(), nodes.within.len(), nodes.beyond.len(), nodes.left_out), (4, 4, 4, 0));
    assert_eq!((nodes.pods.clone(), nodes.cpu[0], nodes.memory[0]), (vec![2, 1, 3, 1], 250, 62));
    let places = view.placements.unwrap();
    assert_eq!(places.applications, ["data/db", "shop/far", "shop/web"]);
    assert_eq!(places.pods.iter().sum::<u32>(), 7);
}

#[test]
fn filters_choose_flows_and_parts_choose_nodes() {
    let scene = small();
    let view = |query| MapView::new(&scene, &query);
    let filtered = |filter| view(MapQuery { filter, ..MapQuery::default() });
    let none = filtered(Filter { at_least: 1e9, ..Filter::default() });
    assert_eq!((none.totals.total(), none.nodes.names.len()), (0.0, 4));
    assert_eq!(none.node_flows.shown, None);
    let of_data = filtered(Filter { namespace: Some("data".to_owned()), ..Filter::default() });
    assert_eq!((of_data.totals.total(), of_data.nodes.pods), (816.0, vec![1, 1, 2, 0]));
    let of_far = filtered(Filter { application: Some("shop/far".to_owned()), ..Filter::default() });
    assert_eq!(of_far.totals.total(), 60.0);
    let of_nobody = filtered(Filter { application: Some("shop/none".to_owned()), ..Filter::default() });
    assert_eq!(of_nobody.totals.total(), 0.0);

    let in_a = view(MapQuery { zone: Some("a".to_owned()), ..MapQuery::default() });
    assert_eq!(in_a.nodes.zone, [0, 0, 2]);
    assert!(in_a.totals.total() > 800.0, "totals are of all");
    let near = view(MapQuery { nodes: vec!["n-1.x".to_owned()], ..MapQuery::default() });
    assert_eq!((near.nodes.names, near.placements.unwrap().pods), (vec!["n-1.x".to_owned()], vec![1]));
}

#[test]
fn applications_come_in_pages() {
    let scene = small();
    let list = |query| ApplicationList::new(&scene, &Filter::default(), &query);
    let names = |list: ApplicationList| -> Vec<String> {
        list.items.into_iter().map(|row| row.application).collect()
    };
    let all = ListQuery { limit: 10, ..ListQuery::default() };
    assert_eq!(names(list(all.clone())), ["shop/web", "data/db", "shop/far", "shop/gone"]);
    let second = list(ListQuery { sort: Sort::Name, offset: 1, limit: 2, ..all.clone() });
    assert_eq!((second.total, names(second)), (4, vec!["shop/far".to_owned(), "shop/gone".to_owned()]));
    assert_eq!(names(list(ListQuery { search: "WEB".to_owned(), ..all })), ["shop/web"]);
    assert_eq!(names(list(ListQuery { sort: Sort::Pods, limit: 1, ..all })), ["data/db"]);
}

#[test]
fn details_name_peers_and_where_they_are() {
    let scene = small();
    let web = ApplicationView::new(&scene, "shop/web").unwrap();
    let peers: Vec<(&str, f64, f64)> =
        web.peers.iter().map(|peer| (peer.application.as_str(), peer.outbound, peer.inbound)).collect();
    assert_eq!(peers, [("data/db", 800.0, 0.0), ("shop/far", 60.0, 0.0), ("shop/gone", 7.0, 0.0)]);
    assert_eq!(web.nodes.iter().map(|node| node.node.as_str()).collect::<Vec<_>>(), ["n-0.x", "n-2.x"]);
    assert!(ApplicationView::new(&scene, "shop/none").is_none());
    let far = NodeView::new(&scene, "n-3.x").unwrap();
    assert_eq!((far.zone.as_deref(), far.region.as_deref()), (Some("a"), Some("s")));
    assert_eq!((far.peers.len(), far.peers[0].distance, far.totals.across_regions), (2, 3, 60.0));
    assert!(NodeView::new(&scene, "n-9").is_none());
}

#[test]
fn what_stays_on_a_node_is_there_by_pair_the_heaviest_first() {
    let mut scene = small();
    // Calls the other way, which are of the same pair.
    scene.flows.push(flow(0, 3, 80.0));
    scene.flows.sort_by_key(|flow| (flow.source, flow.destination));
    let within = |node: &str| -> Vec<(String, String, f64)> {
        let flows = NodeView::new(&scene, node).unwrap().flows_within;
        flows.into_iter().map(|flow| (flow.application, flow.peer, flow.bytes_per_second)).collect()
    };
    let pair = |one: &str, other: &str, rate| (one.to_owned(), other.to_owned(), rate);
    // On node 0 half of web's 800 is called and a quarter of that answered, a quarter of db's 80 is called and half of that answered.
    assert_eq!(within("n-0.x"), [pair("data/db", "shop/web", 110.0), pair("data/db", "data/db", 1.0)]);
    assert_eq!(within("n-1.x"), [pair("data/db", "data/db", 1.0)], "its pods call themselves, once counted");
    assert_eq!(within("n-2.x"), [pair("data/db", "shop/web", 220.0), pair("data/db", "data/db", 4.0)]);
    assert_eq!(within("n-3.x"), []);
}

#[test]
fn of_very_many_pairs_on_a_node_the_heaviest_are_there() {
    let names: Vec<String> = (0..150).map(|at| format!("a/app-{at:03}")).collect();
    let applications = names.iter().map(|name| application(name, &[(0, 1)])).collect();
    let flows = (0..149).map(|at| flow(at, at + 1, f64::from(at + 1))).collect();
    let scene = Scene {
        zones: vec![Zone::default()],
        nodes: vec![node("n", 0)],
        applications,
        flows,
        ..Scene::default()
    };
    let view = NodeView::new(&scene, "n").unwrap();
    let rates: Vec<f64> = view.flows_within.iter().map(|flow| flow.bytes_per_second).collect();
    let heaviest: Vec<f64> = (50..150).rev().map(f64::from).collect();
    assert_eq!(rates, heaviest);
    assert_eq!(view.totals.within_node, (1..150).map(f64::from).sum::<f64>(), "totals are of all");
}

#[test]
fn zones_beyond_the_bound_are_one() {
    let zones: Vec<Zone> =
        (0..100).map(|at| Zone { region: None, name: Some(format!("z{at:03}")) }).collect();
    // Two nodes in each of the first zones, one in the others.
    let mut nodes = Vec::new();
    for zone in 0..100 {
        nodes.extend((0..if zone < 63 { 2 } else { 1 }).map(|at| node(&format!("n{zone}-{at}"), zone)));
    }
    let last = u32::try_from(nodes.len() - 1).unwrap();
    let scene = Scene {
        zones,
        nodes,
        applications: vec![application("a/a", &[(0, 1)]), application("a/b", &[(last - 1, 1), (last, 1)])],
        flows: vec![flow(0, 1, 10.0), flow(1, 1, 8.0)],
        ..Scene::default()
    };
    let view = MapView::new(&scene, &MapQuery::default());
    assert_eq!(view.zones.len(), 64);
    let others = view.zones.last().unwrap();
    assert_eq!((others.name.as_deref(), others.nodes), (Some("(other zones)"), 37));
    assert_eq!((view.zone_flows.len(), view.zone_flows[0].bytes_per_second), (1, 10.0));
    assert_eq!(
        (view.totals.within_node, view.totals.across_zones),
        (4.0, 14.0),
        "zones that are one are two all the same"
    );
}
