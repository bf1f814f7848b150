//! The score against the paper's worked example and its rules, natively.

use netmarks_policy_sdk::testing::RequestBuilder;
use netmarks_policy_sdk::{Part, Policy, Request};

use super::NetMarks;

/// P exchanges bytes with F (50 out, 30 in), S (100, 60) and W (40, 70). Node 1 runs F, node 2 runs W, node 3 runs S,
/// node 4 nothing; they are candidates 0 to 3.
fn worked_example() -> RequestBuilder {
    RequestBuilder::new::<NetMarks>(4).peer(100.0, 60.0, &[(2, 1)]).peer(40.0, 70.0, &[(1, 1)]).peer(
        50.0,
        30.0,
        &[(0, 1)],
    )
}

fn score(request: &Request) -> Vec<f64> {
    NetMarks::score(request).unwrap()
}

#[test]
fn the_worked_example() {
    assert_eq!(score(&worked_example().build()), [80.0, 110.0, 160.0, 0.0]);
}

#[test]
fn each_replica_counts() {
    let request = RequestBuilder::new::<NetMarks>(3).peer(100.0, 60.0, &[(0, 2), (1, 1)]).build();
    assert_eq!(score(&request), [320.0, 160.0, 0.0]);
}

#[test]
fn an_application_that_calls_itself_is_drawn_to_its_own_pods() {
    // A self-call is one directed flow, F(P, P); the formula adds F(P, X) and F(X, P), so the host sends it twice.
    let request = RequestBuilder::new::<NetMarks>(2).peer(25.0, 25.0, &[(1, 3)]).build();
    assert_eq!(score(&request), [0.0, 150.0]);
}

#[test]
fn an_unknown_application_scores_zero_everywhere() {
    assert_eq!(score(&RequestBuilder::new::<NetMarks>(5).build()), [0.0; 5]);
}

#[test]
fn pods_on_nodes_that_are_not_candidates_are_left_out() {
    let request =
        RequestBuilder::new::<NetMarks>(2).other_nodes(2).peer(1.0, 0.0, &[(3, 9), (1, 1), (2, 9)]).build();
    assert_eq!(score(&request), [0.0, 1.0]);
}

#[test]
fn peers_on_one_node_add_up() {
    let request =
        RequestBuilder::new::<NetMarks>(1).peer(2.0, 1.0, &[(0, 2)]).peer(0.5, 0.0, &[(0, 4)]).build();
    assert_eq!(score(&request), [8.0]);
}

#[test]
fn the_parts_of_every_node_add_up_to_its_score() {
    let request = worked_example().peer(1.0, 2.0, &[(3, 2), (0, 5)]).build();
    for (node, score) in (0..).zip(score(&request)) {
        let parts = NetMarks::explain(&request, node).unwrap();
        assert_eq!(parts.iter().map(|part| part.amount).sum::<f64>(), score, "node {node}");
    }
}

#[test]
fn only_peers_with_pods_on_the_node_explain_it() {
    let request = worked_example().peer(1.0, 2.0, &[(0, 5)]).build();
    let parts = NetMarks::explain(&request, 0).unwrap();
    let [first, second] = &parts[..] else { panic!("two parts, not {parts:?}") };
    let shown = |part: &Part| (part.peer, part.label.clone(), part.amount);
    assert_eq!(shown(first), (Some(2), "traffic".to_owned(), 80.0));
    assert_eq!(shown(second), (Some(3), "traffic".to_owned(), 15.0));
}

#[test]
fn an_explanation_keeps_to_the_contracts_limit_with_the_heaviest_peers() {
    let mut builder = RequestBuilder::new::<NetMarks>(1);
    for weight in (0..300).rev() {
        builder = builder.peer(f64::from(weight), 0.0, &[(0, 1)]);
    }
    let parts = NetMarks::explain(&builder.build(), 0).unwrap();
    assert_eq!(parts.len(), 256);
    assert_eq!(parts.last().and_then(|part| part.peer), Some(255));
}
