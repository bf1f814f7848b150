//! Every preset against a real Prometheus that scrapes every topology: as scraped, as recorded, and as federated.

use std::time::Duration;

use crate::support::{
    Flows, LIMIT, PRESETS, SCRAPE, config, expected, flows, quick_rules, recorded, wait_flows,
};
use anyhow::Result;
use netmarks_core::application::Identity;
use netmarks_sources::prometheus::choice::PresetName;
use netmarks_test_cluster::{PrometheusOptions, PrometheusServer};
use netmarks_test_traffic::EveryTopology;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_preset_finds_its_mesh_s_flows_scraped_recorded_and_federated() -> Result<()> {
    let traffic = EveryTopology::start().await?;
    let targets = traffic.targets();
    let folder = tempfile::tempdir()?;
    let options =
        PrometheusOptions::new(&targets, SCRAPE).with("rule_files", json!([quick_rules(folder.path())?]));
    let scraping = PrometheusServer::start_with(&options).await?;
    let federate = json!([{
        "job_name": "netmarks",
        "honor_labels": true,
        "metrics_path": "/federate",
        "params": {"match[]": ["{__name__=~\"netmarks:flow_bytes:.+\"}"]},
        "static_configs": [{"targets": [scraping.url().trim_start_matches("http://")]}],
    }]);
    let options = PrometheusOptions::new(&[], SCRAPE).with("scrape_configs", federate);
    let federating = PrometheusServer::start_with(&options).await?;
    scraping.wait_scraped(targets.len(), LIMIT).await?;
    federating.wait_scraped(1, LIMIT).await?;

    for (preset, identities) in PRESETS {
        let expected = expected(preset);
        for identity in identities {
            wait_flows(&format!("{preset:?}"), &config(scraping.url(), preset), *identity, &expected).await?;
            for (what, server) in [("recorded", &scraping), ("federated", &federating)] {
                let config = recorded(server.url(), preset);
                wait_flows(&format!("{preset:?}, {what}"), &config, *identity, &expected).await?;
            }
        }
    }

    // Nothing of an identity that no rule records, and nothing but what the rules record is federated.
    let linkerd = recorded(scraping.url(), PresetName::Linkerd);
    assert_eq!(flows(&linkerd, Identity::App).await?, Flows::new());
    assert_eq!(flows(&config(federating.url(), PresetName::Istio), Identity::App).await?, Flows::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_clusters_in_one_store_only_those_that_match_count() -> Result<()> {
    let traffic = EveryTopology::start().await?;
    let mut targets = traffic.targets();
    let mut others = targets.clone();
    for (targets, cluster) in [(&mut targets, "one"), (&mut others, "two")] {
        for target in targets {
            target.labels.insert("cluster".to_owned(), cluster.to_owned());
        }
    }
    let both: Vec<_> = targets.iter().chain(&others).cloned().collect();
    let prometheus = PrometheusServer::start(&both, SCRAPE).await?;
    prometheus.wait_scraped(both.len(), LIMIT + Duration::from_secs(30)).await?;
    for (preset, identities) in PRESETS {
        let Some(identity) = identities.first().copied() else { continue };
        for cluster in ["one", "two"] {
            let mut config = config(prometheus.url(), preset);
            config.match_labels.insert("cluster".to_owned(), cluster.to_owned());
            wait_flows(&format!("{preset:?} in {cluster}"), &config, identity, &expected(preset)).await?;
        }
    }
    // Without it, both clusters' bytes are taken for one's: web sends twice as much.
    let doubled: Flows =
        expected(PresetName::Linkerd).into_iter().map(|(ends, rate)| (ends, rate * 2.0)).collect();
    wait_flows("both clusters", &config(prometheus.url(), PresetName::Linkerd), Identity::Workload, &doubled)
        .await
}
