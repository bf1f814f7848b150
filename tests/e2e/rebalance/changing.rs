//! A cluster that others change while `netmarks plan --apply` runs.

use super::{Cluster, SHOP, ended, names};
use netmarks_test_cluster::NodeSpec;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_under_a_running_plan_is_left_out_and_the_rest_goes_on() {
    let cluster = Cluster::held(&[("cart", 3), ("ads", 2), ("web", 3)]).await.unwrap();
    let plane = &cluster.plane;
    plane.create_nodes(&["spare", "leaving"].map(NodeSpec::new)).await.unwrap();
    let (cart, ads) = (cluster.pods("cart").await.unwrap(), cluster.pods("ads").await.unwrap());
    let web = cluster.pods("web").await.unwrap();
    let (cart, ad, web) = (names(&cart)[0], names(&ads)[0], names(&web));
    let moves = [(cart, "to"), (ad, "to"), (web[0], "spare"), (web[1], "leaving"), (web[2], "to")];
    let plan = cluster.plan("plan.json", &moves).unwrap();

    // Nobody schedules the first replacement until all this has happened.
    let running = cluster.begin(&plan, &["--yes"], r#""event":"evicted""#).await.unwrap();
    plane.scale_deployment(SHOP, "cart", 4).await.unwrap();
    cluster.kubectl(&["delete", "pod", ad]).unwrap();
    plane.kubectl(&["cordon", "spare"]).unwrap();
    plane.delete_node("leaving").await.unwrap();
    let _scheduler = cluster.schedule().await.unwrap();

    let done = ended(running).await.unwrap();
    assert_eq!((done.code, done.counts()), (Some(0), [2, 0, 3, 0]), "{done:?}");
    let results: Vec<&str> = done.report["moves"]
        .as_array()
        .unwrap()
        .iter()
        .map(|moved| moved["skipped"]["reason"].as_str().or(moved["result"].as_str()).unwrap())
        .collect();
    assert_eq!(results, ["moved", "gone", "target-cordoned", "target-gone", "moved"], "{done:?}");
    for says in ["does not exist any more", "its target is cordoned", "its target does not exist"] {
        assert!(done.said.contains(says), "{says}: {done:?}");
    }
    // What was left out was not evicted.
    let after = cluster.pods("web").await.unwrap();
    assert!(after.contains_key(web[0]) && after.contains_key(web[1]), "{after:?}");
    assert!(!after.contains_key(web[2]) && after.values().any(|node| node == "to"), "{after:?}");
}
