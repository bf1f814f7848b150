//! Traces: a real OTLP receiver gets a span of every request.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod support;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use support::binary::Server;
use support::{LIMIT, NODES, request, worked_example_file};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Received = Result<ExportTraceServiceRequest, prost::DecodeError>;

async fn receive(
    State(received): State<Arc<UnboundedSender<Received>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let protobuf = headers.get("content-type").is_some_and(|kind| kind == "application/x-protobuf");
    // The test may have ended already.
    let _ = received.send(ExportTraceServiceRequest::decode(body));
    let status = if protobuf { StatusCode::OK } else { StatusCode::UNSUPPORTED_MEDIA_TYPE };
    (status, ExportTraceServiceResponse::default().encode_to_vec())
}

/// A collector on loopback: its endpoint, and what it receives.
async fn collector() -> (String, UnboundedReceiver<Received>) {
    let (sender, receiver) = unbounded_channel();
    let router = axum::Router::new().route("/v1/traces", post(receive)).with_state(Arc::new(sender));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    tokio::spawn(netmarks::http::server::serve(
        listener,
        None,
        move |_| router.clone(),
        netmarks::http::server::Stop::default(),
    ));
    (endpoint, receiver)
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

fn sample() -> String {
    worked_example_file().display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_of_a_request_says_for_which_pod_and_how_many_candidates() {
    let (endpoint, mut received) = collector().await;
    let environment = [
        ("NETMARKS_TRACES_OTLP_ENDPOINT", &*endpoint),
        ("NETMARKS_TRACES_SAMPLE_RATIO", "1"),
        ("NO_PROXY", "*"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::serve(folder, &["--snapshot", &sample()], &environment).await.unwrap();
    assert_eq!(server.prioritize(&request(&NODES)).await.unwrap().len(), 3);

    // It comes by itself, a few seconds later.
    let batch = tokio::time::timeout(LIMIT, received.recv()).await.unwrap().unwrap().unwrap();
    let resource = batch.resource_spans.first().unwrap();
    let of_resource = &resource.resource.as_ref().unwrap().attributes;
    assert_eq!(attribute(of_resource, "service.name"), Some(&Value::StringValue("netmarks".to_owned())));
    let spans: Vec<_> = resource.scope_spans.iter().flat_map(|scope| &scope.spans).collect();
    assert_eq!(spans.iter().map(|span| &*span.name).collect::<Vec<_>>(), ["prioritize"]);
    let span = spans.first().unwrap();
    assert_eq!(attribute(&span.attributes, "pod"), Some(&Value::StringValue("default/p-0".to_owned())));
    assert_eq!(attribute(&span.attributes, "candidates"), Some(&Value::IntValue(4)));
    assert_eq!(attribute(&span.attributes, "named"), Some(&Value::IntValue(3)));
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);

    // What was not sent yet at the end is sent then.
    assert_eq!(server.prioritize(&request(&NODES[..2])).await.unwrap().len(), 2);
    let ended = server.terminate().await.unwrap();
    assert!(ended.contains("exit status: 0"), "{ended}");
    let last = received.recv().await.unwrap().unwrap();
    let span = last.resource_spans.first().unwrap().scope_spans.first().unwrap().spans.first().unwrap();
    assert_eq!(attribute(&span.attributes, "candidates"), Some(&Value::IntValue(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_costs_nothing_but_its_traces() {
    let (_held, address) = support::nobody().unwrap();
    let nobody = format!("http://{address}/v1/traces");
    let environment = [
        ("NETMARKS_TRACES_OTLP_ENDPOINT", &*nobody),
        ("NETMARKS_TRACES_SAMPLE_RATIO", "1"),
        ("NO_PROXY", "*"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::serve(folder, &["--snapshot", &sample()], &environment).await.unwrap();
    assert_eq!(server.prioritize(&request(&NODES)).await.unwrap().len(), 3);
    let ended = server.terminate().await.unwrap();
    assert!(ended.contains("exit status: 0"), "{ended}");
    assert!(!server.log().unwrap().contains("panicked"), "{}", server.log().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_none_sends_none() {
    let (endpoint, mut received) = collector().await;
    let environment = [
        ("NETMARKS_TRACES_OTLP_ENDPOINT", &*endpoint),
        ("NETMARKS_TRACES_SAMPLE_RATIO", "0"),
        ("NO_PROXY", "*"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::serve(folder, &["--snapshot", &sample()], &environment).await.unwrap();
    assert_eq!(server.prioritize(&request(&NODES)).await.unwrap().len(), 3);
    let ended = server.terminate().await.unwrap();
    assert!(ended.contains("exit status: 0"), "{ended}");
    assert!(received.try_recv().is_err(), "everything was flushed when it ended");
}
