//! As much of the API server as kube's watchers ask for: pages of a list, watches from a version on, bookmarks.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::cluster::{Cluster, News, Page};

/// How often a watch that has nothing to tell says how far it has come.
const BOOKMARK: Duration = Duration::from_secs(10);

pub fn router(cluster: Arc<Cluster>) -> Router {
    Router::new()
        .route("/api/v1/{resource}", get(answer))
        .route("/apis/apps/v1/{resource}", get(answer))
        .with_state(cluster)
}

async fn answer(
    State(cluster): State<Arc<Cluster>>,
    Path(resource): Path<String>,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    let kind = match &*resource {
        "pods" => "Pod",
        "nodes" => "Node",
        "services" => "Service",
        "deployments" => "Deployment",
        "statefulsets" => "StatefulSet",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let group = if matches!(kind, "Deployment" | "StatefulSet") { "apps/v1" } else { "v1" };
    let number = |name: &str| parameters.get(name).and_then(|text| text.parse::<u64>().ok());
    if parameters.get("watch").is_some_and(|watch| watch == "true" || watch == "1") {
        let watching = Watching {
            follow: cluster.follow(),
            cluster,
            seen: number("resourceVersion").unwrap_or(0),
            end: Instant::now() + Duration::from_secs(number("timeoutSeconds").unwrap_or(300)),
            pods: kind == "Pod",
            bookmark: json!({"type": "BOOKMARK", "object": {"kind": kind, "apiVersion": group, "metadata": {}}}),
        };
        return json_body(Body::from_stream(futures::stream::unfold(Some(watching), Watching::next)));
    }
    let (after, limit) = (number("continue").unwrap_or(0), number("limit").unwrap_or(u64::MAX >> 1));
    let Page { items, version, next } = cluster.page(&resource, after, limit as usize);
    let more = next.map_or_else(String::new, |next| format!(r#","continue":"{next}""#));
    let head = format!(
        r#"{{"kind":"{kind}List","apiVersion":"{group}","metadata":{{"resourceVersion":"{version}"{more}}},"items":["#
    );
    json_body(Body::from([head, items, "]}\n".to_owned()].concat()))
}

fn json_body(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Holds where a watch is.
struct Watching {
    cluster: Arc<Cluster>,
    follow: watch::Receiver<u64>,
    /// The version that it has told up to.
    seen: u64,
    end: Instant,
    /// Nothing else changes.
    pods: bool,
    bookmark: serde_json::Value,
}

impl Watching {
    /// What it sends next; its end closes the watch.
    async fn next(watching: Option<Self>) -> Option<(Result<Bytes, Infallible>, Option<Self>)> {
        let mut watching = watching?;
        let due = Instant::now() + BOOKMARK;
        loop {
            if watching.pods {
                watching.follow.borrow_and_update();
                match watching.cluster.since(watching.seen) {
                    News::Expired => return Some((Ok(expired()), None)),
                    News::Events(lines, version) if !lines.is_empty() => {
                        watching.seen = version;
                        return Some((Ok(lines.concat().into()), Some(watching)));
                    }
                    News::Events(..) => {}
                }
            }
            let changed = async {
                if watching.pods {
                    watching.follow.changed().await.ok();
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(watching.end) => return None,
                () = tokio::time::sleep_until(due) => {
                    watching.bookmark["object"]["metadata"] = json!({"resourceVersion": watching.seen.to_string()});
                    return Some((Ok(format!("{}\n", watching.bookmark).into()), Some(watching)));
                }
            }
        }
    }
}

fn expired() -> Bytes {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410,
        "message": "too old resource version",
    });
    format!("{}\n", json!({"type": "ERROR", "object": status})).into()
}
