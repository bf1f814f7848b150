use netmarks_core::facts::{ApplicationFacts, NodeFacts, PodFacts};
use netmarks_core::flow::book;
use netmarks_core::index::Index;

use super::*;

fn resources(cpu_millicores: u64) -> Resources {
    Resources { cpu_millicores, memory_bytes: cpu_millicores }
}

fn node(name: &str, closed: bool) -> NodeFacts {
    NodeFacts {
        name: name.into(),
        allocatable: resources(4_000),
        max_pods: 10,
        closed,
        ..NodeFacts::default()
    }
}

fn pod(key: &str, application: Option<&str>, node: &str) -> PodFacts {
    PodFacts {
        key: key.into(),
        application: application.map(|name| Application::new("shop", name)),
        node: Some(node.into()),
        gone: false,
        requests: resources(500),
        confined: false,
        revision: 0,
    }
}

fn index() -> Index {
    let mut index = Index::default();
    [node("b", false), node("a", false), node("tainted", true)]
        .iter()
        .for_each(|node| index.apply_node(node));
    let agent = PodFacts { confined: true, ..pod("shop/agent-0", Some("agent"), "a") };
    for facts in [
        pod("shop/web-0", Some("web"), "a"),
        pod("shop/db-0", Some("db"), "tainted"),
        pod("shop/x", None, "a"),
        agent,
    ] {
        index.apply_pod(&facts);
    }
    index.apply_application(&ApplicationFacts {
        application: Application::new("shop", "web"),
        replicas: 3,
        requests: resources(700),
        local_routing: true,
    });
    let flow = book::Flow {
        source: Application::new("shop", "web"),
        destination: Application::new("shop", "db"),
        bytes_per_second: 1_000.0,
    };
    index.replace_flows(1.0, [flow]);
    index
}

#[test]
fn replicas_that_are_not_there_yet_wait_and_what_has_no_choice_takes_room() {
    let scene = Scene::new(&index().snapshot(), &TargetConfig::default());
    let Inventory { nodes, applications, pods, flows } = &scene.inventory;
    assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["a", "b", "tainted"]);
    assert_eq!(applications, &["shop/agent", "shop/db", "shop/web"]);
    let of = |application: usize| {
        pods.iter()
            .filter(|pod| pod.application == Some(application))
            .map(|pod| (pod.node, pod.fixed))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(0), [(Some(0), true)], "it is confined");
    assert_eq!(of(1), [(Some(2), false)]);
    assert_eq!(of(2), [(Some(0), false), (None, false), (None, false)]);
    // The pod without an application takes 500 and a place; the others take theirs as pods of the search.
    assert_eq!((nodes[0].cpu_millicores, nodes[0].max_pods), (3_500, 9));
    assert_eq!((nodes[1].cpu_millicores, nodes[1].max_pods), (4_000, 10));
    assert_eq!((flows.len(), flows[0].source, flows[0].destination), (1, 2, 1));
    assert!((flows[0].bytes_per_second / 1_000.0 - 1.0).abs() < 0.05, "{flows:?}");
}

#[test]
fn closed_nodes_are_for_those_who_are_there() {
    let scene = Scene::new(&index().snapshot(), &TargetConfig::default());
    let (db, web) = (1, 2);
    let allows = |application: usize, node: usize| {
        let pod = scene.inventory.pods.iter().position(|pod| pod.application == Some(application)).unwrap();
        scene.allows(pod, node)
    };
    assert_eq!([allows(db, 0), allows(db, 1), allows(db, 2)], [true; 3]);
    assert_eq!([allows(web, 0), allows(web, 1), allows(web, 2)], [true, true, false]);
}

#[test]
fn calls_are_local_unless_services_are_to_be_believed() {
    let of = |routing| {
        let config = TargetConfig { routing, ..TargetConfig::default() };
        Scene::new(&index().snapshot(), &config).routing
    };
    assert_eq!(of(TargetRouting::Local), [Routing::SameNode; 3]);
    assert_eq!(of(TargetRouting::ByService), [Routing::Even, Routing::Even, Routing::SameNode]);
}

#[test]
fn a_target_names_only_pods_with_a_choice_and_says_how_many_are_in_place() {
    let scene = Scene::new(&index().snapshot(), &TargetConfig::default());
    let pods = &scene.inventory.pods;
    // All of web on b, db where it is.
    let placement =
        pods.iter().map(|pod| if pod.application == Some(2) { Some(1) } else { pod.node }).collect();
    let target = scene.target(&placement);
    let expected = [("db", "tainted", 1), ("web", "b", 3)];
    let expected: Target = expected
        .map(|(name, node, pods)| (Application::new("shop", name), vec![(node.to_owned(), pods)]))
        .into();
    assert_eq!(target, expected);
    assert_eq!(scene.in_place(&target), Some(0.25), "one of four");
}

mod hostile {
    use super::*;

    /// The most that the API server takes.
    const MOST: u32 = i32::MAX.unsigned_abs();

    fn wants(index: &mut Index, name: &str, replicas: u32, cpu_millicores: u64) {
        index.apply_application(&ApplicationFacts {
            application: Application::new("shop", name),
            replicas,
            requests: resources(cpu_millicores),
            local_routing: false,
        });
    }

    fn waiting(index: &Index, max_pods: usize) -> Vec<(String, usize)> {
        let config = TargetConfig { max_pods, ..TargetConfig::default() };
        let inventory = Scene::new(&index.snapshot(), &config).inventory;
        let count = |application: usize| {
            let waits = |pod: &&Pod| pod.application == Some(application) && pod.node.is_none();
            inventory.pods.iter().filter(waits).count()
        };
        inventory.applications.iter().enumerate().map(|(index, name)| (name.clone(), count(index))).collect()
    }

    #[test]
    fn of_more_replicas_than_could_ever_run_those_take_part_that_have_room() {
        let mut index = index();
        // Of the two open nodes with 10 places and 4,000 millicores each, 3 places and 1,500 millicores are taken.
        wants(&mut index, "any", MOST, 0);
        let of = |name: &str, pods| (format!("shop/{name}"), pods);
        assert_eq!(waiting(&index, 50_000), [of("agent", 0), of("any", 15), of("db", 0), of("web", 2)]);
        wants(&mut index, "any", MOST, 1_000);
        assert_eq!(waiting(&index, 50_000), [of("agent", 0), of("any", 6), of("db", 0), of("web", 2)]);
        wants(&mut index, "any", MOST, u64::MAX);
        assert_eq!(waiting(&index, 50_000), [of("agent", 0), of("any", 0), of("db", 0), of("web", 2)]);
    }

    #[test]
    fn what_one_application_wants_takes_no_others_out_of_a_limit() {
        let mut index = index();
        wants(&mut index, "any", MOST, 0);
        wants(&mut index, "other", MOST, 0);
        let of = |name: &str, pods| (format!("shop/{name}"), pods);
        // Three pods of applications run.
        let expected = [of("agent", 0), of("any", 3), of("db", 0), of("other", 3), of("web", 2)];
        assert_eq!(waiting(&index, 11), expected);
        assert!(waiting(&index, 2).iter().all(|(_, pods)| *pods == 0));
    }
}
