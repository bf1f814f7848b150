//! Large answers that nobody reads.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;

use netmarks_core::application::Application;
use netmarks_core::facts::PodFacts;
use netmarks_core::index::Index;
use netmarks_state::ClusterState;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Extender, config, request};

/// So many that a snapshot is larger than any socket buffers.
const PODS: usize = 60_000;

fn cluster() -> Arc<ClusterState> {
    let mut index = Index::default();
    for number in 0..PODS {
        index.apply_pod(&PodFacts {
            key: format!("some-namespace/some-application-with-a-long-name-{number}"),
            application: Some(Application::new("some-namespace", "some-application-with-a-long-name")),
            node: Some(format!("node-{}", number % 100)),
            gone: false,
            requests: Default::default(),
            confined: false,
            revision: 0,
        });
    }
    Arc::new(ClusterState::fixed(index))
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_made_two_at_a_time_and_only_as_far_as_they_are_read() {
    let extender = Extender::start_on(&config(), cluster()).await.unwrap();
    let mut begun = Vec::new();
    let mut made = 0;
    for _ in 0..60 {
        let mut stream = TcpStream::connect(extender.address).await.unwrap();
        stream.write_all(b"GET /v1/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        match &head {
            b"HTTP/1.1 200" => made += 1,
            b"HTTP/1.1 503" => {}
            other => panic!("{other:?}"),
        }
        begun.push(stream);
    }
    assert_eq!(made, 2);
    extender.prioritize(&request(&["node-1", "node-2"])).await.unwrap();
    // Those that leave make room for others.
    drop(begun);
    let whole = crate::support::eventually("another is made", async || {
        let (status, text) = extender.get("/v1/snapshot").await?;
        Ok(status.is_success().then_some(text))
    })
    .await
    .unwrap();
    assert!(whole.ends_with("}\n") && whole.matches("some-application-with-a-long-name-").count() == PODS);
}
