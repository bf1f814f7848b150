//! Readiness, shutdown, what old metrics are worth, and `/metrics`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, LIMIT, NODES, client, config, deliver, eventually, request};
use anyhow::Result;
use netmarks::config::Config;
use netmarks_core::clock::unix_now;
use netmarks_core::freshness::WhenStale;
use netmarks_state::{ClusterState, MetricsState};
use netmarks_test_cluster::{PrometheusServer, ScrapeTarget, repository};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An extender with the worked example as sources would deliver it just now, with flows so many seconds old.
async fn delivered(config: &Config, age: f64) -> Result<Extender> {
    let state = Arc::new(ClusterState::new(MetricsState::NotYet));
    let extender = Extender::start_on(config, state.clone()).await?;
    // Its start takes as long as it takes, and makes nothing older.
    deliver(&state, age)?;
    Ok(extender)
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_is_missing_until_nothing_is() {
    let state = Arc::new(ClusterState::new(MetricsState::NotYet));
    let extender = Extender::start_on(&config(), state.clone()).await.unwrap();
    let page = async || extender.get("/readyz").await.unwrap();
    let (status, text) = page().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        text,
        "not ready\n- the list of pods is not complete yet\n- the list of nodes is not complete yet\n\
         - the metrics source has not answered yet\n"
    );
    assert_eq!(
        extender.get("/healthz").await.unwrap(),
        (StatusCode::OK, "ok\n".to_owned()),
        "alive all the same"
    );
    assert_eq!(extender.metric("netmarks_ready").await.unwrap(), 0.0);
    assert_eq!(extender.prioritize(&request(&NODES)).await.unwrap(), []);
    assert_eq!(extender.decision("default/p-0").await.unwrap()["empty"], "no-metrics");

    state.pods_listed();
    state.nodes_listed();
    assert_eq!(page().await.1, "not ready\n- the metrics source has not answered yet\n");
    state.metrics_answered(unix_now());
    assert_eq!(page().await, (StatusCode::OK, "ready\n".to_owned()));
    assert_eq!(extender.metric("netmarks_ready").await.unwrap(), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn between_the_stop_signal_and_the_end_it_is_not_ready_and_still_answers() {
    let mut config = config();
    // Far beyond the test: whatever is answered is answered within the delay.
    config.server.shutdown_delay_seconds = 3_600.0;
    let extender = Extender::start(&config).await.unwrap();
    assert_eq!(extender.get("/readyz").await.unwrap().0, StatusCode::OK);
    extender.begin_stop();
    let text = eventually("it says that it stops", async || {
        let (status, text) = extender.get("/readyz").await?;
        Ok((status == StatusCode::SERVICE_UNAVAILABLE).then_some(text))
    })
    .await
    .unwrap();
    assert_eq!(text, "not ready\n- shutting down\n");
    assert_eq!(extender.prioritize(&request(&NODES)).await.unwrap().len(), 3);
    // A connection of its own, as a client that was not told yet would open.
    let late = client().unwrap().get(extender.url("/healthz")).send().await.unwrap();
    assert_eq!(late.status(), StatusCode::OK);
}

/// Waits until nobody listens there any more.
async fn closed(extender: &Extender) {
    let address = extender.address;
    eventually("the listener is closed", async || {
        Ok(TcpStream::connect(address).await.is_err().then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_at_the_end_is_still_answered() {
    let mut config = config();
    config.server.drain_seconds = 60.0;
    let extender = Extender::start(&config).await.unwrap();
    let body = request(&NODES).to_string();
    let mut stream = TcpStream::connect(extender.address).await.unwrap();
    let head = format!(
        "POST /prioritize HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It says so when it begins to read the body: from here on the request is under way.
    let mut answer = vec![0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 100 Continue\r\n\r\n");

    extender.begin_stop();
    closed(&extender).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("{\"Host\":\"node-3\",\"Score\":10}]"), "{answer}");
    extender.stopped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_does_not_hold_up_the_end() {
    let mut config = config();
    config.server.drain_seconds = 0.0;
    let extender = Extender::start(&config).await.unwrap();
    let mut stream = TcpStream::connect(extender.address).await.unwrap();
    let head =
        "POST /prioritize HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.read_u8().await.unwrap();
    // Neither does a connection on which nothing was asked.
    let idle = TcpStream::connect(extender.address).await.unwrap();
    extender.stopped().await.unwrap();
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_listener_serves_probes_and_scrapers_only() {
    let mut config = config();
    let (extender, _port, health) = Extender::start_with_probes(&mut config).await.unwrap();
    let status = async |path: &str| {
        extender.client.get(format!("http://{health}{path}")).send().await.unwrap().status()
    };
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(status(path).await, StatusCode::OK, "{path}");
        assert_eq!(
            extender.get(path).await.unwrap().0,
            StatusCode::OK,
            "{path} is at the extender's own too"
        );
    }
    for path in ["/v1/decisions", "/v1/snapshot", "/prioritize"] {
        assert_eq!(status(path).await, StatusCode::NOT_FOUND, "{path}");
    }
    extender.stopped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_metrics_are_worth_what_the_operator_says() {
    use WhenStale::{Fade, Ignore, Keep};
    let best = |score: i64| vec![score];
    for (when_stale, age, scores, reason) in [
        (Ignore, 10.0, best(10), None),
        (Keep, 100_000.0, best(10), None),
        // About half of the second period has passed: the best score stays 5 if the answer takes 20 seconds, too.
        (Fade, 440.0, best(5), None),
        (Fade, 700.0, vec![], Some("stale-metrics")),
        (Ignore, 301.0, vec![], Some("stale-metrics")),
    ] {
        let mut config = config();
        config.scoring.when_stale = when_stale;
        assert_eq!(config.scoring.max_flow_age_seconds, 300.0);
        let extender = delivered(&config, age).await.unwrap();
        let answer = extender.prioritize(&request(&NODES)).await.unwrap();
        let node_3: Vec<i64> =
            answer.iter().filter(|(node, _)| node == "node-3").map(|(_, score)| *score).collect();
        assert_eq!(node_3, scores, "{when_stale:?} at {age} s: {answer:?}");
        let decision = extender.decision("default/p-0").await.unwrap();
        assert_eq!(decision["empty"].as_str(), reason, "{when_stale:?} at {age} s");
        let told = decision["flows_age_seconds"].as_f64().unwrap();
        assert!((age..age + 30.0).contains(&told), "{told}");
        let outcome =
            format!("netmarks_prioritize_answers_total{{outcome=\"{}\"}}", reason.unwrap_or("scored"));
        extender.counted(&outcome, 1.0).await.unwrap();
        assert_eq!(
            extender.get("/readyz").await.unwrap().0,
            StatusCode::OK,
            "age does not matter for readiness"
        );
        let age_metric = extender.metric("netmarks_flows_age_seconds").await.unwrap();
        assert!((age..age + 30.0).contains(&age_metric), "{age_metric}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_reads_every_metric() {
    let mut config = crate::support::hostile("trap");
    config.policies.rollback.min_calls = 1;
    let extender = delivered(&config, 5.0).await.unwrap();
    extender.shadow(repository::guest("netmarks").unwrap()).await.unwrap();
    extender.prioritize(&request(&NODES)).await.unwrap();
    extender.counted("netmarks_prioritize_answers_total{outcome=\"policy-fault\"}", 1.0).await.unwrap();
    extender
        .counted("netmarks_policy_faults_total{policy=\"hostile\",stage=\"score\",cause=\"trap\"}", 1.0)
        .await
        .unwrap();

    extender.counted("netmarks_policy_changes_total{change=\"degraded\"}", 1.0).await.unwrap();

    let target = ScrapeTarget {
        address: extender.address.to_string(),
        path: "/metrics".to_owned(),
        labels: [("job".to_owned(), "netmarks".to_owned())].into(),
    };
    let prometheus = PrometheusServer::start(&[target], Duration::from_millis(500)).await.unwrap();
    prometheus.wait_scraped(1, LIMIT).await.unwrap();
    let names = eventually("the page is stored", async || {
        let stored = prometheus.query("{__name__=~\"netmarks_.+\"}").await?;
        let names: BTreeSet<String> =
            stored.into_iter().filter_map(|mut sample| sample.labels.remove("__name__")).collect();
        Ok((!names.is_empty()).then_some(names))
    })
    .await
    .unwrap();
    let golden: BTreeSet<String> =
        include_str!("golden/metric-names.txt").lines().map(str::to_owned).collect();
    // Dashboards and alerts are built on these: changing one is a change of interface.
    assert_eq!(names, golden);
    let documented = include_str!("../../../docs/reference/metrics.md");
    for name in &golden {
        let name =
            ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        assert!(documented.contains(&format!("| `{name}` |")), "docs/reference/metrics.md lacks {name}");
    }

    let value = async |query: &str| {
        let found = prometheus.query(query).await.unwrap();
        found.first().map(|sample| sample.value)
    };
    assert_eq!(value("netmarks_nodes").await, Some(4.0));
    assert_eq!(value("netmarks_pods").await, Some(4.0));
    assert_eq!(value("netmarks_flows").await, Some(6.0));
    let live = "netmarks_policy_live{policy=\"hostile\",version=\"0.0.0\",state=\"active\"}";
    assert_eq!(value(live).await, Some(1.0));
    assert_eq!(value("netmarks_policy_live{policy=\"beside\",state=\"shadow\"}").await, Some(1.0));
    assert_eq!(value("netmarks_policy_degraded{policy=\"hostile\"}").await, Some(1.0));
    assert_eq!(value("netmarks_policy_faults_total{cause=\"trap\"}").await, Some(1.0));
}
