//! What it means for the next moves where the pods of earlier ones landed: nodes that are as good, and gains that did not come.

use super::*;

#[test]
fn a_node_that_is_as_good_is_not_elsewhere() {
    let names = ["1", "2", "3"];
    let mut setting = Setting::new(&names, Limits { most_elsewhere: 0, ..Limits::default() });
    let or = vec!["c".to_owned(), "d".to_owned()];
    let moves = setting.run.moves().iter().map(|planned| Move { or: or.clone(), ..planned.clone() });
    setting.run = Run::new(moves.collect(), Limits { most_elsewhere: 0, ..Limits::default() }, &[]);
    setting.evict(0);
    setting.set("1", None);
    setting.set("0", Some(pod("scaled-up", Some("e"), "ReplicaSet")));
    setting.set("5", Some(pod("uid-5", Some("d"), "ReplicaSet")));
    let event = Event::Replaced { by: "shop/5".to_owned(), node: "d".to_owned() };
    assert_eq!(setting.next(1), Action::Record { number: 0, event: event.clone() });
    setting.happens(&event, 1);
    assert!(matches!(setting.next(1), Action::Evict { number: 1, .. }));
    // A pod that is there already need not move.
    setting.set("2", Some(pod("uid-2", Some("c"), "ReplicaSet")));
    assert_eq!(setting.next(1), Action::Record { number: 1, event: Event::Skipped { why: Skip::There } });
}

#[test]
fn a_move_is_left_out_only_when_no_node_of_its_tie_takes_pods() {
    let planned = Move { or: vec!["c".to_owned(), "d".to_owned()], ..planned("1") };
    let seen = |nodes: &[(&str, NodeSeen)]| {
        let look = |name: &str| nodes.iter().find(|(node, _)| *node == name).map(|(_, seen)| *seen);
        planned.closed(look).map_err(str::to_owned)
    };
    let (cordoned, gone) = (NodeSeen::Cordoned, NodeSeen::Gone);
    assert_eq!(seen(&[]), Err("b".to_owned()));
    assert_eq!(seen(&[("b", NodeSeen::Ready)]), Ok(None), "the others need not be looked at");
    assert_eq!(seen(&[("b", cordoned)]), Err("c".to_owned()));
    assert_eq!(seen(&[("b", cordoned), ("c", gone), ("d", NodeSeen::Ready)]), Ok(None));
    let all = [("b", cordoned), ("c", gone), ("d", NodeSeen::NotReady)];
    assert_eq!(seen(&all), Ok(Some(Skip::TargetCordoned)));
    let mut setting = Setting::new(&["1"], Limits::default());
    setting.run = Run::new(vec![planned.clone()], Limits::default(), &[]);
    setting.node = NodeSeen::Cordoned;
    assert_eq!(setting.next(0), Action::Look { node: "c".to_owned() });
}

#[test]
fn later_moves_of_an_application_follow_where_kube_scheduler_broke_a_tie() {
    let planned = |name: &str, application: &str, from: &str, to: &str| Move {
        application: application.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        or: if to == "b" { vec!["c".to_owned(), "d".to_owned()] } else { Vec::new() },
        ..planned(name)
    };
    let moves = vec![
        planned("1", "shop/cart", "a", "b"),
        planned("2", "shop/cart", "a", "b"),
        planned("3", "shop/cart", "a", "d"),
        planned("4", "shop/cart", "d", "b"),
        planned("5", "shop/ads", "a", "b"),
    ];
    let replaced = |node: &str| Event::Replaced { by: "shop/new".to_owned(), node: node.to_owned() };
    let before = moves.clone();
    let run = |node: &str| Run::new(moves.clone(), Limits::default(), &[replaced(node)]);
    for node in ["b", "e"] {
        assert_eq!(run(node).moves(), before, "{node} is not another node of the tie");
    }
    let run = run("d");
    let nodes = |number: usize| {
        let Move { to, or, .. } = &run.moves()[number];
        format!("{to} {}", or.join(" "))
    };
    assert_eq!(nodes(0), "b c d", "what has ended stays");
    assert_eq!(nodes(1), "d c b");
    assert_eq!(nodes(2), "b ");
    assert_eq!(nodes(3), "b c d", "it is on one of the two");
    assert_eq!(nodes(4), "b c d", "another application");
    assert_eq!(run.plan(), crate::moves::digest(&before), "it is the same plan");
}

#[test]
fn a_move_that_pays_only_with_others_is_not_begun_when_those_failed() {
    let with_gains = |gains: &[f64], before: &[Event]| {
        let names: Vec<String> = (0..gains.len()).map(|index| index.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut setting = Setting::new(&names, Limits::default());
        let moves = setting.run.moves().iter().zip(gains);
        let moves = moves.map(|(planned, gain)| Move { gain: *gain, ..planned.clone() });
        setting.run = Run::new(moves.collect(), Limits::default(), before);
        setting
    };
    let replaced = |node: &str| Event::Replaced { by: "shop/new".to_owned(), node: node.to_owned() };
    let gains = [1_000.0, -800.0, 2_000.0];
    let as_planned = with_gains(&gains, &[replaced("b")]);
    assert!(matches!(as_planned.next(0), Action::Evict { number: 1, .. }));
    let there = with_gains(&gains, &[Event::Skipped { why: Skip::There }]);
    assert!(matches!(there.next(0), Action::Evict { number: 1, .. }));
    for failed in [replaced("c"), Event::Skipped { why: Skip::Gone }] {
        let setting = with_gains(&gains, &[failed]);
        let (costs, gained) = ("800.0 B/s".to_owned(), "0.0 B/s".to_owned());
        assert_eq!(setting.next(0), Action::Stop(Stop::Loss { pod: "shop/1".to_owned(), costs, gained }));
    }
    // One that is left out costs nothing.
    let mut setting = with_gains(&gains, &[replaced("c")]);
    setting.set("1", None);
    assert_eq!(setting.next(0), Action::Record { number: 1, event: Event::Skipped { why: Skip::Gone } });
    // A pod that ended elsewhere has cost what it was to cost.
    let gains = [1_000.0, -800.0, -300.0, 2_000.0];
    let gone = Event::Unreplaced { why: Unreplaced::ControllerGone };
    for failed in [replaced("c"), gone] {
        let setting = with_gains(&gains, &[replaced("b"), failed]);
        let (costs, gained) = ("300.0 B/s".to_owned(), "200.0 B/s".to_owned());
        assert_eq!(setting.next(0), Action::Stop(Stop::Loss { pod: "shop/2".to_owned(), costs, gained }));
    }
    let left_out = with_gains(&gains, &[replaced("b"), Event::Skipped { why: Skip::Gone }]);
    assert!(matches!(left_out.next(0), Action::Evict { number: 2, .. }));
    // One that gains by itself goes on.
    let after = with_gains(&[1_000.0, 5.0], &[replaced("c")]);
    assert!(matches!(after.next(0), Action::Evict { number: 1, .. }));
}
