//! The door as a test has it from inside: pods are seen when the test says so, its model is the test's, and so is the time of policies.

use axum::body::Body;
use axum::http::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks_admission::{Admission, Model};
use netmarks_scheduler_model::LiveCluster;
use netmarks_sources::snapshot_file::{FileNode, FilePod, SnapshotFile};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Door, response, review};
use crate::support::by_hand::{self, Advance};
use crate::support::{Extender, worked_example, worked_example_file};

pub(super) struct Inside {
    pub(super) door: Door,
    pub(super) admission: Admission,
    /// Ends calls that do not end by themselves.
    pub(super) calls: Advance,
    _stop: DropGuard,
}

impl Inside {
    /// On the worked example, over plain HTTP.
    pub(super) async fn open(mut config: Config, model: Model) -> Self {
        // What listens here is the test's, which may have less time than any configuration allows.
        config.admission.listen = None;
        let state = worked_example().unwrap();
        let mut tasks = Tasks::default();
        let scoring = by_hand::scoring(&config, state.clone(), &mut tasks).await.unwrap();
        let calls = Advance(scoring.engine.clone());
        let admission = scoring.admission(&config, model);
        let stop = CancellationToken::new();
        let url = by_hand::serve(admission.clone().router(), &stop).await.unwrap();
        let extender = Extender::start_with(&config, scoring, tasks).await.unwrap();
        let (client, url) = (extender.client.clone(), format!("{url}/admission"));
        let door = Door { extender, client, url, state, _folder: None };
        Self { door, admission, calls, _stop: stop.drop_guard() }
    }

    /// The response to a body that arrives as the test wants: there is no connection.
    pub(super) async fn asked(&self, body: Body) -> Value {
        let router = TowerToHyperService::new(self.admission.clone().router());
        let request = Request::post("/admission").body(body).unwrap();
        let answer = router.call(request).await.unwrap();
        let status = answer.status();
        let answer = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        response(status, &answer).unwrap()
    }
}

/// The scheduler's model of the worked example.
pub(super) fn model() -> Model {
    let snapshot = SnapshotFile::read(&worked_example_file()).unwrap();
    let (nodes, pods) =
        (snapshot.nodes.iter().map(FileNode::model), snapshot.pods.iter().map(FilePod::model));
    Model::new(LiveCluster::fixed(nodes, pods))
}

/// The pod of a review, as a watch sees it.
pub(super) fn created(name: &str, node: Option<&str>, annotations: &Value) -> Pod {
    let mut pod = review("u-1")["request"]["object"].take();
    for (key, value) in [
        ("namespace", json!("default")),
        ("name", json!(name)),
        ("uid", json!(format!("uid of {name}"))),
        ("creationTimestamp", json!(Timestamp::now().to_string())),
        ("annotations", annotations.clone()),
    ] {
        pod["metadata"][key] = value;
    }
    pod["spec"]["nodeName"] = json!(node);
    serde_json::from_value(pod).unwrap()
}
