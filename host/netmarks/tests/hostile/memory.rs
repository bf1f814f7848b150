//! Everything that is remembered of what comes from outside, filled with the largest that each takes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use axum::body::Body;
use axum::extract::RawForm;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use netmarks_test_cluster::repository::guest_file;
use serde_json::{Value, json};

use crate::support::admin::Administered;
use crate::support::eventually;

/// As many as are kept by default.
const FLOWS: usize = 100_000;

/// The longest names that Kubernetes takes: of an application, and of a node or a pod.
const LONG: [usize; 2] = [63, 253];

/// Nodes whose names and peers all stand in each decision and each request.
const NODES: usize = 1_000;

/// Requests: more than are remembered of any kind.
const REQUESTS: usize = 2_500;

/// Peers of each of their applications.
const PEERS: usize = FLOWS / 2 / REQUESTS;

/// What all of it together may take, in MiB: decisions 32, the last requests 8, flows with their names and an answer of the store while it
/// is read 120, the program with its policies 60; the rest is what the allocator keeps. Measured: 158.
const SUM: u64 = 256;

/// A name of `length` bytes that begins with `kind` and ends with `number`.
fn name(kind: &str, number: usize, length: usize) -> String {
    let end = number.to_string();
    format!("{kind}{}{end}", "x".repeat(length - kind.len() - end.len()))
}

/// Flows between the heaviest names there can be, and more warnings than anybody reads; only for now, since a start asks for the
/// past as well.
async fn answer(RawForm(form): RawForm) -> String {
    let form: Vec<(String, String)> = pairs(&form);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    let asked = form.iter().find(|(key, _)| key == "time").and_then(|(_, time)| time.parse().ok());
    let recent = asked.is_none_or(|time: f64| now - time < 30.0);
    let mut text = String::from(r#"{"status":"success","data":{"resultType":"vector","result":["#);
    for number in 0..if recent { FLOWS } else { 0 } {
        let comma = if number == 0 { "" } else { "," };
        let namespace = name("ns", 0, LONG[0]);
        // Half of them between the pods' applications and their peers, half between names that nothing else has.
        let (source, destination) = if number % 2 == 0 {
            (name("app", number / 2 % REQUESTS, LONG[0]), name("peer", number / 2 / REQUESTS, LONG[0]))
        } else {
            (name("caller", number, LONG[0]), name("callee", number, LONG[0]))
        };
        write!(
            text,
            r#"{comma}{{"metric":{{"source_namespace":"{namespace}","source":"{source}","destination_namespace":"{namespace}","destination":"{destination}"}},"value":[{now},"{number}"]}}"#
        )
        .unwrap();
    }
    let warnings: Vec<String> = (0..5_000).map(|number| name("warning ", number, 1_024)).collect();
    write!(text, r#"]}},"warnings":{}}}"#, json!(warnings)).unwrap();
    text
}

/// The pairs of a form without escapes that matter here.
fn pairs(form: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(form);
    let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    text.split('&').filter_map(pair).collect()
}

/// What the API server lists; a watch of it says nothing.
async fn cluster(uri: Uri) -> Response {
    if uri.query().is_some_and(|query| query.contains("watch=")) {
        return Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>())
            .into_response();
    }
    let node = |number| name("node", number, LONG[1]);
    let items: Vec<Value> = if uri.path().ends_with("/nodes") {
        (0..NODES).map(|number| json!({"metadata": {"name": node(number)}})).collect()
    } else {
        let pod = |number| {
            let labels = json!({"app": name("peer", number % PEERS, LONG[0])});
            json!({
                "metadata": {"namespace": name("ns", 0, LONG[0]), "name": name("pod", number, LONG[1]), "labels": labels},
                "spec": {"nodeName": node(number / 10)},
            })
        };
        (0..10 * NODES).map(pod).collect()
    };
    Json(json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": items}))
        .into_response()
}

fn resident_mib(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1024)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_remembered_fits_into_a_stated_sum() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/v1/query", any(answer)).fallback(cluster);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let content = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": store}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    });
    std::fs::write(&kubeconfig, content.to_string()).unwrap();
    let kubeconfig = kubeconfig.display().to_string();
    let server = Administered::start_on(folder, &["--kubeconfig", &kubeconfig], |config| {
        config["scoring"]["decisions"] = json!(100_000);
        config["metrics"] =
            json!({"url": store, "preset": "recorded", "interval_seconds": 600, "timeout_seconds": 120});
    })
    .await
    .unwrap();
    let id = server.server.process.id().unwrap();
    let before = resident_mib(id).unwrap();
    eventually("the flows are there", async || {
        let text = server.server.get("/metrics").await?;
        Ok(text.lines().any(|line| line == format!("netmarks_flows {FLOWS}")).then_some(()))
    })
    .await
    .unwrap();
    let with_flows = resident_mib(id).unwrap();

    let names: Vec<String> = (0..NODES).map(|number| name("node", number, LONG[1])).collect();
    let mut empty = 0;
    for number in 0..REQUESTS {
        let namespace = name("ns", 0, LONG[0]);
        let pod = name("pod", number, LONG[1]);
        let app = name("app", number, LONG[0]);
        let labels: serde_json::Map<_, _> =
            (0..100).map(|label| (name("label", label, 63), json!(name("value", label, 63)))).collect();
        let mut body = json!({
            "Pod": {"metadata": {"namespace": namespace, "name": pod, "labels": labels}}, "NodeNames": names,
        });
        body["Pod"]["metadata"]["labels"]["app"] = json!(app);
        empty += usize::from(server.server.prioritize(&body).await.unwrap().is_empty());
    }
    assert_eq!(empty, 0, "every pod has peers on the nodes");
    // Each refused in its own words, under the longest name.
    let hostile = std::fs::read(guest_file("huge-describe")).unwrap();
    for number in 0..20 {
        let answer = server.put(&name("policy", number, LONG[0]), "", hostile.clone()).await.unwrap();
        assert!(answer.status.is_client_error(), "{}", answer.body);
    }
    let decisions = server.server.get("/v1/decisions?limit=100000").await.unwrap().len() / 1024 / 1024;
    assert!(decisions >= 16, "only {decisions} MiB of decisions are kept: the ring is not full");

    let after = resident_mib(id).unwrap();
    println!(
        "resident: {before} MiB at the start, {with_flows} with {FLOWS} flows, {after} with all that is remembered \
         (decisions are {decisions} MiB of JSON); the sum is {SUM}"
    );
    assert!(after <= SUM, "{after} MiB are more than the stated {SUM}");
    serving.abort();
}
