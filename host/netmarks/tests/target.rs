//! The target placement of the running program: computed only where a policy asks for it, and shown as how near the cluster is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use crate::support::{Extender, config, eventually};
use anyhow::Result;
use netmarks_test_cluster::repository::guest_file;
use serde_json::Value;

async fn report(extender: &Extender) -> Result<Value> {
    Ok(serde_json::from_str(&extender.get("/v1/target").await?.1)?)
}

async fn settled(extender: &Extender, state: &str) -> Value {
    let probe = async || Ok(Some(report(extender).await?).filter(|report| report["state"] == state));
    eventually("the target", probe).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_computed_for_a_policy_that_asks_and_shown() {
    let mut config = config();
    let quiet = Extender::start(&config).await.unwrap();
    let report = settled(&quiet, "not-asked-for").await;
    assert!(report["target"].is_null(), "{report}");

    config.policy.file = Some(guest_file("columns"));
    let extender = Extender::start(&config).await.unwrap();
    let report = settled(&extender, "ready").await;
    let share = |name: &str| report[name].as_f64().unwrap();
    assert!(share("now") <= share("target") && share("target") <= share("bound") + 1e-9, "{report}");
    let metric = extender.metric(r#"netmarks_gained_affinity_ratio{placement="target"}"#).await.unwrap();
    assert!((metric - share("target")).abs() < 1e-9);
    assert_eq!(report["search_finished"], true);
    let digest = format!("netmarks_target_digest{{digest={}}}", report["digest"]);
    assert_eq!(extender.metric(&digest).await.unwrap(), 1.0);
    assert_eq!(extender.metric(r#"netmarks_target_state{state="ready"}"#).await.unwrap(), 1.0);

    config.target.enabled = false;
    let without = Extender::start(&config).await.unwrap();
    assert_eq!(settled(&without, "disabled").await["state"], "disabled");
}
