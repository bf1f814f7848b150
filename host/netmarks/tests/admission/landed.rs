//! What a preview sums up: where pods landed, and what they would exchange on their best nodes.

use netmarks_admission::Mode;
use serde_json::{Value, json};

use super::inside::{Inside, created, model};
use super::{admission, review};
use crate::support::binary::{netmarks, success};
use crate::support::config;

/// What `netmarks report` makes of the metrics of a replica.
async fn report(url: String) -> Value {
    let output = tokio::task::spawn_blocking(move || netmarks(&["report", "--server", &url, "-o", "json"]));
    serde_json::from_str(&success(&output.await.unwrap().unwrap()).unwrap()).unwrap()
}

/// By the worked example: 160, 110 and 80 bytes/s with the pods on node-3, node-2 and node-1, each of which has room for one more pod.
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_sums_up_where_pods_land_and_what_that_is_worth() {
    let mut config = admission(config());
    config.admission.mode = Mode::Preview;
    let Inside { door, admission, .. } = &Inside::open(config, model()).await;
    let see = |name: &str, node: Option<&str>| admission.see(&created(name, node, &json!({})), false);
    for (uid, best) in [("u-1", "node-3"), ("u-2", "node-2"), ("u-3", "node-1")] {
        assert!(door.patch_with("previewed", &review(uid)).await.is_empty());
        assert_eq!(door.decision(uid).await["nodes"][0]["node"], best, "{uid}");
    }
    // They name no decision, so they come in the order of their reviews.
    see("first", None);
    see("second", None);
    let landed = |preferred: u64, elsewhere: u64, best: f64, landed: f64| {
        json!({
            "reviews": {"previewed": preferred + elsewhere},
            "preferred": preferred,
            "elsewhere": elsewhere,
            "best_bytes_per_second": best,
            "landed_bytes_per_second": landed,
        })
    };
    see("second", Some("node-4"));
    see("first", Some("node-3"));
    see("first", Some("node-3"));
    // Its review found no room on this node, which is better than the best of the others.
    see("third", Some("node-3"));
    let sum = landed(2, 1, 160.0 + 110.0 + 80.0, 160.0 + 0.0 + 160.0);
    assert_eq!(report(door.extender.url("")).await, sum);

    // One that is deleted before it has a node landed nowhere.
    assert!(door.patch_with("previewed", &review("u-4")).await.is_empty());
    door.extender.counted("netmarks_admission_assumed_pods", 1.0).await.unwrap();
    admission.see(&created("fourth", None, &json!({})), true);
    assert_eq!(door.extender.metric("netmarks_admission_assumed_pods").await.unwrap(), 0.0);
    let mut with_fourth = sum;
    with_fourth["reviews"]["previewed"] = json!(4);
    assert_eq!(report(door.extender.url("")).await, with_fourth);
}
