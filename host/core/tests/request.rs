//! Gathering from a snapshot: the worked example, what each need brings, and what no need costs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::time::{Duration, Instant};

use netmarks_core::application::Application;
use netmarks_core::assumed::Assumed;
use netmarks_core::combine::{Normalisation, normalise};
use netmarks_core::compose::{ScoreMap, compose};
use netmarks_core::expected::ExpectedTraffic;
use netmarks_core::facts::{ApplicationFacts, NodeFacts, PodFacts, Resources};
use netmarks_core::flow::book::Flow;
use netmarks_core::index::Index;
use netmarks_core::native::netmarks_score;
use netmarks_core::needs::Needs;
use netmarks_core::request::{Candidates, Column, PendingPod, PolicyRequest, gather};
use netmarks_core::why::{Answered, NodeScore, PolicyScores, PolicyShare, rank};

/// The worked example: F runs on n1, W on n2, S on n3, nothing on n4.
fn worked_example() -> Index {
    let mut index = Index::default();
    for (position, node) in ["n1", "n2", "n3", "n4"].into_iter().enumerate() {
        let zone = if position < 2 { "east" } else { "west" };
        index.apply_node(&NodeFacts {
            name: node.to_owned(),
            zone: Some(zone.to_owned()),
            region: None,
            allocatable: Resources { cpu_millicores: 4_000, memory_bytes: 8_000 },
            ..NodeFacts::default()
        });
    }
    for (app, node) in [("f", "n1"), ("w", "n2"), ("s", "n3")] {
        index.apply_pod(&PodFacts {
            key: format!("d/{app}-0"),
            application: Some(Application::new("d", app)),
            node: Some(node.to_owned()),
            gone: false,
            requests: Resources { cpu_millicores: 500, memory_bytes: 100 },
            confined: false,
            revision: 0,
        });
    }
    let flow = |source: &str, destination: &str, bytes_per_second: f64| Flow {
        source: Application::new("d", source),
        destination: Application::new("d", destination),
        bytes_per_second,
    };
    index.replace_flows(
        1.0,
        [
            flow("f", "p", 50.0),
            flow("p", "f", 30.0),
            flow("p", "s", 100.0),
            flow("s", "p", 60.0),
            flow("p", "w", 40.0),
            flow("w", "p", 70.0),
        ],
    );
    index
}

fn mk_pending() -> PendingPod {
    PendingPod {
        group: None,
        assumed_as: None,
        expected: ExpectedTraffic::default(),
        key: "d/p-0".to_owned(),
        application: Some(Application::new("d", "p")),
        labels: vec![("app".to_owned(), "p".to_owned())],
        requests: Resources { cpu_millicores: 250, memory_bytes: 7 },
    }
}

fn gather_for(index: &Index, names: &[&str], needs: &[&str]) -> PolicyRequest {
    let snapshot = index.snapshot();
    let needs = Needs::parse(needs.iter().copied()).unwrap();
    gather(&snapshot, &mk_pending(), &Candidates::new(&snapshot, names), &needs, &[])
}

#[test]
fn the_worked_example_scores_80_110_160_0() {
    let names = ["n1", "n2", "n3", "n4"];
    let request = gather_for(&worked_example(), &names, &["peers"]);
    let raw = netmarks_score(&request);
    assert_eq!(raw, [80.0, 110.0, 160.0, 0.0]);
    let shares = normalise(&raw, Normalisation::Max);
    let scores = compose(&shares, ScoreMap::Linear, 10, 1.0);
    assert_eq!(scores, [(0, 5), (1, 7), (2, 10)]);

    let policies = [PolicyScores { policy: "netmarks", weight: 2.0, raw: &raw, shares: &shares }];
    let answered = Answered { names: &names, raw: &raw, scores: &scores, policies: &policies };
    let (positions, best): (Vec<u32>, Vec<NodeScore>) = rank(&request, &answered, 2).into_iter().unzip();
    assert_eq!(positions, [2, 1]);
    let part = PolicyShare { policy: "netmarks".into(), weight: 2.0, raw: 110.0, share: 110.0 / 160.0 };
    assert_eq!(best[1].policies, [part]);
    assert_eq!(
        best.iter().map(|node| (node.node.as_str(), node.score)).collect::<Vec<_>>(),
        [("n3", 10), ("n2", 7)]
    );
    assert_eq!(best[0].peers[0].application, Application::new("d", "s"));
    assert_eq!(best[0].peers[0].outbound_bytes_per_second, 100.0);
    assert_eq!(best[0].peers[0].inbound_bytes_per_second, 60.0);
    assert_eq!(best[0].peers[0].weight(), best[0].raw);
}

