//! What no API server sends: the pod is allowed, the reason is counted, and the log stays short.

use std::path::Path;
use std::time::Instant;

use netmarks_test_cluster::Authority;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::inside::{Inside, model};
use super::{Door, admission, preferred, response, review, reviews};
use crate::support::authority::{install, trusting};
use crate::support::binary::Server;
use crate::support::{config, eventually, hostile, series, worked_example_file};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_in_the_pod_is_allowed_and_the_reason_counted() {
    let mut config = admission(config());
    config.admission.max_request_mib = 1;
    let door = Door::open(config).await;
    let long = "x".repeat(100_000);
    let with = |pointer: &str, value: Value| {
        let mut review = review("u-1");
        *review.pointer_mut(pointer).unwrap() = value;
        review.to_string()
    };
    let metadata = "/request/object/metadata";
    for (outcome, body) in [
        ("not-a-review", String::new()),
        ("not-a-review", "[".repeat(100_000)),
        ("other-version", with("/apiVersion", json!("admission.k8s.io/v1beta1"))),
        ("other-kind", with("/request/kind/kind", json!("Secret"))),
        ("other-operation", with("/request/operation", json!("DELETE"))),
        ("not-a-pod", with("/request/object", json!(null))),
        ("not-a-pod", with("/request/object", json!({"metadata": 7}))),
        ("not-a-pod", with("/request/object/spec", json!([]))),
        ("too-large", with(metadata, json!({"name": long, "labels": {"app": "p"}}))),
        ("too-large", with(metadata, json!({"name": "p-1", "labels": {"app": long}}))),
        ("too-large", "x".repeat(2 << 20)),
    ] {
        let response = door.post(body).await.unwrap();
        assert_eq!(response.get("patch"), None, "{outcome}");
        assert!(door.extender.metric(&reviews(outcome)).await.unwrap() > 0.0, "{outcome}");
    }
    let patch = door.patch(&review("u-2")).await.unwrap();
    assert_eq!(preferred(&patch)[0].1, ["node-3"], "and goes on");
    door.decision("u-2").await;
    assert_eq!(door.extender.json("/v1/decisions").await.unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fails_adds_nothing() {
    let door = Door::open(admission(hostile("trap"))).await;
    assert!(door.patch(&review("u-1")).await.unwrap().is_empty());
    door.counted("policy-fault", 1.0).await;
    assert_eq!(door.extender.metric("netmarks_admission_assumed_pods").await.unwrap(), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_counted() {
    let Inside { door, .. } = &Inside::open(admission(config()), model()).await;
    let body = review("u-1").to_string();
    let (half, _) = body.split_at(body.len() / 2);
    let address = door.url.trim_start_matches("http://").trim_end_matches("/admission");
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("POST /admission HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n");
    connection.write_all(format!("{head}{half}").as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    door.counted("broken", 1.0).await;
}

/// By the program, whose log is what an operator sees of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_bad_input_is_a_line_of_the_log_now_and_then() {
    const FLOOD: u32 = 200;
    let authority = Authority::new("ours").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tls = install(&authority, folder.path()).unwrap();
    let text = |path: &Path| path.display().to_string();
    let (certificate, key) = (text(&tls.cert_file.unwrap()), text(&tls.key_file.unwrap()));
    let environment = [
        ("NETMARKS_ADMISSION_LISTEN", "127.0.0.1:0"),
        ("NETMARKS_ADMISSION_TLS_CERT_FILE", certificate.as_str()),
        ("NETMARKS_ADMISSION_TLS_KEY_FILE", key.as_str()),
        ("NETMARKS_ADMISSION_REQUEST_TIMEOUT_MS", "30000"),
    ];
    let snapshot = text(&worked_example_file());
    let began = Instant::now();
    let server = Server::serve(folder, &["--snapshot", &snapshot], &environment).await.unwrap();
    let line = eventually("the listener is in the log", async || {
        Ok(server.logged("listening for reviews of pods")?.pop())
    });
    let url = format!("https://{}/admission", line.await.unwrap()["address"].as_str().unwrap());
    let client = trusting(&authority).unwrap().build().unwrap();
    for number in 0..FLOOD {
        let body = if number % 2 == 0 { json!({"kind": "Pod"}) } else { json!({"kind": "AdmissionReview"}) };
        let answer = client.post(&url).body(body.to_string()).send().await.unwrap();
        response(answer.status(), &answer.bytes().await.unwrap()).unwrap();
    }
    let lines = eventually("there is a line", async || {
        let lines = server.logged("a review that no API server sends was answered")?;
        Ok((!lines.is_empty()).then_some(lines))
    });
    let lines = lines.await.unwrap();
    // Ten seconds are between two of them.
    let most = 1 + began.elapsed().as_secs() / 10;
    assert!(lines.len() as u64 <= most, "{} in {:?}", lines.len(), began.elapsed());
    assert_eq!(lines[0]["outcome"], "not-a-review");
    let page = server.get("/metrics").await.unwrap();
    let counted = ["not-a-review", "other-version"].map(|outcome| series(&page, &reviews(outcome)));
    assert_eq!(counted, [Some(f64::from(FLOOD / 2)); 2], "and all are counted");
}
