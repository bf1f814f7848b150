//! Every preset through a real VictoriaMetrics: as it scrapes itself, and as Prometheus recorded and sent.

use crate::support::{LIMIT, PRESETS, SCRAPE, config, expected, quick_rules, recorded, stores, wait_flows};
use anyhow::Result;
use netmarks_test_cluster::{PrometheusOptions, PrometheusServer, VictoriaMetrics};
use netmarks_test_traffic::EveryTopology;
use serde_json::json;

/// Its `rate()` takes the sample before the range into account and extrapolates nothing, unlike Prometheus'. Of even
/// traffic both give the same, so the tolerance is that of Prometheus.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victoria_metrics_gives_the_flows_that_prometheus_gives() -> Result<()> {
    let traffic = EveryTopology::start().await?;
    let store = VictoriaMetrics::start(&stores()?, &traffic.targets(), SCRAPE, &[]).await?;
    // As large installations do: what Prometheus recorded is kept in the store, what it scraped is not.
    let folder = tempfile::tempdir()?;
    let options = PrometheusOptions::new(&traffic.targets(), SCRAPE)
        .with("rule_files", json!([quick_rules(folder.path())?]))
        .with(
            "remote_write",
            json!([{
                "url": format!("{}/api/v1/write", store.url()),
                "write_relabel_configs":
                    [{"source_labels": ["__name__"], "regex": "netmarks:flow_bytes:.+", "action": "keep"}],
            }]),
        );
    let prometheus = PrometheusServer::start_with(&options).await?;
    prometheus.wait_scraped(traffic.targets().len(), LIMIT).await?;
    for (preset, identities) in PRESETS {
        for identity in identities {
            let expected = expected(preset);
            wait_flows(&format!("{preset:?}"), &config(store.url(), preset), *identity, &expected).await?;
            let recorded = recorded(store.url(), preset);
            wait_flows(&format!("{preset:?}, recorded"), &recorded, *identity, &expected).await?;
        }
    }
    Ok(())
}