#[test]
fn replicas_count_each_and_unknown_candidates_and_pods_score_nothing() {
    let mut index = worked_example();
    index.apply_pod(&PodFacts {
        key: "d/s-1".to_owned(),
        application: Some(Application::new("d", "s")),
        node: Some("n3".to_owned()),
        gone: false,
        requests: Resources::default(),
        confined: false,
        revision: 0,
    });
    let request = gather_for(&index, &["never-seen", "n3"], &["peers"]);
    assert_eq!(netmarks_score(&request), [0.0, 320.0]);

    let snapshot = index.snapshot();
    let stranger = PendingPod { application: Some(Application::new("d", "new")), ..mk_pending() };
    let names = ["n1", "n3"];
    let needs = Needs::parse(["peers"]).unwrap();
    let cold = gather(&snapshot, &stranger, &Candidates::new(&snapshot, &names), &needs, &[]);
    assert_eq!(netmarks_score(&cold), [0.0, 0.0]);
    assert_eq!(cold.peers.first, [0]);
}

#[test]
fn a_policy_without_needs_is_told_the_number_of_candidates_and_nothing_else() {
    let request = gather_for(&worked_example(), &["n1", "n4"], &[]);
    assert_eq!(request, PolicyRequest { candidates: 2, nodes: 2, ..PolicyRequest::default() });
}

#[test]
fn other_nodes_follow_the_candidates() {
    let request = gather_for(&worked_example(), &["n4", "n3"], &["peers", "other-nodes", "node.name"]);
    assert_eq!((request.candidates, request.nodes), (2, 4));
    let Column::Texts(names) = &request.columns[0] else { panic!("names are texts") };
    assert_eq!(names[..2], ["n4", "n3"]);
    let mut others = names[2..].to_vec();
    others.sort();
    assert_eq!(others, ["n1", "n2"]);
    for peer in 0..3 {
        assert_eq!(request.peers.placement(peer).count(), 1, "every peer is somewhere");
    }
    let without = gather_for(&worked_example(), &["n4", "n3"], &["peers"]);
    assert_eq!(without.peers.node, [1], "only S is on a candidate");
}

#[test]
fn columns_arrive_in_the_order_of_the_needs() {
    let needs = [
        "pod.labels",
        "node.zone",
        "peers",
        "node.cpu-allocatable",
        "node.cpu-requested",
        "peer.name",
        "peer.pods",
        "node.own-pods",
        "pod.cpu-request",
        "node.memory-requested",
    ];
    let request = gather_for(&worked_example(), &["n1", "n3", "unknown"], &needs);
    let texts = |list: &[&str]| Column::Texts(list.iter().map(|text| (*text).to_owned()).collect());
    assert_eq!(
        request.columns,
        [
            texts(&["app", "p"]),
            Column::Indexes(vec![1, 2, 0]),
            Column::Numbers(vec![4.0, 4.0, 0.0]),
            Column::Numbers(vec![0.5, 0.5, 0.0]),
            texts(&["d/s", "d/w", "d/f"]),
            Column::Indexes(vec![1, 1, 1]),
            Column::Indexes(vec![0, 0, 0]),
            Column::Numbers(vec![0.25]),
            Column::Numbers(vec![100.0, 100.0, 0.0]),
        ]
    );
}

#[test]
fn a_pod_just_answered_counts_until_it_is_seen_or_forgotten() {
    let index = worked_example();
    let snapshot = index.snapshot();
    let (assumed, now) = (Assumed::default(), Instant::now());
    let s = Application::new("d", "s");
    assumed.assume("d/s-1", None, &s, "n1", now, Duration::from_secs(2));
    assumed.assume("d/s-2", None, &s, "n3", now, Duration::from_secs(2));
    let score = |at: Instant, asking: &str| {
        let names = ["n1", "n2", "n3", "n4"];
        let pods = assumed.resolve(&snapshot, at, asking);
        let needs = Needs::parse(["peers"]).unwrap();
        netmarks_score(&gather(&snapshot, &mk_pending(), &Candidates::new(&snapshot, &names), &needs, &pods))
    };
    assert_eq!(score(now, "d/p-0"), [240.0, 110.0, 320.0, 0.0]);
    assert_eq!(score(now, "d/s-1"), [80.0, 110.0, 320.0, 0.0], "a pod is not a peer of itself");
    assert_eq!(score(now + Duration::from_millis(1_999), "d/p-0")[0], 240.0);
    assert_eq!(score(now + Duration::from_millis(2_000), "d/p-0"), [80.0, 110.0, 160.0, 0.0]);
    assumed.forget("d/s-2", now);
    assert_eq!(score(now, "d/p-0"), [240.0, 110.0, 160.0, 0.0]);
    assumed.assume("d/s-3", None, &s, "n4", now, Duration::ZERO);
    assert_eq!(score(now, "d/p-0")[3], 0.0, "a lifetime of zero switches it off");
}

