//! The metrics of traffic: each byte once, in the series of how far it goes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::sync::Arc;

use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::ClusterState;
use serde_json::json;

use crate::support::{Extender, config, eventually};

/// One pod calls one of each distance, and one that runs nowhere; the farthest calls it, too. Zone `a` is in both regions, so that a name
/// alone says nothing.
fn cluster() -> Arc<ClusterState> {
    let node = |name: &str, zone: &str, region: &str| json!({"name": name, "zone": zone, "region": region});
    let pod = |application: &str, node: &str| json!({"name": format!("{application}-1"), "application": application, "node": node});
    let flow = |source: &str, destination: &str, rate: f64| json!({"source": source, "destination": destination, "bytes_per_second": rate});
    let file = json!({
        "version": 1, "taken_at": 1_767_225_600, "identity": "app",
        "nodes": [
            node("n-1", "a", "north"), node("n-2", "a", "north"), node("n-3", "b", "north"),
            node("n-4", "a", "south"),
        ],
        "pods": [
            pod("shop/web", "n-1"), pod("shop/same-node", "n-1"), pod("shop/same-zone", "n-2"),
            pod("shop/same-region", "n-3"), pod("data/far", "n-4"),
        ],
        "flows_at": 1_767_225_600,
        "flows": [
            flow("shop/web", "shop/same-node", 4_000.0), flow("shop/web", "shop/same-zone", 300.0),
            flow("shop/web", "shop/same-region", 20.0), flow("shop/web", "data/far", 1.0),
            flow("shop/web", "shop/nowhere", 0.5), flow("data/far", "shop/web", 7.0),
        ],
    });
    Arc::new(ClusterState::fixed(SnapshotFile::from_json(file.to_string().as_bytes()).unwrap().to_index()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_is_in_the_series_of_its_distance() {
    let extender = Extender::start_on(&config(), cluster()).await.unwrap();
    let found: BTreeMap<String, f64> = eventually("the traffic is summed up", async || {
        let (_, page) = extender.get("/metrics").await?;
        let series = |line: &str| {
            let (series, value) = line.strip_prefix("netmarks_traffic_")?.split_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        };
        let found: BTreeMap<String, f64> = page.lines().filter_map(series).collect();
        Ok((!found.is_empty()).then_some(found))
    })
    .await
    .unwrap();
    let mut expected = BTreeMap::new();
    for (namespace, amounts, unplaced) in
        [("shop", [4_000.0, 300.0, 20.0, 1.0], 0.5), ("data", [0.0, 0.0, 0.0, 7.0], 0.0)]
    {
        let far = [("true", "true", "true"), ("false", "true", "true"), ("false", "false", "true")];
        let far = far.into_iter().chain([("false", "false", "false")]);
        for ((node, zone, region), amount) in far.zip(amounts) {
            let labels = format!(
                r#"source_namespace="{namespace}",same_node="{node}",same_zone="{zone}",same_region="{region}""#
            );
            expected.insert(format!("bytes_per_second{{{labels}}}"), amount);
        }
        let labels = format!(r#"source_namespace="{namespace}""#);
        expected.insert(format!("unplaced_bytes_per_second{{{labels}}}"), unplaced);
    }
    assert_eq!(found, expected);
}
