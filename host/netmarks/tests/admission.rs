//! The door for the API server, over real HTTPS: what is added to pods, and what is left alone. `assumed` has what is remembered of it, `landed`
//! what is summed up.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod assumed;
mod hostile_input;
mod inside;
mod landed;
mod late;
mod nothing_added;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks::wiring;
use netmarks_admission::Mode;
use netmarks_policies::Compiling;
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::ClusterState;
use netmarks_test_cluster::Authority;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::authority::{install, trusting};
use crate::support::binary::{failure, netmarks, success};
use crate::support::{Extender, config, eventually, worked_example_file};

const HOSTNAME: &str = "kubernetes.io/hostname";

/// The door on the worked example.
pub(crate) struct Door {
    pub(crate) extender: Extender,
    client: reqwest::Client,
    url: String,
    state: Arc<ClusterState>,
    /// Of its certificate.
    _folder: Option<tempfile::TempDir>,
}

/// On any free port; the flows of the worked example are hundreds of bytes.
pub(crate) fn admission(mut config: Config) -> Config {
    config.admission.listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    config.admission.min_saved_bytes_per_second = 50.0;
    config.admission.request_timeout_ms = 30_000;
    config.cluster.snapshot_file = Some(worked_example_file());
    config
}

impl Door {
    pub(crate) async fn open(config: Config) -> Self {
        let snapshot = SnapshotFile::read(config.cluster.snapshot_file.as_ref().unwrap()).unwrap();
        Self::open_on(config, Arc::new(ClusterState::fixed(snapshot.to_index()))).await
    }

    /// What scores has this cluster, and the scheduler's model that of the file.
    async fn open_on(mut config: Config, state: Arc<ClusterState>) -> Self {
        let authority = Authority::new("ours").unwrap();
        let folder = tempfile::tempdir().unwrap();
        config.admission.tls = install(&authority, folder.path()).unwrap();
        let mut tasks = Tasks::default();
        let engine = wiring::engine(&config).unwrap();
        let scoring =
            wiring::scoring(engine, &config, state.clone(), Compiling::Here, &mut tasks).await.unwrap();
        let address = wiring::admission(&config, &scoring, &mut tasks).await.unwrap().unwrap();
        let extender = Extender::start_with(&config, scoring, tasks).await.unwrap();
        let client = trusting(&authority).unwrap().build().unwrap();
        Self { extender, client, url: format!("https://{address}/admission"), state, _folder: Some(folder) }
    }

    /// The response in the answer to a body, which has status 200 whatever it is.
    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> Result<Value> {
        let answer = self.client.post(&self.url).body(body).send().await?;
        response(answer.status(), &answer.bytes().await?)
    }

    /// The operations for a review; none where the pod is left alone.
    async fn patch(&self, review: &Value) -> Result<Vec<Value>> {
        let response = self.post(review.to_string()).await?;
        ensure!(response["uid"] == review["request"]["uid"], "{response}");
        let Some(patch) = response["patch"].as_str() else { return Ok(Vec::new()) };
        ensure!(response["patchType"] == "JSONPatch", "{response}");
        Ok(serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(patch)?)?)
    }

    /// The same, where the review has this outcome and is counted once.
    async fn patch_with(&self, outcome: &str, review: &Value) -> Vec<Value> {
        let before = self.extender.metric(&reviews(outcome)).await.unwrap();
        let patch = self.patch(review).await.unwrap();
        assert_eq!(self.extender.metric(&reviews(outcome)).await.unwrap(), before + 1.0, "{outcome}");
        patch
    }

    async fn counted(&self, outcome: &str, count: f64) {
        self.extender.counted(&reviews(outcome), count).await.unwrap();
    }

    async fn decision(&self, id: &str) -> Value {
        let path = format!("/v1/decisions?id={id}");
        let found =
            async || Ok(self.extender.json(&path).await?.as_array().context("no list")?.first().cloned());
        eventually("the decision is remembered", found).await.unwrap()
    }
}

/// The series that counts reviews with this outcome.
fn reviews(outcome: &str) -> String {
    format!("netmarks_admission_reviews_total{{outcome=\"{outcome}\"}}")
}

/// The response in an answer, which has status 200 and allows the pod.
fn response(status: StatusCode, answer: &[u8]) -> Result<Value> {
    ensure!(status == StatusCode::OK, "{status}");
    let mut answer: Value = serde_json::from_slice(answer)?;
    ensure!(answer["kind"] == "AdmissionReview" && answer["apiVersion"] == "admission.k8s.io/v1", "{answer}");
    ensure!(answer["response"]["allowed"] == true, "{answer}");
    Ok(answer["response"].take())
}

