use netmarks_core::application::Application;
use netmarks_core::facts::{NodeFacts, PodFacts, Resources};
use netmarks_core::flow::book::Flow;
use netmarks_core::index::Index;
use netmarks_state::MetricsState;

use super::*;

/// Two pairs of applications that talk, two pods each, spread over two nodes with room for four.
fn fill(index: &mut Index) {
    for node in ["a", "b"] {
        index.apply_node(&NodeFacts {
            name: node.into(),
            allocatable: Resources { cpu_millicores: 4, memory_bytes: 4 },
            max_pods: 4,
            ..NodeFacts::default()
        });
    }
    for (application, nodes) in
        [("web", ["a", "a"]), ("db", ["b", "b"]), ("front", ["a", "a"]), ("back", ["b", "b"])]
    {
        for (number, node) in nodes.into_iter().enumerate() {
            index.apply_pod(&PodFacts {
                key: format!("shop/{application}-{number}"),
                application: Some(Application::new("shop", application)),
                node: Some(node.into()),
                gone: false,
                requests: Resources { cpu_millicores: 1, memory_bytes: 1 },
                confined: false,
                revision: 0,
            });
        }
    }
    let flow = |source, destination| Flow {
        source: Application::new("shop", source),
        destination: Application::new("shop", destination),
        bytes_per_second: 100.0,
    };
    index.replace_flows(unix_now(), [flow("web", "db"), flow("front", "back")]);
}

fn keeper(asked_for: bool) -> Keeper<impl Fn() -> bool> {
    let state = ClusterState::new(MetricsState::Absent);
    state.update(fill);
    state.pods_listed();
    state.nodes_listed();
    Keeper::new(Arc::new(state), TargetConfig::default(), move || asked_for, WhenIdle::default())
}

fn targets(state: &ClusterState) -> Vec<usize> {
    state.snapshot().applications().map(|(_, row)| row.target.len()).collect()
}

#[tokio::test]
async fn what_talks_gets_a_common_node_and_policies_are_told() {
    let mut keeper = keeper(true);
    keeper.look(&CancellationToken::new()).await;
    let report = keeper.state.health().target.report();
    assert_eq!(report.state, TargetState::Ready);
    assert_eq!((report.now, report.target), (Some(0.0), Some(1.0)));
    assert!(report.bound.is_some_and(|bound| bound >= 1.0 - 1e-9));
    assert_eq!(targets(&keeper.state), [1; 4], "each application on one node");
    let first = keeper.kept.clone().map(|kept| kept.target);

    // Nothing changed: nothing is searched.
    keeper.look(&CancellationToken::new()).await;
    let again = keeper.state.health().target.report();
    assert_eq!(again.computed_at, report.computed_at);

    // A pod more in eight is enough.
    keeper.state.update(|index| {
        index.apply_pod(&PodFacts {
            key: "shop/new-0".into(),
            application: Some(Application::new("shop", "new")),
            node: None,
            gone: false,
            requests: Resources::default(),
            confined: false,
            revision: 0,
        });
        index.delete_pod("shop/web-1");
    });
    keeper.look(&CancellationToken::new()).await;
    assert!(keeper.state.health().target.report().computed_at > report.computed_at);
    assert_ne!(keeper.kept.map(|kept| kept.target), first);
}

#[tokio::test]
async fn another_replica_that_sees_the_same_has_the_same_target() {
    let (mut one, mut other) = (keeper(true), keeper(true));
    one.look(&CancellationToken::new()).await;
    other.look(&CancellationToken::new()).await;
    let digest = |keeper: &Keeper<_>| keeper.state.health().target.report().digest.unwrap();
    assert_eq!(digest(&one), digest(&other));
    assert_eq!(one.state.health().target.report().search_finished, Some(true));
    assert_eq!(one.kept.map(|kept| kept.target), other.kept.map(|kept| kept.target));
}

#[tokio::test]
async fn a_search_that_time_ends_says_so() {
    let mut keeper = keeper(true);
    keeper.config.search_seconds = 0.0;
    keeper.look(&CancellationToken::new()).await;
    let report = keeper.state.health().target.report();
    assert_eq!((report.state, report.search_finished), (TargetState::Ready, Some(false)));
}

