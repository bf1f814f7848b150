//! The query API's client and the poller against a real HTTP server, in every way in which a store can misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail like tests: by panicking"
)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use netmarks_core::application::Identity;
use netmarks_core::flow::estimator::Estimator;
use netmarks_sources::prometheus::client::QueryError;
use netmarks_sources::prometheus::config::Secret;
use netmarks_sources::prometheus::{MetricsConfig, Poller};
use netmarks_state::{ClusterState, MetricsState};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Holds what the server was asked, and what it answers next; the last answer is repeated.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) received: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    /// Method, and path with parameters, of the same requests.
    pub(crate) asked: Arc<Mutex<Vec<(Method, String)>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

#[derive(Clone)]
pub(crate) enum Answer {
    Text(StatusCode, String),
    /// This text, sent when this header says.
    Dated(&'static str, String),
    /// This status to a POST, these flows to a GET.
    OnlyGet(StatusCode, String),
    /// More and more bytes, without end and without a length.
    Endless,
    Never,
}

const PATH: &str = "/prefix/api/v1/query";

async fn answer(
    State(store): State<Store>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    store.asked.lock().unwrap().push((method.clone(), uri.to_string()));
    store.received.lock().unwrap().push((headers, body));
    let answer = {
        let mut answers = store.answers.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    };
    match answer {
        Answer::OnlyGet(status, _) if method == Method::POST => (status, "only GET here").into_response(),
        Answer::OnlyGet(_, body) => body.into_response(),
        Answer::Text(status, body) => (status, body).into_response(),
        Answer::Dated(date, body) => ([(header::DATE, date)], body).into_response(),
        Answer::Endless => {
            let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 4_096]));
            Body::from_stream(chunks).into_response()
        }
        Answer::Never => std::future::pending().await,
    }
}

/// Starts a store with these answers; gives it and a configuration that asks it.
pub(crate) async fn store(answers: Vec<Answer>) -> (Store, MetricsConfig) {
    let store =
        Store { received: Arc::default(), asked: Arc::default(), answers: Arc::new(Mutex::new(answers)) };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
    let router = Router::new().route(PATH, any(answer)).with_state(store.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (store, MetricsConfig { url, estimator: LATEST, ..MetricsConfig::default() })
}

/// A mean that one refresh covers, so that nothing is asked of the past.
const LATEST: Estimator = Estimator::Window { seconds: 60.0 };

pub(crate) fn text(body: impl Into<String>) -> Answer {
    Answer::Text(StatusCode::OK, body.into())
}

/// An answer with these flows between applications of the namespace `shop`.
pub(crate) fn flows(flows: &[(&str, &str, f64)]) -> Answer {
    let series: Vec<_> = flows
        .iter()
        .map(|(source, destination, value)| {
            serde_json::json!({
                "metric": {
                    "source_workload_namespace": "shop", "source_app": source,
                    "destination_workload_namespace": "shop", "destination_app": destination,
                },
                "value": [1.0, value.to_string()],
            })
        })
        .collect();
    let data = serde_json::json!({"resultType": "vector", "result": series});
    text(serde_json::json!({"status": "success", "data": data}).to_string())
}

pub(crate) fn state() -> Arc<ClusterState> {
    Arc::new(ClusterState::new(MetricsState::NotYet))
}

pub(crate) async fn failure(answer: Answer, change: impl FnOnce(&mut MetricsConfig)) -> QueryError {
    let (_store, mut config) = store(vec![answer]).await;
    change(&mut config);
    let state = state();
    let error = Poller::new(config, Identity::App).unwrap().refresh(100.0, &state).await.unwrap_err();
    assert_eq!(state.readiness().metrics, MetricsState::NotYet, "a failure is not an answer");
    error
}

#[tokio::test]
async fn a_refresh_publishes_flows_and_says_when() {
    let (store, config) = store(vec![flows(&[("web", "db", 70.0)])]).await;
    let state = state();
    let mut poller = Poller::new(config, Identity::App).unwrap();
    let refresh = poller.refresh(100.5, &state).await.unwrap();
    assert_eq!((refresh.samples, refresh.flows, refresh.dropped_flows), (1, 1, 0));
    assert_eq!(state.readiness().metrics, MetricsState::Answered { at: 100.5 });
    let snapshot = state.snapshot();
    assert_eq!(snapshot.flows_at(), Some(100.5));
    let web = snapshot.application_id("shop/web").unwrap();
    assert_eq!(snapshot.flows().peers(web)[0].outbound, 70.0);
    let (headers, body) = store.received.lock().unwrap().remove(0);
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let fields: Vec<&str> = body.split('&').map(|field| field.split('=').next().unwrap()).collect();
    assert_eq!(fields, ["query", "time", "timeout"]);
    assert!(body.contains("time=100.500&timeout=10000ms"), "{body}");
}

#[tokio::test]
async fn every_way_to_authenticate_reaches_the_store_and_files_are_read_anew() {
    let (store, config) = store(vec![flows(&[])]).await;
    let last = || store.received.lock().unwrap().last().unwrap().0.clone();
    let mut at = 0.0;
    let mut ask = async |poller: &mut Poller| {
        at += 1.0;
        poller.refresh(at, &state()).await.unwrap();
        last()["authorization"].to_str().unwrap().to_owned()
    };

    let mut bearer = config.clone();
    bearer.auth.bearer_token = Some(Secret::new("literal"));
    bearer.headers.insert("X-Scope-OrgID".to_owned(), Secret::new("tenant-1"));
    assert_eq!(ask(&mut Poller::new(bearer, Identity::App).unwrap()).await, "Bearer literal");
    assert_eq!(last()["x-scope-orgid"], "tenant-1");

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"first\n").unwrap();
    let mut from_file = config.clone();
    from_file.auth.bearer_token_file = Some(file.path().to_owned());
    let mut poller = Poller::new(from_file, Identity::App).unwrap();
    assert_eq!(ask(&mut poller).await, "Bearer first");
    std::fs::write(file.path(), "second\n").unwrap();
    assert_eq!(ask(&mut poller).await, "Bearer second");

    let mut basic = config;
    basic.auth.username = Some("user".to_owned());
    basic.auth.password_file = Some(file.path().to_owned());
    // base64 of "user:second".
    assert_eq!(ask(&mut Poller::new(basic, Identity::App).unwrap()).await, "Basic dXNlcjpzZWNvbmQ=");
}

