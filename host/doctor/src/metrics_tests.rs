use std::collections::BTreeMap;
use std::time::Duration;

use netmarks_core::application::Application;
use netmarks_sources::prometheus::Poller;
use netmarks_sources::prometheus::choice::PresetName;
use netmarks_sources::prometheus::selectors::Selector;
use netmarks_sources::prometheus::warnings::Warnings;
use serde_json::json;

use super::super::series_facts::SeriesFacts;
use super::super::{Status, store};
use super::*;

fn config() -> MetricsConfig {
    MetricsConfig { url: "http://prometheus:9090".to_owned(), ..MetricsConfig::default() }
}

fn selected(metric: &str, all: u64, matching: u64, samples: f64) -> Selected {
    Selected {
        selector: Selector {
            metric: metric.to_owned(),
            matchers: vec![r#"source_app!~"unknown|""#.to_owned()],
        },
        all,
        matching,
        unmatched: Vec::new(),
        samples: (matching > 0).then_some(samples),
    }
}

fn edges(number: usize) -> Edges {
    let application = |name: usize| Application::new("shop", &name.to_string());
    let edges = (0..number).map(|at| (application(at), application(at + 1), 1.0)).collect();
    Edges { edges, ..Edges::default() }
}

fn healthy() -> Answers {
    Answers {
        facts: SeriesFacts::default(),
        url: "http://prometheus:9090".to_owned(),
        took: Duration::from_millis(5),
        selected: vec![selected("istio_tcp_sent_bytes_total", 12, 10, 4.0)],
        edges: BTreeMap::from([(Identity::App, edges(3))]),
        others: Vec::new(),
    }
}

/// The findings that are not ok, as check, status and advice.
fn sick(answers: Answers) -> Vec<(&'static str, Status, String)> {
    findings_of(&config(), Identity::App, &StoreResult::Answers(answers))
        .into_iter()
        .filter(|finding| finding.status != Status::Ok)
        .map(|finding| (finding.check, finding.status, finding.advice.unwrap_or_default()))
        .collect()
}

#[test]
fn a_healthy_store_is_three_times_ok() {
    let findings = findings_of(&config(), Identity::App, &StoreResult::Answers(healthy()));
    let checks: Vec<_> = findings.iter().map(|finding| (finding.check, finding.status)).collect();
    assert_eq!(checks, [(STORE, Status::Ok), (SERIES, Status::Ok), (FLOWS, Status::Ok)], "{findings:?}");
}

#[test]
fn without_a_store_nothing_else_is_said() {
    let [finding] = &findings_of(&config(), Identity::App, &StoreResult::NotConfigured)[..] else {
        panic!("one")
    };
    assert_eq!((finding.check, finding.status), (STORE, Status::Problem));
    let wrong = Poller::new(MetricsConfig { window_seconds: 0.0, ..config() }, Identity::App).unwrap_err();
    let [finding] = &findings_of(&config(), Identity::App, &StoreResult::Misconfigured(wrong))[..] else {
        panic!("one")
    };
    assert!(finding.found.contains("window_seconds"), "{finding:?}");
    let late = StoreFailure::Query(QueryError::Timeout { url: "x".to_owned(), seconds: 1.0 });
    let [finding] = &findings_of(&config(), Identity::App, &StoreResult::Failed(late))[..] else {
        panic!("one")
    };
    assert!(finding.advice.as_ref().unwrap().contains("forward a port"), "{finding:?}");
}

#[test]
fn the_metrics_of_another_mesh_name_its_preset() {
    let mut answers = healthy();
    answers.selected = vec![selected("istio_tcp_sent_bytes_total", 0, 0, 0.0)];
    answers.others = vec![PresetName::Linkerd];
    let [(SERIES, Status::Problem, advice)] = &sick(answers.clone())[..] else { panic!("one") };
    assert!(advice.contains("`linkerd`"), "{advice}");
    answers.others.clear();
    let [(SERIES, Status::Problem, advice)] = &sick(answers)[..] else { panic!("one") };
    assert!(advice.contains("scrape"), "{advice}");
}

#[test]
fn a_label_that_no_series_has_is_named() {
    let mut answers = healthy();
    answers.selected = vec![selected("istio_tcp_sent_bytes_total", 12, 0, 0.0)];
    answers.selected[0].unmatched = answers.selected[0].selector.matchers.clone();
    answers.edges = BTreeMap::from([(Identity::App, edges(0)), (Identity::Workload, edges(2))]);
    let findings = findings_of(&config(), Identity::App, &StoreResult::Answers(answers.clone()));
    assert!(findings[1].found.contains(r#"none has source_app!~"unknown|""#), "{findings:?}");
    let [(SERIES, Status::Problem, advice)] = &sick(answers)[..] else { panic!("one") };
    assert!(advice.contains("`workload`") && !advice.contains("`app`"), "{advice}");
}

#[test]
fn a_window_must_hold_more_than_two_scrapes() {
    for (samples, status) in [(1.0, Some(Status::Problem)), (2.0, Some(Status::Warning)), (3.0, None)] {
        let mut answers = healthy();
        answers.selected = vec![selected("istio_tcp_sent_bytes_total", 12, 10, samples)];
        let sick = sick(answers);
        assert_eq!(sick.first().map(|(_, status, _)| *status), status, "{sick:?}");
        if let Some((_, _, advice)) = sick.first() {
            assert!(advice.contains(&format!("{:.0}:", 240.0 / samples)), "{advice}");
        }
    }
}

#[test]
fn silence_warnings_and_too_many_flows_are_warned_of() {
    let mut answers = healthy();
    answers.edges = BTreeMap::from([(Identity::App, edges(0))]);
    assert_eq!(sick(answers.clone())[0].0, FLOWS);
    for (warning, says) in [
        ("receive series from store-a: unavailable", "stay as last measured"),
        ("PromQL warning: metric might not be a counter", "its answer is complete"),
    ] {
        let mut warnings = Warnings::default();
        warnings.push(warning);
        answers.edges = BTreeMap::from([(Identity::App, Edges { warnings, ..edges(1) })]);
        let (check, _, advice) = sick(answers.clone()).remove(0);
        assert!(check == STORE && advice.contains(says), "{advice}");
    }
    let few = MetricsConfig { max_flows: 2, ..config() };
    let findings = findings_of(&few, Identity::App, &StoreResult::Answers(healthy()));
    assert_eq!(findings[2].status, Status::Warning, "{findings:?}");
}

#[tokio::test]
async fn a_file_that_only_the_pod_has_is_no_fault_of_the_configuration() {
    const NOWHERE: &str = "/nowhere/of-the-pod";
    for section in [
        json!({"auth": {"username": "netmarks", "password_file": NOWHERE}}),
        json!({"auth": {"bearer_token_file": NOWHERE}}),
        json!({"tls": {"ca_file": NOWHERE}}),
        json!({"tls": {"client_certificate_file": NOWHERE, "client_key_file": NOWHERE}}),
    ] {
        let configured: MetricsConfig = serde_json::from_value(section.clone()).unwrap();
        let config = MetricsConfig { url: "http://127.0.0.1:1".to_owned(), ..configured };
        let found = store::fetch(&config, Identity::App).await;
        let [finding] = &findings_of(&config, Identity::App, &found)[..] else { panic!("one") };
        assert_eq!(finding.status, Status::Skipped, "{finding:?}");
        assert!(finding.found.contains(NOWHERE), "{finding:?}");
        let (outer, inner) = section.as_object().unwrap().iter().next().unwrap();
        let key = inner.as_object().unwrap().keys().find(|key| key.ends_with("_file")).unwrap();
        let variable = variable(&format!("metrics.{outer}.{key}"));
        assert!(finding.advice.as_ref().unwrap().contains(&format!("set {variable} to")), "{finding:?}");
    }
}
