//! `POST /prioritize` as kube-scheduler sends it, and as it never should.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;
use std::sync::Arc;

use crate::support::{Extender, NODES, config, pod_request, request, scores};
use netmarks_core::facts::Resources;
use netmarks_engine::ParameterValue;
use netmarks_policy_testing::{Cluster, Node};
use netmarks_state::ClusterState;
use netmarks_test_cluster::repository;
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_example_scores_as_in_the_paper_and_says_why() {
    let extender = Extender::start(&config()).await.unwrap();
    let answer = extender.prioritize(&request(&NODES)).await.unwrap();
    let expected =
        [("node-1", 5), ("node-2", 7), ("node-3", 10)].map(|(node, score)| (node.to_owned(), score));
    assert_eq!(answer, expected, "a node without peers is not named");

    let decision = extender.decision("default/p-0").await.unwrap();
    assert_eq!(decision["application"], "default/p");
    assert_eq!(decision["policies"][0]["policy"], "netmarks");
    assert_eq!(
        (&decision["candidates"], &decision["named"], &decision["generation"]),
        (&json!(4), &json!(3), &json!(1))
    );
    assert_eq!((&decision["empty"], &decision["policies"][0]["fault"]), (&Value::Null, &Value::Null));
    let nodes = decision["nodes"].as_array().unwrap();
    let column = |key: &str| nodes.iter().map(|node| node[key].clone()).collect::<Vec<_>>();
    assert_eq!(column("node"), ["node-3", "node-2", "node-1", "node-4"]);
    assert_eq!(column("raw"), [160.0, 110.0, 80.0, 0.0]);
    assert_eq!(column("score"), [10, 7, 5, 0]);
    assert_eq!(
        nodes[0]["peers"],
        json!([{
            "application": "default/s", "pods": 1,
            "outbound_bytes_per_second": 100.0, "inbound_bytes_per_second": 60.0,
        }])
    );
    assert_eq!(nodes[3]["peers"], json!([]));
    extender.counted("netmarks_prioritize_answers_total{outcome=\"scored\"}", 1.0).await.unwrap();
    assert_eq!(
        extender.metric("netmarks_policy_call_duration_seconds_count{policy=\"netmarks\"}").await.unwrap(),
        1.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kube_scheduler_really_sends_is_understood() {
    let extender = Extender::start(&config()).await.unwrap();
    let file =
        netmarks_test_cluster::repository("tests/e2e/captures/prioritize-request-kube-scheduler-1.36.3.json");
    let (status, answer) = extender.post(std::fs::read(file).unwrap()).await.unwrap();
    assert_eq!((status, &*answer), (StatusCode::OK, "[]"), "nobody there knows that pod's application");
    let decision = extender.decision("default/web-84cd44fcbb-dv89k").await.unwrap();
    assert_eq!((&decision["application"], &decision["candidates"]), (&json!("default/web"), &json!(4)));
    assert_eq!(decision["empty"], "no-preference");
}

/// Pods that run and the pod that waits are counted by one rule: what is subtracted from what is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_room_for_the_sidecar_has_no_room_for_the_pod() {
    let node = |cores: f64| Node::default().cores(cores).memory_bytes(64 << 30);
    let cluster = Cluster::default()
        .node("small", node(4.0))
        .node("large", node(16.0))
        .pods_requesting("shop/a", &[("small", 1)], Resources::from_cores(2.0, 0))
        .pods_requesting("shop/b", &[("large", 1)], Resources::from_cores(10.0, 0));
    let mut config = config();
    config.policy.file = Some(repository("policies/load-blend.wasm"));
    config.policy.parameters = [("traffic-weight", 0.0), ("cpu-weight", 1.0), ("memory-weight", 0.0)]
        .map(|(name, weight)| (name.to_owned(), ParameterValue::Number(weight)))
        .into();
    let state = Arc::new(ClusterState::fixed(cluster.snapshot().to_index()));
    let extender = Extender::start_on(&config, state).await.unwrap();
    let container = |cpu: &str| json!({"name": "c", "resources": {"requests": {"cpu": cpu}}});
    let mut sidecar = container("2");
    sidecar["restartPolicy"] = json!("Always");
    for (what, spec, expected) in [
        ("fits on both", json!({"containers": [container("100m")]}), vec!["large", "small"]),
        ("as one container", json!({"containers": [container("2100m")]}), vec!["large"]),
        (
            "as a sidecar",
            json!({"containers": [container("100m")], "initContainers": [sidecar]}),
            vec!["large"],
        ),
        ("while it starts", json!({"initContainers": [container("2100m")]}), vec!["large"]),
        (
            "with its overhead",
            json!({"containers": [container("100m")], "overhead": {"cpu": "2"}}),
            vec!["large"],
        ),
        ("as a whole", json!({"resources": {"requests": {"cpu": "2100m"}}}), vec!["large"]),
    ] {
        let mut request = pod_request("shop", "web-0", "web", &["small", "large"]);
        request["Pod"]["spec"] = spec;
        let answer = extender.prioritize(&request).await.unwrap();
        let named: Vec<&str> = answer.iter().map(|(node, _)| node.as_str()).collect();
        assert_eq!(named, expected, "{what}");
    }
}

/// A node as the API server serves it: mostly what scoring does not use.
fn whole_node(name: &str) -> Value {
    let image = |number: usize| {
        json!({
            "names": [
                format!("registry.example/team/image-{number}@sha256:{:064x}", number * 7919),
                format!("registry.example/team/image-{number}:v1.{number}.0"),
            ],
            "sizeBytes": 73_400_320 + number,
        })
    };
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "KubeletHasSufficient", "message": "kubelet has \"enough\"",
            "lastHeartbeatTime": "2026-11-23T09:35:53Z", "lastTransitionTime": "2026-11-23T09:35:53Z",
        })
    };
    json!({
        "metadata": {
            "name": name, "uid": "703462b4-3fe5-4765-9cd4-3db998157c5e", "resourceVersion": "276",
            "labels": {"kubernetes.io/hostname": name, "name": "not-this", "topology.kubernetes.io/zone": "a"},
            "annotations": {"note": "escaped \"quotes\" and \u{fc}mlauts\n"},
            "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:metadata": {"f:name": {}}}}],
        },
        "spec": {"podCIDR": "10.0.0.0/24", "taints": null, "name": "nor-this"},
        "status": {
            "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "allocatable": {"cpu": "3920m", "memory": "15Gi", "pods": "110"},
            "conditions": [condition("MemoryPressure", "False"), condition("Ready", "True")],
            "images": (0..12).map(image).collect::<Vec<_>>(),
            "nodeInfo": {"kernelVersion": "6.1", "kubeletVersion": "v1.36.3"},
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_nodes_give_the_same_scores_as_their_names() {
    let extender = Extender::start(&config()).await.unwrap();
    let pool: Vec<String> = (0..996).map(|number| format!("pool-{number:04}")).collect();
    let names: Vec<&str> = NODES.into_iter().chain(pool.iter().map(String::as_str)).collect();
    let by_name = extender.prioritize(&request(&names)).await.unwrap();
    assert_eq!(by_name.len(), 3);

    let mut whole = request(&[]);
    whole["NodeNames"] = Value::Null;
    let items: Vec<Value> = names.iter().map(|name| whole_node(name)).collect();
    whole["Nodes"] = json!({"metadata": {"resourceVersion": "1"}, "items": items});
    let bytes = whole.to_string().len();
    assert!(bytes > 3_000_000, "{bytes} bytes are not a realistic list of 1,000 nodes");
    assert_eq!(extender.prioritize(&whole).await.unwrap(), by_name);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_with_what_is_missing() {
    let extender = Extender::start(&config()).await.unwrap();
    let without = |key: &str| {
        let mut body = request(&NODES);
        body.as_object_mut().unwrap().remove(key);
        body.to_string().into_bytes()
    };
    let null_nodes = request(&[]).to_string().replace("\"NodeNames\":[]", "\"NodeNames\":null").into_bytes();
    let mut null_pod = request(&NODES);
    null_pod["Pod"] = Value::Null;
    let mut number = request(&NODES);
    number["NodeNames"][1] = json!(7);
    let mut cut_off = request(&NODES).to_string().into_bytes();
    cut_off.truncate(cut_off.len() / 2);
    let bodies: [(Vec<u8>, &str); 10] = [
        (null_nodes, "neither `NodeNames` (nodeCacheCapable: true) nor `Nodes` (nodeCacheCapable: false)"),
        (without("NodeNames"), "neither `NodeNames`"),
        (without("Pod"), "no `Pod`"),
        (null_pod.to_string().into_bytes(), "no `Pod`"),
        (number.to_string().into_bytes(), "not an ExtenderArgs object"),
        (b"".to_vec(), "not an ExtenderArgs object"),
        (b"garbage".to_vec(), "not an ExtenderArgs object"),
        (b"\xff\xfe{}".to_vec(), "not UTF-8"),
        (cut_off, "EOF"),
        (b"[]".to_vec(), "not an ExtenderArgs object"),
    ];
    let mut refused = 0.0;
    for (body, says) in bodies {
        let (status, text) = extender.post(body).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{says}: {text}");
        assert!(text.contains(says) && text.ends_with('\n') && text.lines().count() == 1, "{text:?}");
        refused += 1.0;
    }
    assert_eq!(extender.metric("netmarks_prioritize_bad_requests_total").await.unwrap(), refused);
    assert_eq!(extender.prioritize(&request(&NODES)).await.unwrap().len(), 3, "the next request is answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_names_the_setting() {
    let mut config = config();
    config.server.max_request_mib = 1;
    let extender = Extender::start(&config).await.unwrap();
    let mut body = request(&NODES).to_string();
    body.extend(std::iter::repeat_n(' ', (1 << 20) + 1 - body.len()));
    let chunks = body
        .as_bytes()
        .chunks(1_000)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
        .collect::<Vec<_>>();
    for body in [
        reqwest::Body::from(body.clone()),
        // Without a Content-Length it is only found out on the way.
        reqwest::Body::wrap_stream(futures::stream::iter(chunks)),
    ] {
        let (status, text) = extender.post(body).await.unwrap();
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(
            text.contains("`server.max_request_mib`") && text.contains("`nodeCacheCapable: true`"),
            "{text}"
        );
    }
    body.pop();
    let (status, answer) = extender.post(body).await.unwrap();
    assert_eq!(status, StatusCode::OK, "exactly the limit is allowed: {answer}");
    assert_eq!(scores(&answer).unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_with_escapes_are_read_as_what_they_mean() {
    let extender = Extender::start(&config()).await.unwrap();
    let mut escaped = String::new();
    for unit in "default/p".split('/').map(|text| text.encode_utf16()) {
        for unit in unit {
            write!(escaped, "\\u{unit:04x}").unwrap();
        }
        escaped.push(' ');
    }
    let (namespace, app) = escaped.trim().split_once(' ').unwrap();
    let body = format!(
        "{{\"Pod\":{{\"metadata\":{{\"name\":\"p\\u002d0\",\"namespace\":\"{namespace}\",\
         \"labels\":{{\"\\u0061pp\":\"{app}\",\"note\":\"a \\\"quoted\\\" text\"}}}}}},\"NodeNames\":[\"node-3\"]}}"
    );
    let (status, answer) = extender.post(body).await.unwrap();
    assert_eq!((status, &*answer), (StatusCode::OK, "[{\"Host\":\"node-3\",\"Score\":10}]"));
    assert_eq!(extender.decision("default/p-0").await.unwrap()["application"], "default/p");

    // A node's name is a DNS name, so Go never escapes one; if somebody does, the answer must not be a broken one.
    let body = request(&["node-3"]).to_string().replace("\"node-3\"", "\"node\\u002d3\"");
    let (status, answer) = extender.post(body).await.unwrap();
    match status {
        StatusCode::OK => assert_eq!(scores(&answer).unwrap(), [("node-3".to_owned(), 10)]),
        _ => assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_nothing_is_known_of_leaves_the_choice_to_the_scheduler() {
    let extender = Extender::start(&config()).await.unwrap();
    let mut unlabelled = request(&NODES);
    unlabelled["Pod"]["metadata"] = json!({"name": "unlabelled", "namespace": "default", "labels": null});
    for (request, reason) in [
        (pod_request("default", "unknown", "nobody", &NODES), "no-preference"),
        (pod_request("elsewhere", "p-0", "p", &NODES), "no-preference"),
        (pod_request("default", "unknown-nodes", "p", &["other-1", "other-2"]), "no-preference"),
        (pod_request("default", "no-nodes", "p", &[]), "no-preference"),
        (unlabelled, "no-preference"),
    ] {
        assert_eq!(
            extender.post(request.to_string()).await.unwrap(),
            (StatusCode::OK, "[]".to_owned()),
            "{request}"
        );
        let metadata = &request["Pod"]["metadata"];
        let pod =
            format!("{}/{}", metadata["namespace"].as_str().unwrap(), metadata["name"].as_str().unwrap());
        assert_eq!(extender.decision(&pod).await.unwrap()["empty"], reason, "{pod}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_paths_are_refused() {
    let extender = Extender::start(&config()).await.unwrap();
    let response = extender.client.get(extender.url("/prioritize")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(extender.get("/filter").await.unwrap().0, StatusCode::NOT_FOUND);
    assert_eq!(extender.get("/v1/decisions?limit=many").await.unwrap().0, StatusCode::BAD_REQUEST);
    assert_eq!(extender.get("/v1/decisions?pods=default/p-0").await.unwrap().0, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_that_it_is_json_and_a_connection_is_used_again() {
    let extender = Extender::start(&config()).await.unwrap();
    let mut ports = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let response = extender
            .client
            .post(extender.url("/prioritize"))
            .body(request(&NODES).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        ports.insert(response.remote_addr());
        assert_eq!(scores(&response.text().await.unwrap()).unwrap().len(), 3);
    }
    assert_eq!(ports.len(), 1);
}
