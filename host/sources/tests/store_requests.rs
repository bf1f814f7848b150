//! How stores want to be asked: by GET, with parameters in the URL, about some time ago; and no secret in what is shown.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail like tests: by panicking"
)]

use axum::http::{Method, StatusCode};
use netmarks_core::application::Identity;
use netmarks_sources::prometheus::client::{Client, QueryError};
use netmarks_sources::prometheus::service_level::{Figures, Queries};
use netmarks_sources::prometheus::{MetricsConfig, Poller};

use crate::prometheus_api::{Answer, failure, flows, state, store, text};

const NO_FLOWS: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

#[tokio::test]
async fn a_store_or_a_proxy_that_takes_only_get_is_asked_by_get_from_then_on() {
    for status in [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED, StatusCode::FORBIDDEN] {
        let (store, config) = store(vec![Answer::OnlyGet(status, NO_FLOWS.to_owned())]).await;
        let mut poller = Poller::new(config, Identity::App).unwrap();
        for at in [100.0, 115.0] {
            poller.refresh(at, &state()).await.unwrap();
        }
        let asked = store.asked.lock().unwrap().clone();
        let methods: Vec<&Method> = asked.iter().map(|(method, _)| method).collect();
        assert_eq!(methods, [Method::POST, Method::GET, Method::GET], "{status}");
        assert!(asked[2].1.starts_with("/prefix/api/v1/query?query=max+by"), "{}", asked[2].1);
        assert!(asked[2].1.contains("&time=115.000&timeout=10000ms"), "{}", asked[2].1);
    }
}

#[tokio::test]
async fn a_refusal_of_both_methods_is_shown_as_the_store_words_it() {
    let forbidden = Answer::Text(StatusCode::FORBIDDEN, "tenant `green` is locked".to_owned());
    let error = failure(forbidden, |_| {}).await.to_string();
    assert!(error.ends_with("(check `auth` and `headers`): tenant `green` is locked"), "{error}");
    let body = r#"{"status":"error","errorType":"forbidden","error":"namespace parameter required"}"#;
    let error = failure(Answer::Text(StatusCode::BAD_REQUEST, body.to_owned()), |_| {}).await.to_string();
    assert!(error.ends_with("namespace parameter required"), "{error}");
}