/// The review of a pod of the application `p`, as a ReplicaSet creates it.
pub(crate) fn review(uid: &str) -> Value {
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "p-5d9c", "uid": "rs-1", "controller": true,
    });
    let requests = json!({"requests": {"cpu": "3", "memory": "64Mi"}});
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "default",
            "operation": "CREATE",
            "dryRun": false,
            "object": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "generateName": "p-5d9c-", "labels": {"app": "p"}, "creationTimestamp": null,
                    "ownerReferences": [owner],
                },
                "spec": {
                    "schedulerName": "default-scheduler",
                    "containers": [{"name": "c", "image": "none", "resources": requests}],
                },
                "status": {},
            },
        },
    })
}

/// The host names of each added term of nodes, with its weight.
fn preferred(patch: &[Value]) -> Vec<(u64, Vec<String>)> {
    let affinity = &patch[0]["value"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
    let term = |term: &Value| {
        let expression = &term["preference"]["matchExpressions"][0];
        assert_eq!((&expression["key"], &expression["operator"]), (&json!(HOSTNAME), &json!("In")));
        let values = expression["values"].as_array().unwrap();
        let names = values.iter().map(|value| value.as_str().unwrap().to_owned());
        (term["weight"].as_u64().unwrap(), names.collect())
    };
    affinity.as_array().unwrap().iter().map(term).collect()
}

fn terms(terms: &[(u64, &str)]) -> Vec<(u64, Vec<String>)> {
    terms.iter().map(|(weight, node)| (*weight, vec![(*node).to_owned()])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_prefers_the_nodes_of_its_peers_and_names_the_decision() {
    let door = Door::open(admission(config())).await;
    let patch = door.patch(&review("u-1")).await.unwrap();
    // By the worked example: 160, 110 and 80 bytes/s with the pods on node-3, node-2 and node-1.
    assert_eq!(preferred(&patch), terms(&[(100, "node-3"), (69, "node-2")]));
    assert_eq!(patch[1]["path"], "/metadata/annotations");
    assert_eq!(patch[1]["value"]["netmarks.dev/decision"], "u-1");
    assert!(patch[1]["value"]["netmarks.dev/policy-set"].as_str().unwrap().contains('@'), "{patch:?}");
    let decision = door.decision("u-1").await;
    assert_eq!((&decision["door"], &decision["outcome"]), (&json!("admission"), &json!("patched")));
    assert_eq!((&decision["pod"], &decision["candidates"]), (&json!("default/p-5d9c-"), &json!(4)));
    assert_eq!(decision["nodes"][0]["node"], "node-3");
    door.counted("patched", 1.0).await;
    assert_eq!(
        door.extender.metric("netmarks_prioritize_answers_total{outcome=\"scored\"}").await.unwrap(),
        0.0
    );
}

/// Each takes three of a node's four cores, and none is bound yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_adds_nothing_and_records_what_would_have_been() {
    let mut config = admission(config());
    config.admission.mode = Mode::Preview;
    let door = Door::open(config).await;
    assert!(door.patch(&review("u-1")).await.unwrap().is_empty());
    let decision = door.decision("u-1").await;
    assert_eq!(
        (&decision["outcome"], &decision["nodes"][0]["node"]),
        (&json!("previewed"), &json!("node-3"))
    );
    door.counted("previewed", 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_left_alone_for_a_reason_that_is_counted() {
    let mut config = admission(config());
    config.admission.min_saved_bytes_per_second = 161.0;
    let door = Door::open(config).await;
    let changed = |pointer: &str, value: Value| {
        let mut review = review("u-1");
        *review.pointer_mut(pointer).unwrap() = value;
        review
    };
    let scheduler = "/request/object/spec/schedulerName";
    let cpu = "/request/object/spec/containers/0/resources/requests/cpu";
    for (outcome, review) in [
        ("little-to-save", review("u-1")),
        ("other-scheduler", changed(scheduler, json!("mine"))),
        ("daemon-set", changed("/request/object/metadata/ownerReferences/0/kind", json!("DaemonSet"))),
        ("no-traffic", changed("/request/object/metadata/labels", json!({"app": "unknown"}))),
        ("no-traffic", changed("/request/object/metadata/labels", json!(null))),
        (
            "opted-out",
            changed("/request/object/metadata/labels", json!({"netmarks.dev/admission": "disabled"})),
        ),
        ("mirror", changed("/request/object/metadata/ownerReferences/0/kind", json!("Node"))),
        ("bound", changed("/request/object/spec", json!({"nodeName": "node-1", "containers": []}))),
        // Only node-4 has as much room, and none of its peers; no node has more.
        ("no-preference", changed(cpu, json!("4"))),
        ("no-node", changed(cpu, json!("5"))),
    ] {
        assert!(door.patch_with(outcome, &review).await.is_empty(), "{outcome}");
    }
}

/// In the order in which they are kept: own terms in front, untouched.
#[tokio::test(flavor = "multi_thread")]
async fn terms_of_the_user_stay_in_front() {
    let door = Door::open(admission(config())).await;
    let theirs: Vec<Value> = (0..250)
        .map(|number| {
            let expression = json!({"key": "disk", "operator": "In", "values": [number.to_string()]});
            json!({"weight": 7, "preference": {"matchExpressions": [expression]}})
        })
        .collect();
    let mut with_terms = review("u-1");
    with_terms["request"]["object"]["spec"]["affinity"] =
        json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": theirs}});
    let patch = door.patch(&with_terms).await.unwrap();
    let paths: Vec<&str> = patch.iter().map(|operation| operation["path"].as_str().unwrap()).collect();
    let append = "/spec/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution/-";
    assert_eq!(paths, [append, append, "/metadata/annotations"]);
}

/// As a real API server sent them, for an application of the worked example.
#[tokio::test(flavor = "multi_thread")]
async fn captured_reviews_are_answered() {
    let door = Door::open(admission(config())).await;
    let captured = include_str!("../../admission/tests/fixtures/reviews.jsonl");
    let mut outcomes = Vec::new();
    for line in captured.lines() {
        let line = line.replace("\"shop\"", "\"default\"");
        let line = ["web", "db", "once", "agent", "bare"]
            .iter()
            .fold(line, |line, app| line.replace(&format!("\"app\":\"{app}\""), "\"app\":\"p\""));
        outcomes.push(door.patch(&serde_json::from_str(&line).unwrap()).await.unwrap().len());
    }
    // Affinity and annotations are each added as a whole; the bare pod has some, to which two terms and three annotations are added.
    // A DaemonSet's pod is left alone.
    assert_eq!(outcomes, [2, 2, 2, 0, 5, 2]);
    door.counted("daemon-set", 1.0).await;
}

#[test]
fn a_listener_without_tls_is_refused() {
    let mut config = admission(config());
    let said = config.validate().unwrap_err().to_string();
    assert!(said.contains("`admission.listen` needs `admission.tls.cert_file`"), "{said}");
    config.admission.tls.cert_file = Some("tls.crt".into());
    config.admission.tls.key_file = Some("tls.key".into());
    config.validate().unwrap();
    config.policy.limits.deadline_ms = 900;
    config.admission.request_timeout_ms = 800;
    assert!(config.validate().unwrap_err().to_string().contains("`admission.request_timeout_ms` (800)"));
}

fn reviewed(folder: &Path, content: &str) -> std::process::Output {
    let (file, snapshot) = (folder.join("pod.yaml"), worked_example_file());
    std::fs::write(&file, content).unwrap();
    let configuration = folder.join("config.yaml");
    std::fs::write(&configuration, "admission: {min_saved_bytes_per_second: 50}\n").unwrap();
    let text = |path: &Path| path.display().to_string();
    let (file, snapshot, configuration) = (text(&file), text(&snapshot), text(&configuration));
    netmarks(&["admission-review", &file, "--snapshot", &snapshot, "--config", &configuration]).unwrap()
}

#[test]
fn the_command_prints_the_patch_for_a_manifest_or_a_review() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: p-9, labels: {app: p}}\nspec: {containers: [{name: c}]}\n";
    for content in [manifest.to_owned(), review("u-1").to_string()] {
        let report: Value =
            serde_json::from_str(&success(&reviewed(folder.path(), &content)).unwrap()).unwrap();
        assert_eq!(report["outcome"], "patched");
        assert_eq!(preferred(report["patch"].as_array().unwrap())[0].1, ["node-3"]);
    }
    let opted_out = manifest.replace("app: p", "app: p, netmarks.dev/admission: disabled");
    let report: Value =
        serde_json::from_str(&success(&reviewed(folder.path(), &opted_out)).unwrap()).unwrap();
    assert_eq!(report, json!({"outcome": "opted-out", "patch": []}));
    let said = failure(&reviewed(folder.path(), "kind: Deployment\n")).unwrap();
    assert!(said.contains("neither a Pod nor an AdmissionReview"), "{said}");
}
