//! The presets through VictoriaMetrics, and tenants: stores behind a path, a password, or a router that goes by a header.

mod support;

use anyhow::{Result, ensure};
use netmarks_core::application::Identity;
use netmarks_sources::prometheus::MetricsConfig;
use netmarks_sources::prometheus::client::QueryError;
use netmarks_sources::prometheus::config::Secret;
use netmarks_sources::prometheus::presets::PresetName;
use netmarks_test_cluster::{MetricsStores, PrometheusOptions, PrometheusServer, VictoriaMetrics, VmAuth};
use netmarks_test_traffic::{EveryTopology, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};
use serde_json::json;
use std::sync::Arc;
use support::{Flows, LIMIT, PRESETS, SCRAPE, config, expected, expected_in, flows, quick_rules, wait_flows};

#[expect(clippy::print_stderr, reason = "a build takes minutes, and whoever waits should know")]
fn stores() -> Result<MetricsStores> {
    MetricsStores::ensure(&|line| eprintln!("{line}"))
}

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
            let mut recorded = config(store.url(), PresetName::Recorded);
            let name = serde_json::to_value(preset)?.as_str().unwrap_or_default().to_owned();
            recorded.match_labels.insert("preset".to_owned(), name);
            wait_flows(&format!("{preset:?}, recorded"), &recorded, *identity, &expected).await?;
        }
    }
    Ok(())
}

/// A store of one tenant's own, whose pods are in the namespace of the same name.
async fn tenant(
    stores: &MetricsStores,
    name: &str,
    flags: &[&str],
) -> Result<(TrafficServer, VictoriaMetrics)> {
    let edges = EveryTopology::edges(name).into();
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges, &Pods::default(), wall_clock());
    let traffic = TrafficServer::start(Arc::new(mesh)).await?;
    let store = VictoriaMetrics::start(stores, &traffic.targets(), SCRAPE, flags).await?;
    Ok((traffic, store))
}

fn tenants_flows(name: &str) -> Flows {
    expected_in(PresetName::Istio, Topology::Sidecar, name)
}

fn header(url: &str, tenant: &str) -> MetricsConfig {
    let mut config = config(url, PresetName::Istio);
    config.headers.insert("X-Scope-OrgID".to_owned(), Secret::new(tenant));
    config
}

fn basic(url: &str, username: &str, password: &str) -> MetricsConfig {
    let mut config = config(url, PresetName::Istio);
    config.auth.username = Some(username.to_owned());
    config.auth.password = Some(Secret::new(password));
    config
}

/// What a refresh complains of.
async fn complaint(config: &MetricsConfig) -> Result<String> {
    match flows(config, Identity::App).await {
        Ok(found) => anyhow::bail!("it was answered: {found:?}"),
        Err(error) => {
            ensure!(error.downcast_ref::<QueryError>().is_some(), "{error:?}");
            Ok(error.to_string())
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_tenant_sees_its_own_flows_and_strangers_are_told_what_to_set() -> Result<()> {
    let stores = stores()?;
    let (_blue_traffic, blue) = tenant(&stores, "blue", &[]).await?;
    let flags = ["-http.pathPrefix=/green", "-httpAuth.username=netmarks", "-httpAuth.password=secret"];
    let (_green_traffic, green) = tenant(&stores, "green", &flags).await?;

    // A store behind a path and a password.
    let allowed = basic(green.url(), "netmarks", "secret");
    wait_flows("a password", &allowed, Identity::App, &tenants_flows("green")).await?;
    for stranger in [basic(green.url(), "netmarks", "wrong"), config(green.url(), PresetName::Istio)] {
        let complaint = complaint(&stranger).await?;
        ensure!(complaint.contains("401") && complaint.contains("check `auth` and `headers`"), "{complaint}");
    }
    let no_path = basic(green.url().trim_end_matches("/green"), "netmarks", "secret");
    let complaint_of_path = complaint(&no_path).await?;
    ensure!(complaint_of_path.contains("check the path in `url`"), "{complaint_of_path}");

    // A router in front of both: by header as Mimir, Cortex and Thanos have it, by path as VictoriaMetrics' cluster.
    let green_origin = green.url().replace("http://", "http://netmarks:secret@");
    let tenants = [("blue", "0", blue.url()), ("green", "1", green_origin.as_str())];
    let by_header = tenants.map(|(name, _, store)| {
        json!({
            "src_paths": ["/prometheus/api/v1/query"],
            "src_headers": [format!("X-Scope-OrgID: {name}")],
            "url_prefix": store,
            "drop_src_path_prefix_parts": 1,
        })
    });
    let by_path = tenants.map(|(_, number, store)| {
        json!({
            "src_paths": [format!("/select/{number}/prometheus/api/v1/query")],
            "url_prefix": store,
            "drop_src_path_prefix_parts": 3,
        })
    });
    let by_user = tenants.map(|(name, _, store)| {
        json!({"username": name, "password": format!("{name}-password"), "url_prefix": store})
    });
    let by_token =
        tenants.map(|(name, _, store)| json!({"bearer_token": format!("{name}-token"), "url_prefix": store}));
    let routes: Vec<_> = by_header.into_iter().chain(by_path).collect();
    let users: Vec<_> = by_user.into_iter().chain(by_token).collect();
    let router =
        VmAuth::start(&stores, &json!({"unauthorized_user": {"url_map": routes}, "users": users})).await?;
    for (name, number, _) in tenants {
        let expected = tenants_flows(name);
        let mimir = header(&format!("{}/prometheus", router.url()), name);
        wait_flows("X-Scope-OrgID", &mimir, Identity::App, &expected).await?;
        let cluster = config(&format!("{}/select/{number}/prometheus", router.url()), PresetName::Istio);
        wait_flows("a path", &cluster, Identity::App, &expected).await?;
        let user = basic(router.url(), name, &format!("{name}-password"));
        wait_flows("a user", &user, Identity::App, &expected).await?;
        let mut token = config(router.url(), PresetName::Istio);
        token.auth.bearer_token = Some(Secret::new(format!("{name}-token")));
        wait_flows("a token", &token, Identity::App, &expected).await?;
    }
    for stranger in [
        header(&format!("{}/prometheus", router.url()), "red"),
        config(&format!("{}/prometheus", router.url()), PresetName::Istio),
        config(&format!("{}/select/2/prometheus", router.url()), PresetName::Istio),
    ] {
        let complaint = complaint(&stranger).await?;
        ensure!(complaint.contains("tenant in `headers` or in that path"), "{complaint}");
    }
    let complaint = complaint(&basic(router.url(), "blue", "green-password")).await?;
    ensure!(complaint.contains("check `auth` and `headers`"), "{complaint}");
    Ok(())
}
