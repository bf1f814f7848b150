//! Durations as native histograms, scraped by a real Prometheus.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{Extender, LIMIT, NODES, config, eventually, request};
use netmarks_test_cluster::{PrometheusOptions, PrometheusServer, ScrapeTarget};

/// The histograms of the page that have something in them.
const HISTOGRAMS: [&str; 2] =
    ["netmarks_prioritize_duration_seconds", "netmarks_policy_call_duration_seconds"];

/// The one that has nothing, since no API server asks.
const EMPTY: &str = "netmarks_admission_duration_seconds";

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_with_native_histograms_keeps_durations_as_such() {
    let extender = Extender::start(&config()).await.unwrap();
    for _ in 0..20 {
        extender.prioritize(&request(&NODES)).await.unwrap();
    }
    extender.counted("netmarks_prioritize_answers_total{outcome=\"scored\"}", 20.0).await.unwrap();
    let target = ScrapeTarget {
        address: extender.address.to_string(),
        path: "/metrics".to_owned(),
        labels: [("job".to_owned(), "netmarks".to_owned())].into(),
    };
    let options = PrometheusOptions {
        native_histograms: true,
        ..PrometheusOptions::new(&[target], Duration::from_millis(500))
    };
    let prometheus = PrometheusServer::start_with(&options).await.unwrap();
    prometheus.wait_scraped(1, LIMIT).await.unwrap();
    let value = async |query: String| {
        let found = prometheus.query(&query).await?;
        Ok::<_, anyhow::Error>(found.first().map(|sample| sample.value))
    };
    for histogram in HISTOGRAMS {
        let count = async || value(format!("histogram_count({histogram})")).await;
        assert_eq!(eventually("it is stored", count).await.unwrap(), 20.0, "{histogram}");
        let median = value(format!("histogram_quantile(0.5, {histogram})")).await.unwrap().unwrap();
        let sum = value(format!("histogram_sum({histogram})")).await.unwrap().unwrap();
        assert!(median > 1e-6 && median < sum && sum < 20.0, "{histogram}: median {median} s, sum {sum} s");
    }

    // Everything else is called as on the text page.
    let stored = prometheus.query("count by (__name__) ({__name__=~\"netmarks_.+\"})").await.unwrap();
    let stored: BTreeSet<&str> = stored.iter().map(|sample| &*sample.labels["__name__"]).collect();
    let page = extender.get("/metrics").await.unwrap().1;
    let series = page.lines().filter(|line| !line.starts_with('#'));
    let names = series.filter_map(|line| line.split(['{', ' ']).next());
    let expected: BTreeSet<&str> = names
        .map(|name| {
            let mut histograms = HISTOGRAMS.into_iter().chain([EMPTY]);
            histograms.find(|histogram| name.starts_with(histogram)).unwrap_or(name)
        })
        .collect();
    assert_eq!(stored, expected);
}