#[tokio::test]
async fn a_node_that_is_cordoned_makes_another_target() {
    let mut keeper = keeper(true);
    keeper.look(&CancellationToken::new()).await;
    let before = keeper.state.health().target.report().computed_at;
    keeper.state.update(|index| {
        index.apply_node(&NodeFacts {
            name: "b".into(),
            allocatable: Resources { cpu_millicores: 4, memory_bytes: 4 },
            max_pods: 4,
            closed: true,
            ..NodeFacts::default()
        });
    });
    keeper.look(&CancellationToken::new()).await;
    assert!(keeper.state.health().target.report().computed_at > before);
}

mod hostile {
    use netmarks_core::facts::ApplicationFacts;

    use super::*;

    /// An application whose controller wants more pods than there can be.
    fn huge() -> ApplicationFacts {
        ApplicationFacts {
            application: Application::new("shop", "huge"),
            replicas: i32::MAX.unsigned_abs(),
            requests: Resources::default(),
            local_routing: false,
        }
    }

    #[tokio::test]
    async fn one_controller_that_wants_more_than_there_can_be_takes_nobody_s_target() {
        let mut keeper = keeper(true);
        keeper.state.update(|index| {
            index.apply_application(&huge());
        });
        keeper.look(&CancellationToken::new()).await;
        let report = keeper.state.health().target.report();
        assert_eq!((report.state, report.target), (TargetState::Ready, Some(1.0)));
    }

    #[tokio::test]
    async fn how_many_of_the_pods_that_wait_have_room_makes_no_other_target() {
        let mut keeper = keeper(true);
        keeper.state.update(|index| {
            for node in ["a", "b"] {
                index.apply_node(&NodeFacts {
                    name: node.into(),
                    allocatable: Resources { cpu_millicores: 4, memory_bytes: 4 },
                    max_pods: 10,
                    ..NodeFacts::default()
                });
            }
            index.apply_application(&huge());
        });
        keeper.look(&CancellationToken::new()).await;
        let report = keeper.state.health().target.report();
        assert_eq!(report.state, TargetState::Ready);
        keeper.state.update(|index| {
            index.apply_pod(&PodFacts {
                key: "shop/other-0".into(),
                application: None,
                node: Some("a".into()),
                gone: false,
                requests: Resources::default(),
                confined: false,
                revision: 0,
            });
        });
        keeper.look(&CancellationToken::new()).await;
        let again = keeper.state.health().target.report();
        assert_eq!(again.computed_at, report.computed_at);
    }
}

#[tokio::test]
async fn nobody_asks_too_many_pods_and_old_flows_leave_no_target() {
    let mut keeper = keeper(true);
    keeper.look(&CancellationToken::new()).await;
    assert_eq!(targets(&keeper.state), [1; 4]);
    keeper.config.max_pods = 3;
    keeper.look(&CancellationToken::new()).await;
    assert_eq!(keeper.state.health().target.report().state, TargetState::TooLarge);
    assert_eq!(targets(&keeper.state), [0; 4]);

    keeper.config = TargetConfig::default();
    keeper.look(&CancellationToken::new()).await;
    assert_eq!(targets(&keeper.state), [1; 4]);
    keeper.config.max_age_seconds = -1.0;
    keeper.look(&CancellationToken::new()).await;
    assert_eq!(keeper.state.health().target.report().state, TargetState::TooOld);
    assert_eq!(targets(&keeper.state), [0; 4]);

    let mut keeper = self::keeper(false);
    keeper.look(&CancellationToken::new()).await;
    assert_eq!(keeper.state.health().target.report().state, TargetState::NotAskedFor);
}

#[test]
fn all_replicas_look_at_the_same_instants() {
    assert_eq!(until_next(1_000.0, 300.0), Duration::from_secs(200));
    assert_eq!(until_next(1_199.5, 300.0), Duration::from_millis(500));
    assert_eq!(until_next(1_200.0, 300.0), Duration::from_secs(300));
}
