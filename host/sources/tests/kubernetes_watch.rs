//! The watches over HTTP: what they ask an API server, how they take its answers and errors, and that they stop.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests: by panicking")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use futures::StreamExt;
use netmarks_core::application::Identity;
use netmarks_sources::kubernetes::{self, ClusterConfig};
use netmarks_state::{ClusterState, MetricsState};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Holds what was asked, as `path?query`.
type Asked = Arc<Mutex<Vec<String>>>;

fn pod(name: &str, node: Option<&str>) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "shop", "name": name, "labels": {"app": "web"}, "resourceVersion": "11"},
        "spec": {"nodeName": node},
    })
}

// The client itself already retries when a server is overloaded (429, 503, 504), so a refusal it is.
/// An API server that refuses the first list of pods, lists one, and reports a second one while it is watched.
async fn answer(State(asked): State<Asked>, uri: Uri, RawQuery(query): RawQuery) -> Response {
    let (path, query) = (uri.path().to_owned(), query.unwrap_or_default());
    let first = {
        let mut asked = asked.lock().unwrap();
        let first = !asked.iter().any(|earlier| earlier.starts_with(&path));
        asked.push(format!("{path}?{query}"));
        first
    };
    let pods = path == "/api/v1/pods";
    if query.contains("watch=true") {
        let event = json!({"type": "ADDED", "object": pod("web-2", Some("b"))});
        let lines = futures::stream::iter(pods.then(|| Ok::<_, std::io::Error>(format!("{event}\n"))));
        return Body::from_stream(lines.chain(futures::stream::pending())).into_response();
    }
    if pods && first {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden",
            "message": "not yet", "code": 403});
        return (StatusCode::FORBIDDEN, status.to_string()).into_response();
    }
    let web = json!({"namespace": "shop", "name": "web", "resourceVersion": "8"});
    let (kind, items) = match path.as_str() {
        "/api/v1/pods" => ("PodList", json!([pod("web-1", Some("a"))])),
        "/api/v1/nodes" => ("NodeList", json!([{"metadata": {"name": "a", "resourceVersion": "9"}}])),
        "/api/v1/services" => {
            let spec = json!({"selector": {"app": "web"}, "trafficDistribution": "PreferSameNode"});
            ("ServiceList", json!([{"metadata": web, "spec": spec}]))
        }
        "/apis/apps/v1/deployments" => {
            let template = json!({"metadata": {"labels": {"app": "web"}}});
            ("DeploymentList", json!([{"metadata": web, "spec": {"replicas": 3, "template": template}}]))
        }
        "/apis/apps/v1/statefulsets" => ("StatefulSetList", json!([])),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "10"}, "items": items})
        .to_string()
        .into_response()
}

/// Takes so many connections and never says anything on them, as a gateway does whose machine is gone; those that follow are served.
struct Silent {
    tcp: TcpListener,
    left: usize,
    held: Vec<TcpStream>,
}

impl Listener for Silent {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (connection, address) = self.tcp.accept().await.unwrap();
            match self.left.checked_sub(1) {
                Some(left) => {
                    self.left = left;
                    self.held.push(connection);
                }
                None => return (connection, address),
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_asked_again() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", tcp.local_addr().unwrap())}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    // One for each kind of object.
    let silent = Silent { tcp, left: 5, held: Vec::new() };
    let router = Router::new().fallback(answer).with_state(Asked::default());
    tokio::spawn(async move { axum::serve(silent, router).await.unwrap() });

    let config = ClusterConfig { kubeconfig: Some(file), ..ClusterConfig::default() };
    let client = kubernetes::client(&config).await.unwrap();
    let state = Arc::new(ClusterState::new(MetricsState::Absent));
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(kubernetes::run(client, state.clone(), Identity::App.into(), shutdown.clone()));
    let complete = async {
        while !state.readiness().reasons().is_empty() || state.read(|index| index.pod_count()) < 2 {
            // Nothing else to do: the clock goes on.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(600), complete)
        .await
        .expect("it waits for an answer that never comes");
    assert!(state.health().pods.errors() > 0);
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn the_watches_list_follow_survive_errors_and_stop() {
    let asked = Asked::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().fallback(answer).with_state(asked.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let client = kube::Client::try_from(kube::Config::new(url)).unwrap();
    let state = Arc::new(ClusterState::new(MetricsState::Absent));
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(kubernetes::run(client, state.clone(), Identity::App.into(), shutdown.clone()));
    let said = || {
        let snapshot = state.snapshot();
        let row = snapshot.application(snapshot.application_id("shop/web")?)?;
        Some((row.replicas(0), row.local_routing()))
    };
    while !state.readiness().reasons().is_empty()
        || state.read(|index| index.pod_count()) < 2
        || said() != Some((3, true))
    {
        tokio::task::yield_now().await;
    }
    let mut placed: Vec<_> = state
        .read(|index| index.pods().map(|pod| (pod.key.to_owned(), pod.node.map(str::to_owned))).collect());
    placed.sort();
    let expected = [("shop/web-1", "a"), ("shop/web-2", "b")];
    assert_eq!(placed, expected.map(|(pod, node)| (pod.to_owned(), Some(node.to_owned()))));

    let pods = &state.health().pods;
    assert_eq!((pods.errors(), state.health().nodes.errors()), (1, 0));
    assert_eq!((pods.lists(), state.health().nodes.lists()), (2, 1), "the refused list was begun again");
    assert!(pods.events() >= 1 && !pods.failing());
    let asked = asked.lock().unwrap().clone();
    let of_pods: Vec<_> = asked.iter().filter(|asked| asked.starts_with("/api/v1/pods")).collect();
    let selector = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";
    assert!(of_pods.iter().all(|asked| asked.contains(selector)), "{of_pods:?}");
    assert!(of_pods[0].contains("limit=500"), "{of_pods:?}");

    shutdown.cancel();
    task.await.unwrap();
}
