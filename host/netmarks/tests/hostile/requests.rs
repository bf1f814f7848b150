//! Requests that Kubernetes cannot have made.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use netmarks_engine::ParameterValue;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Extender, NODES, config, hostile, request};

#[tokio::test(flavor = "multi_thread")]
async fn names_that_kubernetes_does_not_take_are_refused_and_not_kept() {
    let extender = Extender::start(&config()).await.unwrap();
    let long = "x".repeat(30_000_000);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = request(&NODES);
        change(&mut body);
        body.to_string()
    };
    for (body, says) in [
        (with(&|body| body["Pod"]["metadata"]["name"] = json!(long)), "the pod's namespace and name has"),
        (with(&|body| body["Pod"]["metadata"]["labels"]["app"] = json!(long)), "the pod's application has"),
        (with(&|body| body["Pod"]["metadata"]["labels"]["other"] = json!(long)), "a label's value has"),
        (with(&|body| body["NodeNames"][0] = json!(long)), "a node's name has"),
    ] {
        let (status, text) = extender.post(body).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{says}");
        assert!(text.contains(says) && text.len() < 200, "{text}");
    }
    assert_eq!(extender.json("/v1/decisions").await.unwrap(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_nodes_than_any_cluster_has_are_refused() {
    let extender = Extender::start(&config()).await.unwrap();
    // As kube-scheduler writes them, and as a parser must take them.
    for separator in [",", ", "] {
        let names = vec!["\"x\""; 9_000_000].join(separator);
        let body = format!("{{\"Pod\":{{\"metadata\":{{\"name\":\"p\"}}}},\"NodeNames\":[{names}]}}");
        let (status, text) = extender.post(body).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        assert!(text.contains("more than 65536 node names"), "{text}");
    }
    let many: Vec<String> = (0..70_000).map(|number| format!("n-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (status, text) = extender.post(request(&many).to_string()).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("more than 65536 node names"), "{text}");
}

/// Some thousand names that no node bears, in a cluster of four.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_of_a_requests_size_is_not_the_policys_fault() {
    let mut config = hostile("trap");
    config.policy.parameters.insert("candidates".into(), ParameterValue::Number(1_000.0));
    config.policies.rollback.min_calls = 1;
    let extender = Extender::start(&config).await.unwrap();
    let many: Vec<String> = (0..1_000).map(|number| format!("n-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for asked in 1..=20 {
        assert_eq!(extender.prioritize(&request(&many)).await.unwrap(), []);
        extender
            .counted(
                "netmarks_policy_faults_total{policy=\"hostile\",stage=\"score\",cause=\"trap\"}",
                asked.into(),
            )
            .await
            .unwrap();
    }
    assert_eq!(extender.metric("netmarks_policy_degraded{policy=\"hostile\"}").await.unwrap(), 0.0);
    assert_eq!(extender.prioritize(&request(&NODES)).await.unwrap().len(), 4);
}