#[tokio::test]
async fn answers_beyond_the_limit_are_not_read_to_their_end() {
    let error = failure(Answer::Endless, |config| config.max_response_bytes = 100_000).await;
    assert!(matches!(error, QueryError::TooLarge { limit: 100_000, .. }), "{error:?}");
    let announced = failure(text(" ".repeat(1_001)), |config| config.max_response_bytes = 1_000).await;
    assert!(matches!(announced, QueryError::TooLarge { .. }), "{announced:?}");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_given_up_on() {
    let error = failure(Answer::Never, |config| config.timeout_seconds = 0.05).await;
    assert!(matches!(error, QueryError::Timeout { seconds: 0.05, .. }), "{error:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = failure(text(""), |config| config.url = url).await;
    assert!(matches!(error, QueryError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn errors_of_the_api_and_of_what_stands_before_it_are_told_apart() {
    let body = r#"{"status":"error","errorType":"execution","error":"too many samples"}"#;
    let error = failure(Answer::Text(StatusCode::UNPROCESSABLE_ENTITY, body.to_owned()), |_| {}).await;
    assert!(error.to_string().ends_with("refused the query (execution): too many samples"), "{error}");
    let error = failure(text(body), |_| {}).await;
    assert!(matches!(error, QueryError::Api { .. }), "with a status of success: {error:?}");

    let error = failure(Answer::Text(StatusCode::FORBIDDEN, "<p>no\n entry</p>".to_owned()), |_| {}).await;
    assert!(error.to_string().ends_with("(check `auth` and `headers`): <p>no entry</p>"), "{error}");
    let error = failure(Answer::Text(StatusCode::FOUND, String::new()), |_| {}).await;
    assert!(error.to_string().contains("redirects are not followed"), "{error}");
    let error = failure(text("ok"), |config| config.url = config.url.replace("/prefix", "/elsewhere")).await;
    assert!(error.to_string().contains("(check the path in `url`)"), "{error}");

    let error = failure(text("<html>login</html>"), |_| {}).await;
    assert!(matches!(&error, QueryError::Decode { body, .. } if body == "<html>login</html>"), "{error:?}");
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
    let error = failure(text(scalar), |_| {}).await;
    assert!(matches!(&error, QueryError::ResultType { found, .. } if found == "scalar"), "{error:?}");
}

#[tokio::test]
async fn unreadable_files_and_broken_certificates_name_their_setting() {
    let error = failure(flows(&[]), |config| config.auth.bearer_token_file = Some("/nowhere".into())).await;
    assert_eq!(error.to_string(), "failed to read /nowhere, which `auth.bearer_token_file` names");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n")
        .unwrap();
    let error = failure(flows(&[]), |config| config.tls.ca_file = Some(file.path().to_owned())).await;
    assert!(matches!(error, QueryError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn beyond_the_limit_the_heaviest_flows_are_kept_and_the_rest_is_counted() {
    let (_store, mut config) = store(vec![flows(&[("a", "b", 1.0), ("a", "c", 3.0), ("a", "d", 2.0)])]).await;
    config.max_flows = 2;
    let state = state();
    let refresh = Poller::new(config, Identity::App).unwrap().refresh(1.0, &state).await.unwrap();
    assert_eq!((refresh.samples, refresh.flows, refresh.dropped_flows), (3, 2, 1));
    let snapshot = state.snapshot();
    assert!(snapshot.application_id("shop/b").is_none() && snapshot.application_id("shop/d").is_some());
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_freeze_the_flows() {
    let (_store, config) = store(vec![flows(&[("a", "b", 1.0)]), flows(&[("a", "b", 9.0)])]).await;
    let state = state();
    let mut poller = Poller::new(config, Identity::App).unwrap();
    poller.refresh(10_000.0, &state).await.unwrap();
    poller.refresh(5_000.0, &state).await.unwrap();
    let snapshot = state.snapshot();
    let a = snapshot.application_id("shop/a").unwrap();
    assert_eq!((snapshot.flows().peers(a)[0].outbound, snapshot.flows_at()), (9.0, Some(5_000.0)));
}

#[tokio::test]
async fn the_past_is_asked_for_once_and_not_before_the_store_answers() {
    let broken = Answer::Text(StatusCode::SERVICE_UNAVAILABLE, "busy".to_owned());
    let answers = vec![broken, flows(&[("a", "b", 9.0)]), flows(&[("a", "b", 1.0)])];
    let (store, mut config) = store(answers).await;
    config.estimator = Estimator::Window { seconds: 240.0 };
    let mut poller = Poller::new(config, Identity::App).unwrap();
    let state = state();
    poller.refresh(1_000.0, &state).await.unwrap_err();
    poller.refresh(1_015.0, &state).await.unwrap();
    poller.refresh(1_030.0, &state).await.unwrap();
    let received = store.received.lock().unwrap().clone();
    let times =
        received.iter().map(|(_, body)| body.split("time=").nth(1).unwrap().split('&').next().unwrap());
    let expected = ["1000.000", "1015.000", "835.000", "895.000", "955.000", "1030.000"];
    assert_eq!(times.collect::<Vec<_>>(), expected);
    // Three minutes of 1 in the past, 60 s of 9, then 15 s of 1, of which the last 240 s count.
    let snapshot = state.snapshot();
    let a = snapshot.application_id("shop/a").unwrap();
    let flow = snapshot.flows().peers(a)[0].outbound;
    assert!((flow - (60.0 * 9.0 + 180.0) / 240.0).abs() < 1e-9, "{flow}");
}

#[tokio::test]
async fn a_store_without_a_past_is_good_enough() {
    let too_old = Answer::Text(StatusCode::UNPROCESSABLE_ENTITY, "too far back".to_owned());
    let (store, mut config) =
        store(vec![flows(&[("a", "b", 9.0)]), too_old, flows(&[("a", "b", 9.0)])]).await;
    config.estimator = Estimator::Decay { half_life_seconds: 600.0 };
    let mut poller = Poller::new(config, Identity::App).unwrap();
    let state = state();
    for at in [1_000.0, 1_015.0] {
        assert_eq!(poller.refresh(at, &state).await.unwrap().flows, 1);
    }
    assert_eq!(store.received.lock().unwrap().len(), 3, "it is not asked for again");
}

#[tokio::test]
async fn the_task_records_failures_keeps_the_flows_recovers_and_stops() {
    let broken = Answer::Text(StatusCode::SERVICE_UNAVAILABLE, "busy".to_owned());
    let (_store, mut config) = store(vec![broken.clone(), broken, flows(&[("a", "b", 1.0)])]).await;
    config.interval_seconds = 0.1;
    let state = state();
    let shutdown = CancellationToken::new();
    let poller = Poller::new(config, Identity::App).unwrap();
    let task = tokio::spawn(poller.run(state.clone(), shutdown.clone()));
    while state.readiness().reasons().len() != 2 {
        tokio::task::yield_now().await;
    }
    // The answer is published within the refresh, the report written at its end.
    while state.health().metrics.report().refreshes == 0 {
        tokio::task::yield_now().await;
    }
    let report = state.health().metrics.report();
    assert_eq!((report.failures, report.last_error, report.flows), (2, None, 1));
    assert!(report.last_success_at.is_some() && report.response_bytes > 0);
    shutdown.cancel();
    task.await.unwrap();
}
