//! `netmarks plan --apply`, killed: the same command goes on where it was.

use std::process::Stdio;

use super::{Cluster, Ended, SHOP, names};
use crate::support::LIMIT;
use netmarks_test_cluster::until;

/// Pods that are moved.
const MOVES: usize = 4;

fn lines(journal: &str) -> usize {
    std::fs::read_to_string(journal).map_or(0, |text| text.lines().count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_goes_on_and_evicts_each_pod_once() {
    let cluster = Cluster::held(&[("cart", MOVES + 2)]).await.unwrap();
    let before = cluster.pods("cart").await.unwrap();
    let all = names(&before);
    let (moved, stay) = all.split_at(MOVES);
    let moves: Vec<(&str, &str)> = moved.iter().map(|pod| (*pod, "to")).collect();
    let plan = cluster.plan("plan.json", &moves).unwrap();
    let journal = format!("{plan}.journal");

    // While the first replacement is awaited: nobody schedules it yet.
    let mut child = cluster.begin(&plan, &["--yes"], r#""event":"evicted""#).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let left = cluster.pods("cart").await.unwrap();
    assert_eq!(names(&left), all[1..], "one was evicted, and no other");
    let _scheduler = cluster.schedule().await.unwrap();

    // Whenever it has written some lines, each time one more than before, until it comes to its end.
    let mut kills = 1;
    let ended = loop {
        let enough = lines(&journal) + kills + 1;
        let mut command = cluster.command(&plan, &["--yes"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let over = until("it has written enough, or ends", LIMIT, async || {
            let over = child.try_wait()?.is_some();
            Ok((over || lines(&journal) >= enough).then_some(over))
        });
        if over.await.unwrap() {
            break Ended::of(child.wait_with_output().unwrap()).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    };
    assert!(kills > 2, "{kills} kills");
    assert_eq!((ended.code, ended.counts()), (Some(0), [4, 0, 0, 0]), "{ended:?}");
    assert!(ended.said.contains("the journal has"), "{ended:?}");

    // What replaced a pod before a kill is still there, and the pods that the plan leaves alone are, too.
    let after = cluster.pods("cart").await.unwrap();
    assert_eq!(after.len(), before.len(), "{after:?}");
    for report in ended.report["moves"].as_array().unwrap() {
        let replacement = report["replacement"].as_str().unwrap().strip_prefix(&format!("{SHOP}/")).unwrap();
        assert_eq!(after.get(replacement).map(String::as_str), Some("to"), "{report}: {after:?}");
    }
    assert!(stay.iter().all(|pod| after.contains_key(*pod)), "{after:?}");
    let calls = cluster.plane.calls_of("admin").unwrap().into_iter();
    let evictions = calls.filter(|call| call.resource == "pods/eviction" && call.status == 201);
    assert_eq!(evictions.count(), MOVES);
}
