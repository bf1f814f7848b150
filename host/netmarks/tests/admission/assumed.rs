//! What is remembered of the answers: where pods are taken to be until they are seen there.

use std::time::{Duration, Instant};

use netmarks_admission::review::decode;
use serde_json::json;

use super::inside::{Inside, created, model};
use super::{Door, admission, preferred, review};
use crate::support::{NODES, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_replicas_fills_one_node_after_the_other() {
    let door = Door::open(admission(config())).await;
    for (uid, best) in [("u-1", "node-3"), ("u-2", "node-2"), ("u-3", "node-1")] {
        let patch = door.patch(&review(uid)).await.unwrap();
        assert_eq!(preferred(&patch)[0].1, [best], "{uid}");
    }
    door.extender.counted("netmarks_admission_assumed_pods", 3.0).await.unwrap();
    assert!(door.patch(&review("u-4")).await.unwrap().is_empty(), "one node is left, without peers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_here() {
    let door = Door::open(admission(config())).await;
    let mut dry = review("u-1");
    dry["request"]["dryRun"] = json!(true);
    for _ in 0..3 {
        assert_eq!(preferred(&door.patch(&dry).await.unwrap())[0].1, ["node-3"], "it shows what would be");
    }
    assert_eq!(door.extender.metric("netmarks_admission_assumed_pods").await.unwrap(), 0.0);
    assert_eq!(door.extender.json("/v1/decisions").await.unwrap(), json!([]));
}

/// Whoever refuses a pod behind the webhook does not tell it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_was_never_seen_is_a_peer_for_ten_seconds() {
    let door = Door::open(admission(config())).await;
    door.patch(&review("u-1")).await.unwrap();
    door.decision("u-1").await;
    let answered = Instant::now();
    let peers = |seconds: f64| {
        let at = answered + Duration::from_secs_f64(seconds);
        door.state.assumed().resolve(&door.state.snapshot(), at, "").len()
    };
    assert_eq!((peers(0.0), peers(10.0)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_replica_decided_is_known_by_the_watch() {
    let Inside { door, admission: here, .. } = &Inside::open(admission(config()), model()).await;
    let asked = decode(review("u-1").to_string().as_bytes()).unwrap();
    let best = || preferred(&here.decide(&asked).patch)[0].1[0].clone();
    let theirs = json!({"netmarks.dev/decision": "theirs", "netmarks.dev/preferred-node": "node-3"});
    assert_eq!(best(), "node-3");
    here.see(&created("p-5d9c-x", None, &theirs), false);
    assert_eq!(best(), "node-2", "its room is taken");
    here.see(&created("p-5d9c-x", None, &theirs), false);
    here.see(&created("p-5d9c-x", Some("node-1"), &theirs), false);
    assert_eq!(best(), "node-3", "it is bound elsewhere, which the model learns by itself");
    for node in ["preferred", "elsewhere"] {
        let landed = format!("netmarks_admission_landed_pods_total{{node=\"{node}\"}}");
        assert_eq!(door.extender.metric(&landed).await.unwrap(), 0.0, "the other one counts it");
    }
}

/// A pod that the webhook steered and whose scheduler asks the extender, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_goes_through_both_doors_is_counted_once() {
    let inside = Inside::open(admission(config()), model()).await;
    let state = inside.door.state.clone();
    let assumed = |asking: &str| state.assumed().resolve(&state.snapshot(), Instant::now(), asking).len();
    let annotations = json!({"netmarks.dev/decision": "u-1", "netmarks.dev/preferred-node": "node-3"});
    let pod = created("p-5d9c-x", None, &annotations);
    inside.door.patch(&review("u-1")).await.unwrap();
    assert_eq!(assumed(""), 1);
    let body = json!({"Pod": pod, "NodeNames": NODES});
    let scores = inside.door.extender.prioritize(&body).await.unwrap();
    let best = scores.iter().max_by_key(|(_, score)| *score).unwrap();
    assert_eq!(best.0, "node-3", "it is not among its own peers");
    // Events that come late, and those of a pod that waits, change nothing of it.
    for _ in 0..2 {
        inside.admission.see(&pod, false);
        assert_eq!((assumed(""), assumed("default/p-5d9c-x")), (1, 0), "by the extender alone");
    }
}