#[tokio::test]
async fn parameters_in_the_url_reach_the_store_and_are_shown_nowhere() {
    let (store, mut config) = store(vec![flows(&[])]).await;
    config.url = format!("{}?namespace=shop&key=s3cret", config.url.trim_end_matches('/'));
    let client = Client::new(&config).unwrap();
    assert!(client.address().ends_with("/prefix/api/v1/query"), "{}", client.address());
    Poller::new(config, Identity::App).unwrap().refresh(100.0, &state()).await.unwrap();
    assert_eq!(store.asked.lock().unwrap()[0].1, "/prefix/api/v1/query?namespace=shop&key=s3cret");
    let error = failure(text("<html>"), |config| config.url.push_str("?key=s3cret")).await;
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_store_that_lags_is_asked_about_some_time_ago() {
    let (store, config) = store(vec![flows(&[("web", "db", 7.0)])]).await;
    let config = MetricsConfig { query_offset_seconds: 120.0, ..config };
    let (state, shutdown) = (state(), tokio_util::sync::CancellationToken::new());
    let task = tokio::spawn(Poller::new(config, Identity::App).unwrap().run(state.clone(), shutdown.clone()));
    while state.snapshot().flows_at().is_none() {
        tokio::task::yield_now().await;
    }
    let age = netmarks_core::clock::unix_now() - state.snapshot().flows_at().unwrap();
    assert!((119.0..150.0).contains(&age), "{age}");
    shutdown.cancel();
    task.await.unwrap();
    assert!(!store.received.lock().unwrap().is_empty());
}

#[tokio::test]
async fn how_applications_serve_is_asked_about_some_time_ago_too() {
    let (store, config) = store(vec![text(NO_FLOWS)]).await;
    let config = MetricsConfig { query_offset_seconds: 120.0, ..config };
    let queries = Queries::new(&config, &["shop"], 60.0).unwrap().unwrap();
    let mut client = Client::new(&config).unwrap();
    assert_eq!(queries.ask(&mut client).await.unwrap(), Figures::default());
    let now = netmarks_core::clock::unix_now();
    let asked = store.received.lock().unwrap().clone();
    assert_eq!(asked.len(), 2);
    for (_, body) in asked {
        let (_, time) = body.split_once("&time=").unwrap();
        let at: f64 = time.split('&').next().unwrap().parse().unwrap();
        assert!((119.0..150.0).contains(&(now - at)), "{body}");
    }
}

#[tokio::test]
async fn a_store_whose_clock_is_another_one_is_asked_by_its_own() {
    let Answer::Text(_, body) = flows(&[("web", "db", 7.0)]) else { panic!("flows are a text") };
    let (store, config) = store(vec![Answer::Dated("Sun, 06 Nov 1994 08:49:37 GMT", body)]).await;
    let (state, shutdown) = (state(), tokio_util::sync::CancellationToken::new());
    let task = tokio::spawn(Poller::new(config, Identity::App).unwrap().run(state.clone(), shutdown.clone()));
    while state.snapshot().flows_at().is_none() {
        tokio::task::yield_now().await;
    }
    let snapshot = state.snapshot();
    let (at, age) = (snapshot.flows_at().unwrap(), snapshot.flows_age().unwrap());
    assert!((784_111_777.0..784_111_900.0).contains(&at), "{at}");
    assert!(age < 120.0, "it is not as old as our clock would have it: {age}");
    shutdown.cancel();
    task.await.unwrap();
    let asked = store.received.lock().unwrap().clone();
    assert!(!asked[0].1.contains("&time=7841"), "nobody knew before its first answer: {}", asked[0].1);
    assert!(asked[1].1.contains("&time=7841"), "{}", asked[1].1);
}

mod hostile {
    use super::*;

    #[test]
    fn a_password_in_the_url_is_refused_with_the_keys_to_use_and_never_shown() {
        for url in [
            "http://admin:s3cret@prometheus:9090",
            "http://s3cret@prometheus:9090",
            "https://admin:s3cret@prometheus:9090/api?x=1",
            "http://admin:s3cret@",
            "htp://admin:s3cret@prometheus",
            "admin:s3cret@prometheus:9090",
            "http://prometheus:port?token=s3cret",
        ] {
            let config = MetricsConfig { url: url.to_owned(), ..MetricsConfig::default() };
            let error = Client::new(&config).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3cret"), "{url}: {shown}");
        }
        let url = "http://admin:s3cret@prometheus:9090".to_owned();
        let error = Client::new(&MetricsConfig { url, ..MetricsConfig::default() }).unwrap_err();
        assert!(error.to_string().contains("`auth.username` and `auth.password_file`"), "{error}");
    }

    #[tokio::test]
    async fn an_error_of_any_length_is_shown_in_part() {
        for (length, status) in [
            (20_000, StatusCode::OK),
            (10_000_000, StatusCode::OK),
            (20_000, StatusCode::UNPROCESSABLE_ENTITY),
            (10_000_000, StatusCode::UNPROCESSABLE_ENTITY),
        ] {
            let long = "x".repeat(length);
            let body = format!(r#"{{"status":"error","errorType":"{long}","error":"{long}"}}"#);
            let error = failure(Answer::Text(status, body), |_| {}).await;
            assert!(matches!(error, QueryError::Api { .. } | QueryError::Status { .. }), "{error:?}");
            let shown = error.to_string();
            assert!(shown.contains("xxx") && shown.len() < 3_000, "{}", shown.len());
        }
    }
}