fn say(index: &mut Index, application: &str, replicas: u32, local_routing: bool) {
    index.apply_application(&ApplicationFacts {
        application: Application::new("d", application),
        replicas,
        requests: Resources { cpu_millicores: 2_000, memory_bytes: 9 },
        local_routing,
    });
}

/// Peers in the order of their weight: s, w, f.
#[test]
fn what_controllers_and_services_say_is_told_where_it_is_asked_for() {
    let needs = ["peers", "peer.replicas", "peer.local-share", "peer.cpu-request", "pod.replicas"];
    let silent = [
        Column::Indexes(vec![1, 1, 1]),
        Column::Numbers(vec![0.0, 0.0, 0.0]),
        Column::Numbers(vec![0.5, 0.5, 0.5]),
        Column::Indexes(vec![1]),
    ];
    let mut index = worked_example();
    assert_eq!(gather_for(&index, &["n1"], &needs).columns, silent);

    say(&mut index, "s", 3, true);
    say(&mut index, "p", 5, false);
    index.delete_pod("d/w-0");
    say(&mut index, "w", 2, false);
    let told = [
        Column::Indexes(vec![3, 2, 1]),
        // 100 of 160 bytes are of calls to s.
        Column::Numbers(vec![100.0 / 160.0, 0.0, 0.0]),
        // No pod of w runs, so what its controller says counts.
        Column::Numbers(vec![0.5, 2.0, 0.5]),
        Column::Indexes(vec![5]),
    ];
    assert_eq!(gather_for(&index, &["n1"], &needs).columns, told);

    say(&mut index, "p", 5, true);
    let shares = gather_for(&index, &["n1"], &["peers", "peer.local-share"]).columns;
    assert_eq!(shares, [Column::Numbers(vec![1.0, 70.0 / 110.0, 50.0 / 80.0])]);
}

#[test]
fn assumed_pods_count_as_replicas_and_towards_the_target() {
    let mut index = worked_example();
    say(&mut index, "p", 2, false);
    let nodes = [("n1", 2), ("n3", 1), ("gone", 4)].map(|(node, pods)| (node.to_owned(), pods));
    index.replace_target(&[(Application::new("d", "p"), nodes.to_vec())]);
    let snapshot = index.snapshot();
    let needs = Needs::parse(["node.target", "pod.replicas"]).unwrap();
    let names = ["n1", "n3", "unknown"];
    let told = |assumed: &[_]| {
        gather(&snapshot, &mk_pending(), &Candidates::new(&snapshot, &names), &needs, assumed).columns
    };
    assert_eq!(told(&[]), [Column::Indexes(vec![2, 1, 0]), Column::Indexes(vec![2])]);
    let id = snapshot.application_id("d/p").unwrap();
    let (n1, n3) = (snapshot.names().id("n1").unwrap(), snapshot.names().id("n3").unwrap());
    let assumed = [(id, n1), (id, n3), (id, n3)];
    assert_eq!(told(&assumed), [Column::Indexes(vec![1, 0, 0]), Column::Indexes(vec![4])]);
}

#[test]
fn places_of_the_target_that_are_full_or_closed_are_not_held_back() {
    let mut index = worked_example();
    let nodes = [("n1", 2), ("n2", 1), ("n3", 1)].map(|(node, pods)| (node.to_owned(), pods));
    index.replace_target(&[(Application::new("d", "p"), nodes.to_vec())]);
    index.apply_pod(&PodFacts {
        key: "d/large-0".to_owned(),
        application: None,
        node: Some("n2".to_owned()),
        gone: false,
        requests: Resources { cpu_millicores: 3_500, memory_bytes: 1 },
        confined: false,
        revision: 0,
    });
    index.apply_node(&NodeFacts {
        name: "n3".to_owned(),
        allocatable: Resources { cpu_millicores: 4_000, memory_bytes: 8_000 },
        closed: true,
        ..NodeFacts::default()
    });
    let not_offered =
        |names: &[&str]| gather_for(&index, names, &["pod.target", "pod.target-not-offered"]).columns;
    let told = |pods| [Column::Indexes(vec![4]), Column::Indexes(vec![pods])];
    assert_eq!(not_offered(&["n4"]), told(2));
    assert_eq!(not_offered(&["n1", "n4"]), told(0));
    let needs = ["pod.target", "peers", "other-nodes", "pod.target-not-offered"];
    let with_others = gather_for(&index, &["n4"], &needs);
    assert_eq!(
        (with_others.nodes, with_others.columns),
        (4, told(2).to_vec()),
        "other nodes are not candidates"
    );
}
