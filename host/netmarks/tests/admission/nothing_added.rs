//! When nothing is added although the pod is one that is steered: what is known of the cluster does not suffice, or nothing could be added.

use std::sync::Arc;

use netmarks_admission::Model;
use netmarks_core::freshness::WhenStale;
use netmarks_policies::{Actor, Origin};
use netmarks_scoring::ScoringConfig;
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::{ClusterState, MetricsState};
use serde_json::json;

use super::inside::Inside;
use super::{Door, admission, preferred, review};
use crate::support::{config, deliver, hostile, worked_example_file};

#[tokio::test(flavor = "multi_thread")]
async fn flows_that_are_not_there_or_old_add_nothing() {
    use WhenStale::{Fade, Ignore, Keep};
    let config = admission(config());
    let state = Arc::new(ClusterState::new(MetricsState::NotYet));
    let door = Door::open_on(config.clone(), state.clone()).await;
    // So that none is assumed when the next is asked about.
    let mut dry = review("u-1");
    dry["request"]["dryRun"] = json!(true);
    assert!(door.patch_with("no-metrics", &dry).await.is_empty());
    assert_eq!(config.scoring.max_flow_age_seconds, 300.0);
    for (when_stale, age, outcome) in [
        (Ignore, 10.0, "patched"),
        (Ignore, 301.0, "stale-metrics"),
        // The extender's scores sink with the flows' age; a term would not.
        (Fade, 440.0, "stale-metrics"),
        (Fade, 700.0, "stale-metrics"),
        (Keep, 100_000.0, "patched"),
    ] {
        door.extender.scoring.scorer.configure(ScoringConfig { when_stale, ..config.scoring.clone() });
        deliver(&state, age).unwrap();
        let patch = door.patch_with(outcome, &dry).await;
        assert_eq!(patch.is_empty(), outcome != "patched", "{when_stale:?} at {age} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_added_without_an_active_policy() {
    let door = Door::open(admission(config())).await;
    let registry = &door.extender.scoring.registry;
    let name = registry.manifest().entries.remove(0).name;
    registry.remove(name, Origin::Configuration, Actor::own("test", "here")).await.unwrap();
    assert!(door.patch_with("no-policy", &review("u-1")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_added_before_the_lists_of_nodes_and_pods_are_complete() {
    let model = Model::default();
    let inside = Inside::open(admission(config()), model.clone()).await;
    let snapshot = SnapshotFile::read(&worked_example_file()).unwrap();
    assert!(inside.door.patch_with("not-ready", &review("u-1")).await.is_empty());
    model.update(|cluster| {
        cluster.begin_node_list();
        snapshot.nodes.iter().for_each(|node| cluster.apply_node(node.model()));
        cluster.end_node_list();
    });
    assert!(inside.door.patch_with("not-ready", &review("u-2")).await.is_empty());
    model.update(|cluster| {
        cluster.begin_pod_list();
        snapshot.pods.iter().for_each(|pod| cluster.apply_pod(pod.model()));
        cluster.end_pod_list();
    });
    let patch = inside.door.patch_with("patched", &review("u-3")).await;
    assert_eq!(preferred(&patch)[0].1, ["node-3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_added_where_all_nodes_are_as_good_as_each_other() {
    // It gives each the same score.
    let door = Door::open(admission(hostile("ok"))).await;
    assert!(door.patch_with("no-preference", &review("u-1")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_added_to_a_pod_that_kubernetes_would_not_take_with_it() {
    let door = Door::open(admission(config())).await;
    let mut annotated = review("u-1");
    annotated["request"]["object"]["metadata"]["annotations"] = json!({"note": "x".repeat(256 << 10)});
    let mut large = review("u-2");
    large["request"]["object"]["spec"]["containers"][0]["args"] = json!(["x".repeat(1_400_000)]);
    for review in [annotated, large] {
        assert!(door.patch_with("no-room", &review).await.is_empty());
    }
    assert_eq!(door.extender.metric("netmarks_admission_assumed_pods").await.unwrap(), 0.0);
}
