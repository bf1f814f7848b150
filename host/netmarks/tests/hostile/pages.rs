//! Web pages that make a browser send requests to loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use axum::http::header::HOST;
use reqwest::{Method, StatusCode};

use crate::support::admin::Administered;
use crate::support::{Extender, NODES, config, request};

const FOREIGN: [(&str, &str); 4] = [
    ("origin", "https://example.com"),
    ("host", "example.com"),
    ("host", "rebound.example.com:9820"),
    ("sec-fetch-site", "cross-site"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_schedulers_listener_answers_none() {
    let extender = Extender::start(&config()).await.unwrap();
    for (name, value) in FOREIGN {
        for path in ["/prioritize", "/v1/snapshot", "/v1/decisions", "/metrics", "/readyz"] {
            let url = extender.url(path);
            let asked = match path {
                "/prioritize" => extender.client.post(url).body(request(&NODES).to_string()),
                _ => extender.client.get(url),
            };
            let answer = asked.header(name, value).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path} with {name}: {value}");
        }
    }
    assert_eq!(extender.prioritize(&request(&NODES)).await.unwrap().len(), 3);
    let port = extender.address.port();
    for own in ["localhost".to_owned(), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let answer = extender.client.get(extender.url("/readyz")).header(HOST, &own).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{own}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_the_operators() {
    let running = Administered::start(tempfile::tempdir().unwrap(), |_| {}).await.unwrap();
    for (name, value) in FOREIGN {
        let asked = running.call(Method::GET, "/v1/policies").header(name, value);
        running.send(asked).await.unwrap().refused(403).unwrap();
    }
}
