//! The dashboard: each of its queries is answered with data by a real Prometheus that scrapes a real extender.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::time::Duration;

use netmarks_policies::{Mode, Settings};
use netmarks_test_cluster::{PrometheusServer, ScrapeTarget, repository};
use serde_json::Value;

use crate::admission::{Door, admission, review};
use crate::support::admin::bytes;
use crate::support::{LIMIT, config, eventually, misbehaving, pod_request};

/// Nodes of the sample.
const NODES: [&str; 4] = ["node-a1", "node-a2", "node-b1", "node-c1"];

const DASHBOARD: &str = include_str!("../../../deploy/grafana/netmarks.json");

/// Title and queries of each panel, without the zero that stands in where there is nothing: with it they would always have an answer.
fn panels() -> Vec<(String, Vec<String>)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let queries = |panel: &Value| {
        let targets = panel["targets"].as_array().unwrap().iter();
        targets.map(|target| target["expr"].as_str().unwrap().replace(" or vector(0)", "")).collect()
    };
    panels.map(|panel| (panel["title"].as_str().unwrap().to_owned(), queries(panel))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_shows_data() {
    let mut config = admission(config());
    config.cluster.snapshot_file = Some(repository("host/netmarks/sample/online-boutique.json"));
    config.policies.rollback.enabled = false;
    let door = Door::open(config).await;
    let extender = &door.extender;
    extender.shadow(bytes("spread").unwrap()).await.unwrap();
    // It fails each time, and the other one answers.
    let settings = Settings { parameters: misbehaving("trap"), ..Settings::default() };
    extender.submit("hostile", bytes("hostile").unwrap(), settings, Mode::Active).await.unwrap();
    let request = pod_request("boutique", "frontend-1", "frontend", &NODES);
    assert!(!extender.prioritize(&request).await.unwrap().is_empty());
    let target = ScrapeTarget {
        address: extender.address.to_string(),
        path: "/metrics".to_owned(),
        labels: [
            ("namespace".to_owned(), "netmarks".to_owned()),
            ("pod".to_owned(), "netmarks-0".to_owned()),
        ]
        .into(),
    };
    let prometheus = PrometheusServer::start(&[target], Duration::from_millis(250)).await.unwrap();
    prometheus.wait_scraped(1, LIMIT).await.unwrap();
    for (title, queries) in panels() {
        assert!(!queries.is_empty(), "{title}");
        for query in queries {
            let query = query.replace("$__rate_interval", "30s");
            eventually(&format!("{title}: {query}"), async || {
                // Rates need requests between two scrapes.
                extender.prioritize(&request).await?;
                door.post(review("u-1").to_string()).await?;
                let found = prometheus.query(&query).await?;
                Ok(found.iter().any(|sample| !sample.value.is_nan()).then_some(()))
            })
            .await
            .unwrap();
        }
    }
    let local = panels().into_iter().find(|(title, _)| title == "Traffic that stays on its node").unwrap().1;
    let share = prometheus.query(&local[0]).await.unwrap()[0].value;
    assert!((0.0..=1.0).contains(&share), "{share}");
    let faults = r#"sum(rate(netmarks_policy_faults_total{policy="hostile",cause="trap"}[30s]))"#;
    assert!(prometheus.query(faults).await.unwrap()[0].value > 0.0);
}

/// The rules of Grafana's dashboard-linter that are about any dashboard. The linter itself needs modules that Go's proxy does not have.
#[test]
fn the_dashboard_keeps_the_rules_of_a_linter() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    assert!(
        dashboard["uid"].is_string() && dashboard["id"].is_null(),
        "an id is given by whoever imports it"
    );
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(!title.is_empty() && ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title} is beyond the right edge");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{title} lies on another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            panel["description"].as_str().is_some_and(|text| !text.is_empty()),
            "{title} says what it is"
        );
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has a unit");
        for target in panel["targets"].as_array().unwrap() {
            assert!(target["legendFormat"].as_str().is_some_and(|text| !text.is_empty()), "{title}");
            for source in [&target["datasource"], &panel["datasource"]] {
                assert!(
                    source.is_null() || source["uid"] == "${datasource}",
                    "{title} asks the chosen store"
                );
            }
            let query = target["expr"].as_str().unwrap();
            let counters = query.matches("_total").count() + query.matches("_bucket").count();
            assert!(query.matches("rate(").count() >= counters, "{title}: a counter is read by its rate");
            assert_eq!(
                query.matches("rate(").count(),
                query.matches("[$__rate_interval]").count(),
                "{title}"
            );
        }
    }
}

#[test]
fn the_chart_has_the_same_dashboard_and_it_uses_metrics_that_there_are() {
    let of_chart = repository::read("deploy/helm/netmarks/files/grafana-dashboard.json").unwrap();
    assert!(
        of_chart == DASHBOARD,
        "copy deploy/grafana/netmarks.json to deploy/helm/netmarks/files/grafana-dashboard.json"
    );
    let golden: BTreeSet<&str> = include_str!("golden/metric-names.txt").lines().collect();
    for (title, queries) in panels() {
        for query in queries {
            let names = query.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
            for name in names.filter(|name| name.starts_with("netmarks_")) {
                assert!(golden.contains(name), "{title}: there is no metric {name}");
            }
        }
    }
}
