//! `netmarks demo`: its page comes first, shows why the pod that waits would go where it would, and lives.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use anyhow::Result;
use serde_json::{Value, json};

use crate::support::binary::Server;
use crate::support::{client, eventually};

/// The pod of the sample that has no node.
const WAITING: &str = "boutique/checkoutservice-jrtjrm4kjs-h6n6x";

#[tokio::test(flavor = "multi_thread")]
async fn the_pod_that_waits_is_decided_at_once_and_others_follow() {
    let demo = Server::demo(&[]).await.unwrap();
    let (page, client) = (demo.page().unwrap(), client().unwrap());
    let decisions = async |query: &str| -> Result<Vec<Value>> {
        let answer = client.get(format!("{page}/v1/decisions?{query}")).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    };
    let of_waiting = format!("pod={WAITING}");
    let waiting = eventually("the pod that waits has scores", async || {
        Ok(decisions(&of_waiting).await?.into_iter().find(|decision| decision["empty"].is_null()))
    })
    .await
    .unwrap();
    // As it is ranked on the terminal.
    let best = &waiting["nodes"][0];
    assert_eq!(
        (&best["node"], &best["score"], &waiting["candidates"]),
        (&json!("node-b1"), &json!(10), &json!(6))
    );
    assert_eq!(best["peers"][0]["application"], "boutique/shippingservice");
    let replaced = eventually("another pod is decided, and seen where it went", async || {
        let all = decisions("brief=true").await?;
        Ok(all.into_iter().find(|decision| decision["pod"] != WAITING && decision["chosen"].is_string()))
    })
    .await
    .unwrap();
    assert!(replaced["at"].as_f64() > waiting["at"].as_f64());
    assert!(decisions(&of_waiting).await.unwrap()[0]["chosen"].is_null(), "it goes on waiting");
}
